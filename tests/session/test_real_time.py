"""The event loop of a session: it ends when it is told to, whatever a name server does."""

import asyncio
import socket
import threading

import pytest
from terminals import PATIENCE

from genreply_cli.session import real_time


def test_a_program_that_is_cancelled_does_not_wait_for_a_lookup() -> None:
    began, may_end = threading.Event(), threading.Event()

    def lookup() -> bool:
        began.set()
        return may_end.wait(PATIENCE)

    async def main() -> None:
        looking = asyncio.create_task(real_time.in_thread(lookup))
        await real_time.in_thread(began.wait)
        looking.cancel()

    real_time.run(main())
    assert not may_end.is_set()  # it has ended, and the lookup has not
    may_end.set()


def test_a_lookup_that_nobody_waits_for_does_no_harm_when_it_ends() -> None:
    may_end = threading.Event()

    def lookup() -> None:
        may_end.wait(PATIENCE)
        raise socket.gaierror

    async def main() -> asyncio.Task[None]:
        looking = asyncio.create_task(real_time.in_thread(lookup))
        await asyncio.sleep(0)
        looking.cancel()
        return looking

    assert real_time.run(main()).cancelled()
    [thread] = [each for each in threading.enumerate() if each.name == "genreply lookup"]
    may_end.set()
    thread.join(PATIENCE)  # an exception in it would fail this test
    assert not thread.is_alive()


def test_names_of_hosts_are_looked_up_in_such_a_thread() -> None:
    async def main() -> tuple[set[object], set[str]]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        async with await asyncio.start_server(lambda *_: None, "localhost", 0):
            pass
        with pytest.raises(socket.gaierror):
            await asyncio.open_connection("no.such.host.invalid", 80)
        threads = {each.name.partition("_")[0] for each in threading.enumerate()}
        return {address[0] for *_, address in found}, threads

    addresses, threads = real_time.run(main())
    assert addresses <= {"127.0.0.1", "::1"}
    assert "asyncio" not in threads  # its pool, which the program would wait for at its end
