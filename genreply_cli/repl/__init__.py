"""`genreply repl`: a session at a prompt, in which each greeting blocks until its deferred reply.

run.py leads from the start of a session to its last line; read it first, then shell.py.
"""
