"""See one's own program: what happens in any node is recorded to a file, and drawn as a timeline.

    async with Node():
        with watch(record="run.jsonl", timeline=True):
            …

Without a change in the program: `genreply run app.py`, or the variables GENREPLY_RECORD,
GENREPLY_TIMELINE and GENREPLY_ATTACH, which environment.py reads. Read watch.py first, then
door.py, through which `genreply attach` and `genreply top` look at a node. The runtime knows
nothing of this wing: a node calls its observers, and calls the functions of `otp.node.on_open` when
it opens.
"""

from genreply_cli.observe.watch import Watch, watch

__all__ = ["Watch", "watch"]
