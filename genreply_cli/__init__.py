"""genreply shows a GenServer's deferred reply: asynchronous work behind a call that waits.

Begin with `coordinator.py` and `websocket.py`, which are to be read beside the Elixir, then
`otp/genserver.py`, the runtime under them. What an observer of the runtime is told becomes steps
(`transcript/`), which are drawn (`timeline/`), checked (`analysis/`), told in words (`explain/`),
exported (`export/`) and replayed (`player/`). The commands are in `cli/`, the REPL is in `repl/`.
"""

__version__ = "0.1.0"
