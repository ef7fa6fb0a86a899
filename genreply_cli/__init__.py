"""genreply: a GenServer's deferred reply, seen.

coordinator, websocket, variations  the exhibits, to be read beside the Elixir
otp                                 the GenServer runtime they run on; it could be lifted out
session, faults, scenarios, send    a coordinator at work: its settings, its bad network, its demos
trace, transcript, timeline, player what an observer was told, as plain steps: kept, drawn, replayed
cli, repl                           what people type
"""

__version__ = "0.1.0"
