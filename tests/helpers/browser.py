"""A page in headless Chromium, driven through its DevTools protocol over two pipes.

    with Browser() as browser:
        browser.open(path, width=1300)
        browser.press("ArrowRight")
        assert browser.run("document.querySelector('.count').textContent") == "1 of 20"

It needs Debian's `chromium`, and nothing of Python beyond the standard library.
"""

import json
import os
import shutil
import subprocess
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any, Final, Self

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING: Final = "chromium is not installed: apt-get install chromium"
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
CODES: Final = {" ": "Space"}
KEY_NUMBERS: Final = {
    "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Escape": 27, " ": 32, "Tab": 9,
}  # fmt: skip


class Browser:
    """One page. `problems` holds errors of its script and console, `requests` what it asked for."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._last_id = 0
        self._session: str | None = None
        self._loads = 0  # pages that have been loaded
        self._profile = tempfile.mkdtemp()

    def __enter__(self) -> Self:
        if CHROMIUM is None:
            raise RuntimeError(MISSING)
        commands_out, self._commands = os.pipe()
        events_in, events_out = os.pipe()
        # the browser reads commands from descriptor 3, and writes events to descriptor 4
        profile = f"--user-data-dir={self._profile}"
        redirected = f'exec "$@" 3<&{commands_out} 4>&{events_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", redirected, "bash", CHROMIUM, *FLAGS, profile, "about:blank"],
            pass_fds=(commands_out, events_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_out)
        os.close(events_out)
        self._events = os.fdopen(events_in, "rb")
        pages = self.send("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in pages if target["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._commands)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._events.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(
        self, path: Path, fragment: str = "", *, width: int = 1300, height: int = 900,
        dark: bool = False, scripts: bool = True,
    ) -> None:  # fmt: skip
        """Show a file in a window of this size, until it has loaded."""
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width, height)
        self.prefer("dark" if dark else "light")
        self._load("about:blank")  # else a page with another fragment is not loaded again
        self.requests.clear()
        self.problems.clear()
        self._load(path.absolute().as_uri() + fragment)

    def visit(self, url: str) -> None:
        """Show the page of a server, until it has loaded."""
        self.requests.clear()
        self.problems.clear()
        self._load(url)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, scheme: str, media: str = "") -> None:
        """Prefer `light` or `dark`, on the screen or on another medium, such as `print`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)

    def wait_until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true."""
        self.run(f"""new Promise((done) => {{
            const look = () => ({condition}) ? done() : setTimeout(look, 5);
            look();
        }})""")

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript."""
        done = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press and release these keys, one after the other."""
        for key in keys:
            names = {
                "key": key,
                "code": CODES.get(key, key),
                "windowsVirtualKeyCode": KEY_NUMBERS[key],
            }
            text = {"text": key} if key == " " else {}
            self.send("Input.dispatchKeyEvent", type="keyDown", **names, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", **names)

    def point_at(self, selector: str) -> None:
        """Move the mouse to the middle of an element."""
        middle = f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center"}});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()"""
        x, y = self.run(middle)
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save what is shown, or the whole page, as PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(b64decode(shot["data"]))

    def pdf(self, path: Path) -> None:
        """Save the page as it is printed."""
        path.write_bytes(b64decode(self.send("Page.printToPDF")["data"]))

    def send(self, method: str, **parameters: Any) -> Any:
        """Give a command, and return its result."""
        self._last_id += 1
        command = {"id": self._last_id, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        number = self._last_id
        while True:
            message = self._receive()
            if message.get("id") == number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]

    def _load(self, url: str) -> None:
        before = self._loads
        self.send("Page.navigate", url=url)
        while self._loads == before:
            self._receive()

    def _receive(self) -> dict[str, Any]:
        """The next message of the browser."""
        data = bytearray()
        while (byte := self._events.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser has ended")
            data += byte
        message: dict[str, Any] = json.loads(data)
        parameters = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.problems.append(json.dumps(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" | "Log.entryAdded":
                self.problems.append(json.dumps(parameters))
            case "Page.loadEventFired":
                self._loads += 1
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
        return message
