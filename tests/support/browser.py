"""A real Chromium, asked over pipes: it listens nowhere, and loads files of this machine alone."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

NAME = "chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",  # root in a container has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-pipe",
)
Scheme = Literal["light", "dark"]


class Browser:
    """One tab.

    Args:
        process: Of Chromium.
        to: Descriptor that it reads commands from.
        back: Descriptor that it answers on.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", to: int, back: int) -> None:
        self._process = process
        self._to, self._back = to, os.fdopen(back, "rb")
        self._number, self._session = 0, ""
        self.complaints: list[str] = []
        """Errors of scripts, and what a page tried to load."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self._call(f"{domain}.enable")

    def open(self, page: Path, *, width: int, scheme: Scheme = "light", height: int = 900) -> None:
        """Show a page; returns once it is loaded."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._call("Emulation.setEmulatedMedia", features=[feature])
        self.complaints.clear()
        self._call("Page.navigate", url=page.resolve().as_uri())
        self._until("Page.loadEventFired")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Write a PNG of what is shown, or of the whole page."""
        found = self._call("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        file.write_bytes(base64.b64decode(found["data"]))

    def end(self) -> None:
        """Close it."""
        self._session = ""
        self._send("Browser.close", {})
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        self._back.close()

    def _send(self, method: str, params: dict[str, Any]) -> int:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = self._send(method, params)
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def _until(self, event: str) -> None:
        while self._read().get("method") != event:
            pass

    def _read(self) -> dict[str, Any]:
        """The next message; pytest's own deadline ends a browser that says nothing."""
        letters = bytearray()
        while (letter := self._back.read(1)) != b"\0":
            assert letter, "Chromium has ended"
            letters += letter
        message: dict[str, Any] = json.loads(letters)
        params = message.get("params") or {}
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        if message.get("method") == "Network.requestWillBeSent" and params["type"] != "Document":
            self.complaints.append(params["request"]["url"])
        return message


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own; skips the test where there is none, but for CI."""
    program = shutil.which(NAME)
    if program is None:
        assert os.environ.get("CI") != "true", "tools/chromium.sh installs it"
        pytest.skip(f"there is no {NAME}: apt-get install {NAME}")
    read, to = os.pipe()
    back, write = os.pipe()
    # It reads from descriptor 3 and answers on 4.
    script = f'exec "$0" "$@" 3<&{read} 4>&{write}'
    process = subprocess.Popen(
        ["bash", "-c", script, program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(read, write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read)
    os.close(write)
    browser = Browser(process, to, back)
    try:
        yield browser
    finally:
        browser.end()
