"""`genreply repl`: greetings typed at a prompt, each of which blocks until its deferred reply.

Read run.py first.
"""
