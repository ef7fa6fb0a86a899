"""A malicious server, seen on a terminal: nothing that it sends steers it, or ends the REPL."""

from collections.abc import Callable

from greeters import answering_in_a_thread
from terminals import Terminal
from websockets.asyncio.server import ServerConnection

ESCAPES = [
    "\x1b]0;stolen title\x07", "\x1b[2J\x1b[H", "\x1b[?1049h", "\x1b]52;c;c3RvbGVu\x07", "\x9b31m",
    "\u202esdrawkcab", '{"id": "\x1b[2J"}', '{"id": 1}\x1b[2J', "\r\n\r\n\x00\x07",
]  # fmt: skip


def test_escapes_in_frames_are_shown_as_text(terminal: Callable[..., Terminal]) -> None:
    async def escaping(connection: ServerConnection) -> None:
        async for request in connection:
            for text in ESCAPES:
                await connection.send(text)
                await connection.send(text.encode())
                await connection.send(["{", text, "}"])  # in fragments
            await connection.send("x" * 500_000 + "\x1b[2J")
            await connection.send(str(request).replace("Hello", "Hello \\u001b[2J\\u202e"))

    with answering_in_a_thread(escaping) as url:
        session = terminal("repl", "--url", url)
        session.wait_for("greet>")
        session.child.send("Hello\r")
        session.wait_for(
            lambda rows: any("reply" in row and "Hello \\x1b[2J" in row for row in rows)
        )
        session.child.send("Hello again\r")
        session.wait_for(lambda rows: any("c2   reply" in row for row in rows))
        assert session.screen.title == ""
        session.child.send("/quit\r")
        assert session.end() == 0


def test_a_close_with_escapes_in_its_reason_is_shown_as_text(
    terminal: Callable[..., Terminal],
) -> None:
    async def closing(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(4000, "\x1b]0;stolen\x07\x1b[2J")

    with answering_in_a_thread(closing) as url:
        session = terminal("repl", "--url", url)
        session.wait_for("greet>")
        session.child.send("Hello\r")
        session.wait_for(lambda rows: any("4000 (\\x1b]0;stolen" in row for row in rows))
        assert session.screen.title == ""
        session.child.send("\r/quit\r")
        assert session.end() == 0


def test_a_flood_ends_its_connection_and_not_the_repl(terminal: Callable[..., Terminal]) -> None:
    floods = 0

    async def flooding(connection: ServerConnection) -> None:
        nonlocal floods
        floods += 1
        while floods == 1:
            await connection.send("junk \x1b[2J")
        async for request in connection:
            await connection.send(request)

    with answering_in_a_thread(flooding) as url:
        session = terminal("repl", "--url", url)
        session.wait_for(lambda rows: any("a new coordinator is running" in row for row in rows))
        session.child.send("Hello\r")
        session.wait_for(lambda rows: any("c1   reply" in row for row in rows))
        session.child.send("/quit\r")
        assert session.end() == 0
