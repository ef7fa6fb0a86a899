"""What an observer gets: an `Event` for each message and each turn of a call or a process.

`Node(observe=f)` calls `f(event)` when the thing happens, in the order in which things happen. The
kinds, and what the fields say:

    kind       source       target      message      about  detail       what happened
    start      the process  -           -            -      the parent   a server was started
    call       the caller   the server  the request  From   timeout      a call began
    noreply    the server   -           -            From   -            handle_call gave no reply
    cast       the sender   the server  the message  -      -            a request without a reply
    info       the sender   the server  the message  -      -            any other message (`send`)
    reply      the replier  the caller  the reply    From   -            the caller got its reply
    late       the replier  the caller  the reply    From   -            dropped: the caller is gone
    duplicate  the replier  the caller  the reply    From   -            dropped: it had a reply
    timeout    the caller   the server  -            From   timeout      the caller gave up
    cancel     the caller   the server  -            From   -            the caller was cancelled
    lost       the sender   the server  the message  -      cast/info    sent to no process
    crash      the process  -           the error    -      -            a callback raised
    exit       the process  -           the reason   -      the killer   a process ended
    down       the process  the hearer  the reason   From   -            its end, told to a caller
                                                                         that waits, or a monitor
    down       the caller   the server  the reason   From   -            it gave up, told to a
                                                                         server that monitors this
    note       the sender   -           anything     -      -            something of the program
    state      the server   -           the state    -      Continue     a callback has returned it

`state` events come only if they are asked for: `Node(observe=f, states=True)`. There is one after
init and after each callback that returns `Reply` or `NoReply`, before the `reply` or `noreply` of
that callback. The message is the state itself, which the server may change later; the detail is
what `handle_continue` gets next, or None. A state event has the `seq` of the event before it, so
that the other events have the same numbers with and without states.

A source or target is a GenServer, or the asyncio.Task of a caller that is no process (None outside
any task). The parent is None for a server that a plain task started; the killer is the process
whose exit signal ended this one, or None.

What a process owns, a Task or a Source, has a start and an exit, too, and sends its messages to its
owner, which stands in place of a parent.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from genreply_cli.otp.calls import From

Kind = Literal[
    "start", "call", "noreply", "cast", "info", "reply", "late", "duplicate", "timeout", "cancel",
    "lost", "crash", "exit", "down", "note", "state",
]  # fmt: skip


class Event(NamedTuple):
    """One thing that happened in a node. `time` is in seconds, on the clock of the event loop.

    `cause` is the `seq` of the event that led to this one, and `call` the call to which both
    belong: what happens while a message is handled, or is scheduled then, belongs to the call of
    that message, as with the token of Erlang's `seq_trace`. `about` is the call that the event
    itself is about: a reply whose `about` is not its `call` went to the wrong caller.
    """

    seq: int
    time: float
    kind: Kind
    source: Any
    target: Any
    message: object = None
    call: "From[Any] | None" = None
    cause: int | None = None
    about: "From[Any] | None" = None
    detail: Any = None
