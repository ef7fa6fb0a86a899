"""A small, faithful GenServer on asyncio: calls whose reply may come later, from anywhere.

THEORY OF OPERATION

A server is an object with a mailbox and a state. It handles one message at a time; its callbacks
get the state, and return the next one. `start` makes a server, runs its `init`, and returns the
object, which is what Erlang calls a pid: send it in messages, compare it, use it as a key.

`await server.call(request)` puts the request into the mailbox, and waits. `handle_call` may reply
at once. It may also keep the `From` that it is given and return `NoReply`: then the caller waits,
the server handles other messages, and any callback or process replies later, with `reply(from_,
value)`. So an answer that comes as a message looks like the result of a function.

    >>> from genreply_cli.otp import GenServer, Node, NoReply, reply, send_after
    >>> from genreply_cli.otp.virtual_time import run

    >>> class Greeter(GenServer[None]):
    ...     def init(self):
    ...         return None
    ...
    ...     def handle_call(self, request, from_, state):
    ...         send_after(self, 60.0, (from_, f"{request} to you too!"))  # the answer comes later
    ...         return NoReply(state)  # the caller waits
    ...
    ...     def handle_info(self, message, state):
    ...         from_, answer = message
    ...         reply(from_, answer)  # now it goes on
    ...         return NoReply(state)

    >>> async def main():
    ...     async with Node():  # servers run in a node
    ...         print(await Greeter.start().call("Hello", timeout=None))

    >>> run(main())  # asyncio.run does, too; on this clock the minute takes no time
    Hello to you too!

WHAT A CALLBACK RETURNS

    Reply(value, state)     from handle_call: the caller gets the value
    NoReply(state)          the server goes on; from handle_call: the caller is kept
    Stop(reason, state)     the server ends; reply=value answers the caller before that
    Raise(error)            in place of a value: the call raises this error
    then=Continue(x)        of Reply and NoReply: handle_continue(x, state) is next
    timeout=seconds         of Reply and NoReply: handle_info gets Timeout() if nothing comes

`init` returns the first state, or `Init`, `Stop` or `Ignore`. All callbacks but `init` may be
async. An error that a callback raises ends the server: it crashes.

HOW A CALL FAILS

    CallTimeout     no reply came within the timeout, 5 seconds unless it is given
    NoProcess       the server has ended, or no server has that name; at once
    ServerExit      the server ended before it replied; `reason` says why; at once
    MailboxFull     its mailbox has a limit, and as many messages wait; at once
    CallingSelf     a server called itself

THE REST

Links, monitors and a Supervisor tell of ends. `start_task` and `start_source` give a server tasks
and sources that end with it. `Node(observe=f)` calls `f` with an `Event` for each message. `debug`
looks into a server, as Erlang's `:sys`. `README.md` beside this file is the guide. The package
needs nothing but the standard library, and imports nothing of the rest of genreply. To read the
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
from genreply_cli.otp.callbacks import Report
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
    "NoProcess", "NoReply", "Node", "Opened", "Raise", "Reply", "Report", "Request", "Result",
    "ServerExit", "Source", "Stop", "StopTimeout", "Strategy", "Supervisor", "Task", "Timeout",
    "Timer", "about", "call", "cast", "current_call", "debug", "demonitor", "exit", "fail", "link",
    "monitor", "note", "reply", "send", "send_after", "send_request", "start_source", "start_task",
    "stop", "unlink", "whereis",
]  # fmt: skip
