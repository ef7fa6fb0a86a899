"""The lines of stdin as they come, without a thread and without blocking the event loop."""

import asyncio
import codecs
import os
from collections.abc import AsyncGenerator

CHUNK = 1 << 16  # bytes


async def lines(fd: int, *, wait: bool = True) -> AsyncGenerator[list[str], None]:
    """Yield the lines that have come since the last time, without their ends.

    The last line need not have an end. Bytes that are not UTF-8 become U+FFFD. With
    `wait=False` reading blocks: a loop on a virtual clock cannot wait for a pipe.
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest: list[str] = []  # pieces of a line whose end has not come yet
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
    """Wait until there is something to read. False if it need not be waited for: a plain file."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(fd, readable.set)
    except (OSError, NotImplementedError):  # a plain file or /dev/null; a loop that has no readers
        return False
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fd)
    return True
