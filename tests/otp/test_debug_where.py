"""Which servers a node has, and in which await one is: seen from outside, without asking it."""

import asyncio
from linecache import getline
from typing import Any

import pytest

from genreply_cli.otp import GenServer, Node, NoProcess, NoReply, Reply, debug
from genreply_cli.otp.virtual_time import run


async def fetch() -> None:
    await asyncio.sleep(10)


class Shop(GenServer[list[Any]]):
    """Waits in `handle_call`, or keeps its caller waiting."""

    def init(self) -> list[Any]:
        return []

    async def handle_call(self, request: Any, from_: Any, state: list[Any]) -> Any:
        if request == "keep":
            return NoReply([*state, from_])
        if request == "fetch":
            await fetch()
        return Reply(request, state)


def test_where_names_the_line_of_the_callback_first_and_then_what_it_has_called() -> None:
    async def main() -> None:
        async with Node():
            shop = Shop.start()
            assert debug.where(shop) == ()
            asking = asyncio.create_task(shop.call("fetch", timeout=None))
            for seconds in (1, 2):
                await asyncio.sleep(seconds)
                places = debug.where(shop)
                assert [place.function for place in places[:2]] == ["Shop.handle_call", "fetch"]
                lines = [getline(place.file, place.line).strip() for place in places[:2]]
                assert lines == ["await fetch()", "await asyncio.sleep(10)"]
            assert await asking == "fetch"
            assert debug.where(shop) == ()

    run(main())


def test_servers_tells_status_mailbox_and_who_waits_since_when() -> None:
    async def main() -> None:
        async with Node():
            Shop.start(name="shop")
            idle = Shop.start()
            first = asyncio.create_task(idle.call("keep", timeout=30))
            endless = asyncio.create_task(idle.call("keep", timeout=None))
            busy = asyncio.create_task(debug_call("shop", "fetch"))
            await asyncio.sleep(2)
            waiting = asyncio.create_task(debug_call("shop", "later"))
            await asyncio.sleep(1)
            shop, other = debug.servers()
            assert (shop.name, shop.status, shop.mailbox) == ("shop", "busy", 1)
            assert [call.from_.caller for call in shop.calls] == [busy, waiting]
            assert [call.waited for call in shop.calls] == pytest.approx([3, 1])
            assert (other.server, other.name, other.status, other.mailbox) == (
                idle,
                None,
                "ready",
                0,
            )
            assert [call.from_.caller for call in other.calls] == [first, endless]
            assert [call.waited for call in other.calls] == [pytest.approx(3), None]
            assert other.where == ()
            for task in (first, endless):
                task.cancel()
            assert await busy == "fetch"
            assert await waiting == "later"

    async def debug_call(name: str, request: str) -> Any:
        from genreply_cli.otp import call

        return await call(name, request, timeout=20)

    run(main())


def test_where_of_what_does_not_run_is_an_error() -> None:
    async def main() -> None:
        async with Node():
            with pytest.raises(NoProcess):
                debug.where("nobody")

    run(main())
