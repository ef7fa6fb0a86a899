"""A small, faithful GenServer on asyncio: calls whose reply may come later, from anywhere.

It behaves as Erlang's gen_server does, message by message: default timeouts, prompt errors, links,
monitors, names; and one observer sees every message. It needs nothing but the standard library, and
imports nothing of the rest of this package. `README.md` beside this file is the guide. To read the
code, start with `callbacks`, then `genserver`; `status` explains a process from within.
"""

from genreply_cli.otp import debug
from genreply_cli.otp.answers import (
    Continue,
    Down,
    Exited,
    Ignore,
    Init,
    Item,
    Monitor,
    NoReply,
    Opened,
    Raise,
    Reply,
    Request,
    Result,
    Stop,
    Timeout,
)
from genreply_cli.otp.calls import From
from genreply_cli.otp.events import Event
from genreply_cli.otp.exits import (
    AlreadyStarted,
    BadReturn,
    CallError,
    CallingSelf,
    CallTimeout,
    ChildError,
    Exit,
    MailboxFull,
    NoProcess,
    ServerExit,
    StopTimeout,
)
from genreply_cli.otp.facade import Blocking, Facade
from genreply_cli.otp.functions import (
    Timer,
    call,
    cast,
    demonitor,
    exit,
    fail,
    link,
    monitor,
    note,
    reply,
    send,
    send_after,
    send_request,
    stop,
    unlink,
    whereis,
)
from genreply_cli.otp.genserver import GenServer
from genreply_cli.otp.node import Node
from genreply_cli.otp.owned import (
    Source,
    Task,
    about,
    current_call,
    start_source,
    start_task,
)
from genreply_cli.otp.supervisor import (
    ChildCounts,
    ChildInfo,
    ChildSpec,
    Strategy,
    Supervisor,
)

__all__ = [
    "AlreadyStarted", "BadReturn", "Blocking", "CallError", "CallTimeout", "CallingSelf",
    "ChildCounts", "ChildError", "ChildInfo", "ChildSpec", "Continue", "Down", "Event", "Exit",
    "Exited", "Facade", "From", "GenServer", "Ignore", "Init", "Item", "MailboxFull", "Monitor",
    "NoProcess", "NoReply", "Node", "Opened", "Raise", "Reply", "Request", "Result", "ServerExit",
    "Source", "Stop", "StopTimeout", "Strategy", "Supervisor", "Task", "Timeout", "Timer", "about",
    "call", "cast", "current_call", "debug", "demonitor", "exit", "fail", "link", "monitor", "note",
    "reply", "send", "send_after", "send_request", "start_source", "start_task", "stop", "unlink",
    "whereis",
]  # fmt: skip
