"""The lines of stdin as they come, without a thread, and without keeping the event loop from its work."""

import asyncio
import codecs
import os
from collections.abc import AsyncGenerator

CHUNK = 1 << 16  # bytes


async def lines(fd: int, *, wait: bool = True) -> AsyncGenerator[list[str], None]:
    """The lines that have come, without their ends; the last one also if it has none. Bytes that are no UTF-8 come as surrogates.

    `wait=False` reads where it stands, for a loop on a virtual clock, which cannot wait for a pipe.
    """
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    rest: list[str] = []  # what has come of a line
    while True:
        if wait:
            wait = await _readable(fd)
        data = os.read(fd, CHUNK)
        *ends, last = decode(data, not data).split("\n")
        if ends:
            ends[0] = "".join([*rest, ends[0]])
            rest.clear()
            yield [line.removesuffix("\r") for line in ends]
        rest.append(last)
        if not data:
            break
    if any(rest):
        yield ["".join(rest).removesuffix("\r")]


async def _readable(fd: int) -> bool:
    """Wait until there is something to read; False if this is nothing that can be waited for: it can be read at any time."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(fd, readable.set)
    except (OSError, NotImplementedError):  # a plain file, or /dev/null
        return False
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fd)
    return True
