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
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    if wait:
        try:
            loop.add_reader(fd, readable.set)
        except (OSError, NotImplementedError):  # a plain file, or /dev/null: it can be read at any time
            wait = False
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    rest = ""
    try:
        while True:
            if wait:
                await readable.wait()
                readable.clear()
            data = os.read(fd, CHUNK)
            *whole, rest = (rest + decode(data, not data)).split("\n")
            if whole:
                yield whole
            if not data:
                break
        if rest:
            yield [rest]
    finally:
        if wait:
            loop.remove_reader(fd)
