"""A server of the `websockets` library: it answers each request after a delay, so out of order.

python echo_server.py PORT LEAST_SECONDS MOST_SECONDS
"""

import asyncio
import contextlib
import json
import random
import sys
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def main(port: int, least: float, most: float) -> None:
    async def answer(connection: ServerConnection, frame: dict[str, Any]) -> None:
        delay = random.uniform(least, most)
        if delay > 0:
            await asyncio.sleep(delay)
        with contextlib.suppress(ConnectionClosed):
            await connection.send(json.dumps({"id": frame["id"], "answer": frame["ask"]}))

    async def client(connection: ServerConnection) -> None:
        tasks = set[asyncio.Task[None]]()
        async for text in connection:
            if most == 0:
                await answer(connection, json.loads(text))
                continue
            task = asyncio.create_task(answer(connection, json.loads(text)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async with serve(client, "127.0.0.1", port) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
