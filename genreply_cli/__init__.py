"""genreply shows a GenServer's deferred reply: asynchronous work behind a call that waits.

Begin with `coordinator.py` and `websocket.py`, which are to be read beside the Elixir, then
`otp/genserver.py`, the runtime under them. What an observer of the runtime is told becomes steps
(`transcript/`), which are drawn (`timeline/`), checked (`analysis/`), told in words (`explain/`),
exported (`export/`) and replayed (`player/`). `observe/` does so for programs of your own. The
commands are in `cli/`, the REPL is in `repl/`.
`service.py` puts connections of your own behind a call that waits.
"""

from os import environ as _variables

__version__ = "0.1.0"

# A program that is asked to show itself by its environment does so without a change: its nodes call
# what `observe` adds. It is a plugin, which is imported by its name: nothing here needs it.
if any(map(_variables.get, ("GENREPLY_RECORD", "GENREPLY_TIMELINE", "GENREPLY_ATTACH"))):
    __import__("genreply_cli.observe.environment")
