"""A session whose coordinator other nodes of a cluster greet: `genreply join`."""

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import is_dataclass
from typing import Any, NamedTuple

from genreply_cli.cluster import Atom, Cluster, ClusterError
from genreply_cli.coordinator import Greet
from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import GenServer
from genreply_cli.session import real_time
from genreply_cli.session.observers import Observer
from genreply_cli.session.recording import recording
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.terminal.screen import Screen


class JoinOptions(NamedTuple):
    """The node, and under which names the coordinator is known there."""

    cluster: Cluster  # not opened yet
    name: str = "coordinator"
    groups: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()  # nodes to connect with
    record: str | None = None  # the file to record to
    overwrite: bool = False


def run(settings: Settings, options: JoinOptions) -> int:
    """Serve until a signal ends it. Raises GenreplyError, Terminated and KeyboardInterrupt."""
    sinks: list[Observer] = [Screen(sys.stderr).show]
    with ExitStack() as stack:
        if options.record is not None:
            writer = recording(
                options.record,
                settings,
                overwrite=options.overwrite,
                node=options.cluster.node,
                hint="--overwrite, or another name",
            )
            sinks.append(stack.enter_context(writer).write)
        try:
            real_time.run(_serve(settings, options, sinks))
        except ClusterError as error:
            raise GenreplyError(str(error)) from None
    return 0


async def _serve(settings: Settings, options: JoinOptions, sinks: list[Observer]) -> None:
    async with (
        session(lambda: Supervisor(settings, "genreply join starts it"), sinks) as (supervisor, _),
        options.cluster as cluster,
    ):
        for node in options.connect:
            if not await cluster.connect(node):
                raise GenreplyError(
                    f"no connection to the node {node}",
                    hint="does it run, and has it the same cookie?",
                    exit_code=ExitStatus.NO_SERVER,
                )
        lost = asyncio.create_task(cluster.wait())
        try:
            await _keep_serving(supervisor, cluster, options, lost)
        finally:
            lost.cancel()


async def _keep_serving(
    supervisor: Supervisor, cluster: Cluster, options: JoinOptions, lost: "asyncio.Task[None]"
) -> None:
    """Serve the coordinator, and another one whenever it has ended."""
    told = False
    while not lost.done():
        coordinator = supervisor.ensure_running()
        await cluster.serve(options.name, coordinator, *_messages(supervisor.settings, coordinator))
        for group in options.groups:
            cluster.join(group, coordinator)
        if not told:
            greets = supervisor.settings.server.requests(coordinator) is None
            request = '{:greet, "Hello"}' if greets else "REQUEST"
            print(_how_to_call(cluster.node, options.name, request), flush=True)
            told = True
        ended = asyncio.ensure_future(coordinator.wait())
        await asyncio.wait({ended, lost}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
    lost.result()


def _messages(settings: Settings, server: GenServer[Any]) -> list[type]:
    """The dataclasses that other nodes may send: those that the type hints of the server name."""
    found = settings.server.requests(server)
    if found is None:
        return [Greet]
    kinds = {**found.calls, **found.casts, **found.infos}.values()
    return [kind for kind in kinds if is_dataclass(kind)]


def _how_to_call(node: str, name: str, request: str) -> str:
    served = repr(Atom(name))
    return f'{node} serves {served}; from IEx: GenServer.call({{{served}, :"{node}"}}, {request})'
