"""A real WebSocket server that greets back: `genreply serve`.

Read greeter.py first, which answers the frames of one connection; server.py has what is around it.
"""
