"""What an observer is told: one `Event` for each message, and for each turn in the life of a call or a process.

`Node(observe=f)` calls `f(event)` at the moment the thing happens, in the order in which things happen. The kinds, and which
fields say what:

    kind       source         target     message      about   detail            what happened
    start      the process    -          -            -       parent or None    a server was started
    call       the caller     server     the request  From    timeout           somebody asks, and waits
    noreply    the server     -          -            From    -                 handle_call kept the caller waiting
    cast       the sender     server     the message  -       -                 a message that expects no answer
    info       the sender     server     the message  -       -                 any other message (`send`)
    reply      who answered   the caller the reply    From    -                 the answer reached its caller
    late       who answered   the caller the reply    From    -                 dropped: the caller had gone
    duplicate  who answered   the caller the reply    From    -                 dropped: already answered
    timeout    the caller     server     -            From    timeout           the caller gave up
    cancel     the caller     server     -            From    -                 the caller was cancelled
    lost       the sender     server     the message  -       "cast" or "info"  sent to the dead
    crash      the process    -          the error    -       -                 a callback raised
    exit       the process    -          the reason   -       who, by a link    a process ended
    down       the process    who hears  the reason   From    -                 a waiting caller, or a monitor, was told
    note       who says it    -          anything     -       -                 something of the program

A source or target is a GenServer, or the asyncio.Task of a caller that is no process (None outside any task).
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from genreply_cli.otp.answers import From

Kind = Literal[
    "start", "call", "noreply", "cast", "info", "reply", "late", "duplicate", "timeout", "cancel", "lost", "crash", "exit",
    "down", "note",
]  # fmt: skip


class Event(NamedTuple):
    """One thing that happened in a node.

    `cause` is the `seq` of the event that led to this one, and `call` the call that both belong to: whatever happens while a
    message is handled, or was scheduled then, belongs to that message's call, as with the token of Erlang's `seq_trace`.
    `about` is the call that the event is directly about; a reply whose `about` is not its `call` went to the wrong caller.
    """

    seq: int
    time: float  # seconds, on the clock of the event loop
    kind: Kind
    source: Any  # a GenServer, an asyncio.Task or None, as in the table above
    target: Any
    message: object = None
    call: "From[Any] | None" = None
    cause: int | None = None
    about: "From[Any] | None" = None
    detail: Any = None
