"""An MCP server on stdin and stdout: it can add two numbers, take a while, fail, and die.

With the argument `--after-ping` it adds only when the client has answered its ping.
"""

import asyncio
import json
import os
import sys
from typing import Any

running: dict[int, asyncio.Task[None]] = {}
pinged = asyncio.Event()  # the client has answered the ping


def send(**frame: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0"} | frame), flush=True)


async def call_tool(key: int, name: str, arguments: dict[str, Any]) -> None:
    if name == "add":
        if "--after-ping" in sys.argv:
            await pinged.wait()
        text = str(arguments["a"] + arguments["b"])
        send(id=key, result={"content": [{"type": "text", "text": text}]})
    elif name == "slow":
        print(f"slow {key} began", file=sys.stderr, flush=True)
        try:
            await asyncio.sleep(arguments["seconds"])
        except asyncio.CancelledError:
            print(f"slow {key} was cancelled", file=sys.stderr, flush=True)
            raise
        send(id=key, result={"content": [{"type": "text", "text": "done"}]})
    elif name == "die":
        os._exit(1)
    else:
        send(id=key, error={"code": -32602, "message": f"Unknown tool: {name}"})


async def main() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        match json.loads(line):
            case {"id": key, "method": "initialize", "params": {"protocolVersion": version}}:
                info = {"name": "adder", "version": "1"}
                send(
                    id=key,
                    result={"protocolVersion": version, "capabilities": {}, "serverInfo": info},
                )
                send(id="ping", method="ping")  # a request to the client
            case {"id": key, "method": "tools/call", "params": {"name": name, "arguments": given}}:
                running[key] = asyncio.create_task(call_tool(key, name, given))
            case {"method": "notifications/cancelled", "params": {"requestId": key}}:
                running.pop(key).cancel()
            case {"id": "ping", "error": {"message": text}}:
                print(f"ping: {text}", file=sys.stderr, flush=True)
                pinged.set()


if __name__ == "__main__":
    asyncio.run(main())
