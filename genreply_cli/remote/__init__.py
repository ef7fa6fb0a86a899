"""A real WebSocket behind the coordinators: `--url` puts it in the place of the fake one.

Read socket.py first, which is the process. target.py says where to connect, dialer.py when, and
connecting.py does it, through proxy.py if there is one; closing.py is the end. frames.py says what
is sent. failures.py has the sentences for all that goes wrong.
"""
