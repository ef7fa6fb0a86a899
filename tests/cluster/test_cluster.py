"""Python servers called from a real Elixir node, and real Elixir servers called from Python."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import NEEDS_ELIXIR, Peer
from servers import Echo

from genreply_cli.cluster import Atom, Cluster, ClusterError, NoConnection, NotATerm, RemoteError
from genreply_cli.coordinator import Greet
from genreply_cli.otp import (
    CallTimeout,
    Down,
    Exited,
    GenServer,
    Node,
    NoProcess,
    NoReply,
    Raise,
    Reply,
    Request,
    ServerExit,
    Stop,
    link,
    monitor,
    reply,
)
from genreply_cli.variations import KeyedCoordinator

pytestmark = NEEDS_ELIXIR
ME = f"py{os.getpid()}@127.0.0.1"
names = map("server{}".format, count(1))


class Here:
    """A cluster node in a thread of its own: `run` calls a function there and waits."""

    def __init__(self, node: Node, cluster: Cluster) -> None:
        self.run = node.run
        self.cluster = cluster

    def serve(self, server: GenServer[Any], *messages: type) -> str:
        """Serve a server under a new name, and return what Elixir calls it."""
        name = next(names)
        self.run(self.cluster.serve, name, server, *messages)
        return f'{{:{name}, :"{self.cluster.node}"}}'


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    with ExitStack() as stack:
        node = stack.enter_context(Node.in_thread())
        cluster = Cluster(ME)
        node.run(cluster.__aenter__)
        stack.callback(node.run, cluster.__aexit__, None, None, None)
        yield Here(node, cluster)


@dataclass(frozen=True)
class Do(Request[Any]):
    """A call to a Doer: return this, or do what it says."""

    what: Any


class Doer(GenServer[list[Any]]):
    """Does what it is told, and keeps what it was sent."""

    trap_exit = False

    def init(self) -> list[Any]:
        return []

    def handle_call(self, request: Any, from_: Any, state: list[Any]) -> Any:
        match request:
            case Do("crash"):
                raise ValueError("boom")
            case Do("stop"):
                return Stop("shutdown", state)
            case Do("never"):
                self.kept = from_
                return NoReply(state)
            case Do("raise"):
                return Reply(Raise(ValueError("no")), state)
            case Do("object"):
                return Reply(object(), state)
            case Do("who"):
                return Reply(from_.caller.name, state)
            case "heard":
                return Reply(state, state)
            case Do(what):
                return Reply(what, state)
            case _:
                raise TypeError(request)

    def handle_cast(self, request: Any, state: list[Any]) -> NoReply[list[Any]]:
        return NoReply([*state, Atom("cast"), request])

    def handle_info(self, message: Any, state: list[Any]) -> NoReply[list[Any]]:
        return NoReply([*state, Atom("info"), message])


class Trapping(Doer):
    """The same, but it gets exit signals as messages."""

    trap_exit = True

    def handle_info(self, message: Any, state: list[Any]) -> NoReply[list[Any]]:
        shown = message.reason if isinstance(message, Exited) else message
        return NoReply([*state, shown])


class Watcher(GenServer[list[Any]]):
    """Monitors or links what it is given, and keeps what it is told of it."""

    trap_exit = True

    def init(self, how: Callable[[Any], object], watched: Any) -> list[Any]:
        how(watched)
        return []

    def handle_call(self, request: Any, from_: Any, state: list[Any]) -> Any:
        return Reply(state, state)

    def handle_info(self, message: Any, state: list[Any]) -> NoReply[list[Any]]:
        assert isinstance(message, Down | Exited)
        return NoReply([*state, message.reason])


def failing(call: str) -> str:
    """Elixir that returns the exit reason of a call."""
    return f"try do {call} catch :exit, reason -> {{:exit, reason}} end"


def eventually(look: Callable[[], Any], wanted: Any) -> None:
    """Wait until a look sees what is wanted; it takes as long as messages between nodes do."""
    for _ in range(3000):
        if look() == wanted:
            return
        subprocess.run(["sleep", "0.01"], check=True)
    assert look() == wanted


# --- Elixir calls Python ---


def test_a_real_genserver_call_gets_the_deferred_reply_of_a_python_coordinator(
    here: Here, peer: Peer
) -> None:
    name = here.serve(here.run(KeyedCoordinator.start), Greet)
    assert peer.eval(f'GenServer.call({name}, {{:greet, "Hello"}})') == '"Hello to you too!"'


def test_terms_come_as_values_and_values_as_terms(here: Here, peer: Peer) -> None:
    name = here.serve(here.run(Doer.start), Do)
    for term in (
        ":ok", "nil", "true", "1", "-123456789012345678901234567890", "1.5", '"ä"', "<<255>>",
        "{:a, {1}}", "[1, 2]", "[]", "[1000, :b]", "%{:a => [1], 2 => {}}", "[1 | 2]", "<<1::3>>",
        ":undefined", ':"Elixir.Foo"', "%{[1] => 2}", "&Enum.map/2",
    ):  # fmt: skip
        assert peer.eval(f"GenServer.call({name}, {{:do, {term}}}) === {term}") == "true", term
    for kept in ("self()", "make_ref()"):
        assert peer.eval(f"x = {kept}; GenServer.call({name}, {{:do, x}}) === x") == "true"


def test_a_reply_that_is_an_error_is_a_value_in_elixir(here: Here, peer: Peer) -> None:
    name = here.serve(here.run(Doer.start), Do)
    told = peer.eval(f'GenServer.call({name}, {{:do, "raise"}})')
    assert told == '{:error, {:python, "ValueError", "no"}}'
    assert peer.eval(f"GenServer.call({name}, {{:do, 1}})") == "1"


def test_what_python_cannot_read_is_kept_as_it_came_and_harms_nobody(
    here: Here, peer: Peer
) -> None:
    name = here.serve(here.run(Echo.start))
    deep = "Enum.reduce(1..5000, [], fn _, inner -> [inner] end)"
    assert peer.eval(f"x = {deep}; GenServer.call({name}, x) === x") == "true"
    peer.eval(f"send({name}, {deep})")
    for forged in ('{:"$gen_call", :nobody, 1}', "{:system, 1, 2}", '{:"$gen_cast"}'):
        peer.eval(f"send({name}, {forged})")
    assert peer.eval(f'GenServer.call({name}, "lives")') == '"lives"'


def test_casts_and_messages_arrive_in_their_order(here: Here, peer: Peer) -> None:
    name = here.serve(here.run(Doer.start), Do)
    peer.eval(f"for i <- 1..100, do: (GenServer.cast({name}, i); send({name}, {{:do, i}}))")
    heard = peer.eval(f'inspect(GenServer.call({name}, "heard"), limit: :infinity)')
    found = re.findall(r":(cast|info), (?:\{:do, )?(\d+)", heard)
    assert found == [(kind, str(i)) for i in range(1, 101) for kind in ("cast", "info")]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("crash", '{:python, "ValueError", "boom"}'),
        ("stop", ":shutdown"),
    ],
)
def test_the_end_of_a_python_server_is_told_to_callers_monitors_and_links(
    here: Here, peer: Peer, what: str, reason: str
) -> None:
    server = here.run(Doer.start)
    name = here.serve(server, Do)
    peer.eval(f"ref = Process.monitor({name}); 1")
    peer.begin(failing(f'GenServer.call({name}, {{:do, "{what}"}})'))
    assert peer.result().startswith(f"{{:exit, {{{reason}, {{GenServer, :call")
    down = peer.eval("receive do {:DOWN, ^ref, _, _, reason} -> reason after 9000 -> :none end")
    assert down == reason
    again = peer.eval(failing(f"GenServer.call({name}, :x)"))
    assert again.startswith("{:exit, {:noproc, {GenServer, :call")


def test_a_link_works_both_ways(here: Here, peer: Peer) -> None:
    server = here.run(Doer.start)
    name = here.serve(server, Do)
    pid = f"pid = :rpc.call(elem({name}, 1), :erlang, :whereis, [elem({name}, 0)])"
    peer.eval(f"{pid}; Process.link(pid)")
    here.run(server.exit, "boom")
    assert peer.eval("receive do {:EXIT, ^pid, r} -> r after 9000 -> :none end") == ":boom"
    server = here.run(Doer.start)
    name = here.serve(server, Do)
    peer.eval(f"pid = :rpc.call(elem({name}, 1), :erlang, :whereis, [elem({name}, 0)])")
    peer.eval("spawn(fn -> Process.link(pid); exit(:crashed) end); 1")
    assert here.run(server.wait) == "crashed"


def test_a_python_server_that_traps_exits_gets_the_signal_as_a_message(
    here: Here, peer: Peer
) -> None:
    server = here.run(Trapping.start)
    name = here.serve(server)
    pid = f":rpc.call(elem({name}, 1), :erlang, :whereis, [elem({name}, 0)])"
    peer.eval(f"Process.exit({pid}, :please)")
    eventually(lambda: here.run(server.call, "heard"), ["please"])
    peer.eval(f"Process.exit({pid}, :kill)")
    assert here.run(server.wait) == "killed"


def test_genserver_stop_stops_a_python_server(here: Here, peer: Peer) -> None:
    server = here.run(Doer.start)
    assert peer.eval(f"GenServer.stop({here.serve(server)}, :shutdown)") == ":ok"
    assert here.run(server.wait) == "shutdown"


def test_a_timeout_of_elixir_drops_the_late_reply(here: Here, peer: Peer) -> None:
    server = here.run(Doer.start)
    name = here.serve(server, Do)
    late = peer.eval(failing(f'GenServer.call({name}, {{:do, "never"}}, 50)'))
    assert late.startswith("{:exit, {:timeout, {GenServer, :call")
    here.run(reply, server.kept, "late")
    assert peer.eval(f'GenServer.call({name}, {{:do, "after it"}})') == '"after it"'
    assert "late" not in peer.eval("Process.info(self(), :messages)")


def test_a_reply_that_is_no_term_ends_the_call_and_not_the_program(here: Here, peer: Peer) -> None:
    name = here.serve(here.run(Doer.start), Do)
    gone = peer.eval(failing(f'GenServer.call({name}, {{:do, "object"}}, 5000)'))
    assert "no Erlang term" in gone
    assert peer.eval(failing(f"GenServer.call({name}, :x, 5000)")).startswith("{:exit, {:noproc")


def test_a_caller_is_named_by_its_node(here: Here, peer: Peer) -> None:
    name = here.serve(here.run(Doer.start), Do)
    who = peer.eval(f'GenServer.call({name}, {{:do, "who"}})')
    assert re.fullmatch(rf'"caller(-\d+)?@{peer.node}"', who)


def test_who_gives_up_before_the_beam_answers_harms_nobody(here: Here) -> None:
    async def give_up() -> int:
        for _ in range(3):
            asking = asyncio.create_task(here.cluster.processes())
            await asyncio.sleep(0)
            asking.cancel()
        return await here.cluster.processes()

    assert here.run(give_up) > 0


def test_a_name_that_is_taken_is_refused(here: Here) -> None:
    server = here.run(Doer.start)
    here.run(here.cluster.serve, "taken", server)
    with pytest.raises(ClusterError, match=f"the name taken is taken on {ME}"):
        here.run(here.cluster.serve, "taken", here.run(Doer.start))
    here.run(server.exit, "kill")


# --- Python calls Elixir ---


@pytest.fixture(scope="module")
def echo(here: Here, peer: Peer) -> Callable[[], Any]:
    """Starts an Elixir process that replies with what it is asked; gives what stands for it."""

    def start() -> Any:
        name = next(names)
        started = f"{{:ok, pid}} = GenServer.start(Echo, [], name: :{name})"
        peer.eval(f"{started}; 1")
        return here.run(here.cluster.server, name, peer.node)

    return start


def test_the_articles_own_coordinator_replies_to_python(here: Here, peer: Peer) -> None:
    peer.eval("{:ok, c} = Coordinator.start(); Process.register(c, :coordinator)")
    there = here.run(here.cluster.server, "coordinator", peer.node)
    assert here.run(there.call, Greet("Hello")) == "Hello to you too!"
    assert here.run(here.cluster.server, "coordinator", peer.node) is there


def test_a_reply_that_is_an_error_of_another_python_node_is_raised(
    here: Here, echo: Callable[[], Any]
) -> None:
    there = echo()
    answer = (Atom("error"), (Atom("python"), "ValueError", "no"))
    with pytest.raises(RemoteError, match="ValueError: no"):
        here.run(there.call, answer)
    for value in (answer[1], (Atom("error"), "no"), ("error", answer[1])):
        assert here.run(there.call, value) == value


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(bool)
    | st.binary(min_size=1).map(lambda data: data + b"\xff")
    | st.sampled_from(["ok", "a b", "Ä", "undefined", "Elixir.Foo"]).map(Atom),
    lambda inner: st.lists(inner) | st.tuples(inner, inner)
    | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=20,
)  # fmt: skip


def typed(value: Any) -> Any:
    """A value with the types of all that is in it: 1, 1.0 and True are equal in Python."""
    match value:
        case dict():
            inner: Any = {key: typed(item) for key, item in value.items()}
        case list() | tuple():
            inner = list(map(typed, value))
        case _:
            inner = repr(value)
    return type(value), inner


def test_any_value_goes_there_and_back_through_the_beam(
    here: Here, echo: Callable[[], Any]
) -> None:
    server = echo()

    @settings(max_examples=100)
    @given(values)
    def law(value: Any) -> None:
        asked = (Atom("asked"), value)
        answered = here.run(server.call, asked)
        assert answered == asked
        assert typed(answered) == typed(asked)

    law()


def test_what_is_no_term_fails_in_the_caller_and_not_in_the_server(
    here: Here, echo: Callable[[], Any]
) -> None:
    server = echo()
    with pytest.raises(NotATerm, match="is no Erlang term"):
        here.run(server.call, object())
    assert here.run(server.call, 1) == 1


def test_failures_there_are_otps_own_errors(
    here: Here, peer: Peer, echo: Callable[[], Any]
) -> None:
    server = echo()
    with pytest.raises(CallTimeout):
        here.run(server.call, Atom("never"), 0.05)
    with pytest.raises(ServerExit) as ended:
        here.run(server.call, (Atom("crash"), Atom("boom")))
    assert ended.value.reason == "boom"
    assert here.run(server.wait) == "boom"
    with pytest.raises(NoProcess):
        here.run(server.call, 1)
    with pytest.raises(NoProcess):
        here.run(here.run(here.cluster.server, "nobody", peer.node).call, 1)
    with pytest.raises(NoConnection, match="no connection to the node nowhere@127") as lost:
        here.run(here.run(here.cluster.server, "x", "nowhere@127.0.0.1").call, 1)
    assert lost.value.node == "nowhere@127.0.0.1"


def test_casts_and_messages_go_there_in_their_order(
    here: Here, peer: Peer, echo: Callable[[], Any]
) -> None:
    server = echo()

    def send() -> None:
        for number in range(100):
            server.cast(number)
            server.send((Atom("info"), number))

    here.run(send)
    here.run(server.call, 1)
    state = peer.eval("inspect(:sys.get_state(pid), limit: :infinity)")
    numbers = [int(found) for found in re.findall(r"\d+", state)]
    assert numbers == [number for number in reversed(range(100)) for _ in "ab"]


@pytest.mark.parametrize("how", [monitor, link])
def test_the_end_of_a_process_there_is_told_to_monitors_and_links_here(
    here: Here, peer: Peer, echo: Callable[[], Any], how: Callable[[Any], object]
) -> None:
    server = echo()
    watcher = here.run(Watcher.start, how, server)
    assert here.run(server.call, 1) == 1
    peer.eval("Process.exit(pid, :boom)")
    eventually(lambda: here.run(watcher.call, "told"), ["boom"])


def test_stop_and_exit_reach_the_process_there(
    here: Here, peer: Peer, echo: Callable[[], Any]
) -> None:
    server = echo()
    here.run(server.stop, "shutdown")
    assert here.run(server.wait) == "shutdown"
    assert peer.eval("Process.alive?(pid)") == "false"
    server = echo()
    here.run(server.exit, "boom")
    assert here.run(server.wait) == "boom"
    server = echo()
    here.run(server.exit, "kill")
    assert here.run(server.wait) == "killed"


def test_a_caller_that_gives_up_leaves_nothing_on_the_beam(
    here: Here, echo: Callable[[], Any]
) -> None:
    server = echo()
    assert here.run(server.call, 1) == 1  # the nodes are connected now

    async def processes() -> int:
        return await here.cluster.processes()

    before = here.run(processes)

    async def give_up() -> None:
        calls = [server.call(Atom("never"), 0.05) for _ in range(500)]
        await asyncio.gather(*calls, return_exceptions=True)

    here.run(give_up)
    eventually(lambda: here.run(processes), before)


def test_calls_leave_no_process_and_no_atom_behind(
    here: Here, peer: Peer, echo: Callable[[], Any]
) -> None:
    there, name = echo(), here.serve(here.run(Echo.start))

    async def call_there(times: int) -> None:
        for number in range(times):
            await there.call((Atom("do"), f"text {number}"))

    def call_both_ways(times: int) -> tuple[int, str]:
        here.run(call_there, times)
        peer.eval(f'for i <- 1..{times}, do: GenServer.call({name}, {{:do, "text #{{i}}"}}); 1')
        atoms = f':rpc.call(:"{ME}", :erlang, :system_info, [:atom_count])'
        return here.run(here.cluster.processes), peer.eval(atoms)

    assert call_both_ways(10) == call_both_ways(1000)


# --- the failures of a node ---

SERVES = """
    import asyncio, sys
    from genreply_cli.cluster import Cluster
    from genreply_cli.otp import GenServer, NoReply, Node

    class Silent(GenServer):
        def handle_call(self, request, from_, state):
            return NoReply([*(state or []), from_])

    async def main():
        async with Node(), Cluster(sys.argv[1]) as cluster:
            await cluster.serve("silent", Silent.start(None))
            print("ready", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""


def test_all_callers_are_told_at_once_when_a_python_node_is_killed(here: Here) -> None:
    there = f"silent{os.getpid()}@127.0.0.1"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVES), there], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        server = here.run(here.cluster.server, "silent", there)

        async def ask_all() -> list[Any]:
            calls = [asyncio.create_task(server.call(number, None)) for number in range(1000)]
            await asyncio.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            return await asyncio.gather(*calls, return_exceptions=True)

        ended = here.run(ask_all)
        process.wait()
    assert {type(error) for error in ended} == {ServerExit}
    assert {error.reason for error in ended} == {"noconnection"}
    with pytest.raises(NoConnection):
        here.run(here.run(here.cluster.server, "silent", there).call, 1)


@pytest.fixture
def silent() -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A Python node whose server never replies: its name, and its process."""
    there = f"mute{os.getpid()}@127.0.0.1"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVES), there], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield there, process
        process.kill()


def test_all_callers_in_elixir_are_told_when_a_python_node_is_killed(
    peer: Peer, silent: "tuple[str, subprocess.Popen[str]]"
) -> None:
    there, process = silent
    call = f'GenServer.call({{:silent, :"{there}"}}, 1, :infinity)'
    peer.eval(f"for _ <- 1..1000, do: spawn_monitor(fn -> {call} end)")
    process.kill()
    told = "receive do {:DOWN, _, _, _, {reason, _}} -> reason after 60_000 -> :never end"
    reasons = peer.eval(f"Enum.frequencies(for _ <- 1..1000, do: ({told}))")
    assert reasons == f'%{{{{:nodedown, :"{there}"}} => 1000}}'


def test_a_python_program_that_is_stopped_is_not_called_dead(
    here: Here, silent: "tuple[str, subprocess.Popen[str]]"
) -> None:
    there, process = silent
    server = here.run(here.cluster.server, "silent", there)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(CallTimeout):
        here.run(server.call, 1, 0.3)
    assert server.alive
    process.send_signal(signal.SIGCONT)


def test_a_machine_that_hangs_is_down_after_net_ticktime(
    silent: "tuple[str, subprocess.Popen[str]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the cable were pulled: nothing is closed, and nothing comes."""
    there, _ = silent
    monkeypatch.setenv("ERL_FLAGS", "-kernel net_ticktime 1")

    async def story() -> None:
        async with Node(), Cluster(f"ticks{os.getpid()}@127.0.0.1") as cluster:
            server = cluster.server("silent", there)
            assert await cluster.connect(there)
            os.kill(beam_of(there), signal.SIGSTOP)
            with pytest.raises(CallTimeout):
                await server.call(1, 0.1)
            waiting = asyncio.create_task(server.call(2, None))
            assert await server.wait() == "noconnection"
            with pytest.raises(ServerExit, match="noconnection"):
                await waiting
            os.kill(beam_of(there), signal.SIGKILL)

    asyncio.run(story())


LINKS = """
    import asyncio, sys
    from genreply_cli.cluster import Cluster
    from genreply_cli.otp import GenServer, Node, NoReply, Reply, link, unlink

    class Linking(GenServer):
        def handle_call(self, request, from_, state):
            how, server = request
            return Reply(how(server), state)

    async def main():
        async with Node(), Cluster(sys.argv[1]) as cluster:
            servers = [cluster.server(name, sys.argv[2]) for name in ("linked", "undone", "alone")]
            first, second = Linking.start(), Linking.start()
            for how, which in ((link, 0), (link, 1), (unlink, 1)):
                await first.call((how, servers[which]))
            await second.call((link, servers[1]))
            await second.stop()
            for server in servers:
                await server.call(1)
            print("ready", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""


def test_a_node_that_vanishes_takes_along_what_is_linked_with_it_and_nothing_else(
    peer: Peer,
) -> None:
    for name in ("linked", "undone", "alone"):
        peer.eval(f"{{:ok, {name}}} = GenServer.start(Echo, [], name: :{name}); 1")
    peer.eval("ref = Process.monitor(linked); 1")
    program = [sys.executable, "-c", textwrap.dedent(LINKS), f"links{os.getpid()}@127.0.0.1"]
    with subprocess.Popen([*program, peer.node], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    down = peer.eval("receive do {:DOWN, ^ref, _, _, reason} -> reason after 9000 -> :none end")
    assert down == ":noconnection"
    assert peer.eval("Enum.map([undone, alone], &Process.alive?/1)") == "[true, true]"


def test_a_node_with_another_cookie_is_not_let_in(peer: Peer, tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    cookie.write_text("another\n")
    cookie.chmod(0o600)

    async def story() -> None:
        name = f"stranger{os.getpid()}@127.0.0.1"
        async with Node(), Cluster(name, cookie_file=cookie) as cluster:
            with pytest.raises(NoConnection, match="or has another cookie"):
                await cluster.server("coordinator", peer.node).call(1)

    asyncio.run(story())


class Sink(Doer):
    """Keeps nothing."""

    def handle_info(self, message: Any, state: list[Any]) -> NoReply[list[Any]]:
        return NoReply(state)


def test_a_call_is_answered_after_a_flood_of_messages(here: Here, peer: Peer) -> None:
    name = here.serve(here.run(Sink.start), Do)
    flood = f"for i <- 1..300_000, do: send({name}, {{:hello, i}})"
    last = f'GenServer.call({name}, {{:do, "hi"}}, 30_000)'
    assert peer.eval(f"{flood}; {last}") == '"hi"'
    used = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{beam_of(ME)}/status").read_text())
    assert used is not None
    assert int(used[1]) < 150_000  # of all tests until now


def beam_of(node: str) -> int:
    """The process of a BEAM."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"beam.smp") and node.encode() in command:
            return int(process.name)
    raise AssertionError(f"there is no BEAM of {node}")


def test_the_end_of_our_own_beam_is_told_to_all_who_wait_and_at_once_to_later_calls(
    peer: Peer,
) -> None:
    async def story() -> None:
        async with Node(), Cluster(f"mortal{os.getpid()}@127.0.0.1") as cluster:
            peer.eval("GenServer.start(Echo, [], name: :waits)")
            server = cluster.server("waits", peer.node)
            assert await server.call(1) == 1
            call = asyncio.create_task(server.call(Atom("never"), None))
            await asyncio.sleep(0)
            os.kill(beam_of(cluster.node), signal.SIGKILL)
            with pytest.raises(ServerExit, match="noconnection"):
                await call
            with pytest.raises(NoProcess):
                await server.call(1)
            with pytest.raises(ServerExit, match="noconnection"):
                await cluster.server("waits", peer.node).call(1)
            with pytest.raises(ClusterError, match="has ended"):
                await cluster.serve("x", Doer.start())

    asyncio.run(story())


def test_nothing_listens_beyond_loopback(here: Here, peer: Peer) -> None:
    assert here.cluster.node == ME
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    ours = f":{int(os.environ['ERL_EPMD_PORT']):04X}"
    assert any(address == f"0100007F{ours}" for address in listening)
    assert f"00000000{ours}" not in listening
    known = subprocess.run(["epmd", "-names"], capture_output=True, text=True, check=True).stdout
    for port in re.findall(r"at port (\d+)", known):
        addresses = {each.split(":")[0] for each in listening if each.endswith(f":{int(port):04X}")}
        assert addresses <= {"0100007F", "00000000000000000000000001000000"}, (port, addresses)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no name", "'no name' is no name of a node; expected one like py@127.0.0.1"),
        ("a@b@c", "is no name of a node"),
        (ME, "a node named .* runs already; choose another name"),
    ],
    ids=["a blank", "two signs", "taken"],
)
def test_a_node_that_cannot_start_says_why(here: Here, name: str, problem: str) -> None:
    async def story() -> None:
        async with Node(), Cluster(name):
            pass

    with pytest.raises(ClusterError, match=problem):
        asyncio.run(story())
