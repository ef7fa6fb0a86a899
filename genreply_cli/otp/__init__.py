"""A small, faithful GenServer on asyncio: deferred replies, default timeouts, prompt errors, links, monitors, and one observer.

It behaves as Erlang's gen_server does, message by message, needs nothing but the standard library, and knows nothing of the rest
of this package. Start reading in `genserver`; `answers` and `exits` say what may be answered and how it may end.
"""

from genreply_cli.otp import debug
from genreply_cli.otp.answers import (
    Continue,
    Down,
    Exited,
    From,
    Ignore,
    Init,
    Monitor,
    NoReply,
    Reply,
    Request,
    Stop,
    Timeout,
)
from genreply_cli.otp.events import Event
from genreply_cli.otp.exits import (
    AlreadyStarted,
    BadReturn,
    CallError,
    CallingSelf,
    CallTimeout,
    Exit,
    NoProcess,
    ServerExit,
    StopTimeout,
)
from genreply_cli.otp.genserver import (
    GenServer,
    Timer,
    call,
    cast,
    demonitor,
    exit,
    link,
    monitor,
    note,
    reply,
    send,
    send_after,
    stop,
    unlink,
    whereis,
)
from genreply_cli.otp.node import Node

__all__ = [
    "AlreadyStarted", "BadReturn", "CallError", "CallTimeout", "CallingSelf", "Continue", "Down", "Event", "Exit", "Exited",
    "From", "GenServer", "Ignore", "Init", "Monitor", "NoProcess", "NoReply", "Node", "Reply", "Request", "ServerExit", "Stop",
    "StopTimeout", "Timeout", "Timer", "call", "cast", "debug", "demonitor", "exit", "link", "monitor", "note", "reply", "send",
    "send_after", "stop", "unlink", "whereis",
]  # fmt: skip
