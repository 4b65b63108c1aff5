"""A headless Chromium, driven over a pipe with its DevTools protocol: no library, no port, no network."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.missing import missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str:
    """Gives the browser's command; skips the test where there is none, fails it in CI."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing("no Chromium; on Debian: apt-get install chromium")
    return found


class NavigatedError(AssertionError):
    """The page went away while it was asked something."""


class Tab:
    """One page of a running browser.

    Attributes:
        events: what the browser told without being asked, such as console messages and requests.
    """

    def __init__(self, browser: subprocess.Popen[bytes], read: int, write: int) -> None:
        self._browser = browser
        self._read = read
        self._write = write
        self._buffer = b""
        self._number = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Gives the answer to one call of the protocol."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                gone = "navigated or closed" in answer["error"]["message"]
                raise (NavigatedError if gone else AssertionError)(f"{method}: {answer['error']}")
            else:
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Loads a page and waits until it is complete."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url="about:blank")  # or a URL that differs in its hash only would not be loaded
        self.call("Page.navigate", url=url)
        self.wait_for(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def value(self, script: str) -> Any:
        """Gives what a piece of JavaScript comes to, as plain values."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, timeout_s: float = 30.0) -> None:
        """Waits until a piece of JavaScript comes to true."""
        deadline = time.monotonic() + timeout_s
        while not self._is_true(script):
            assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain for {script}"
            time.sleep(0.02)

    def _is_true(self, script: str) -> bool:
        try:
            return bool(self.value(script))
        except NavigatedError:
            return False

    def press(self, key: str) -> None:
        """Presses one key, a letter or a name such as Escape."""
        text = key if len(key) == 1 else ""
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        """Types a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path) -> None:
        """Writes what the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def told(self, method: str) -> list[dict[str, Any]]:
        """Gives the parameters of all events of one kind so far."""
        self.value("0")  # what happened before is told before this answer
        return [event["params"] for event in self.events if event.get("method") == method]

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 16)
            assert data, f"Chromium ended ({self._browser.poll()})"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """Starts a browser with a fresh profile in a folder, and ends it."""
    to_browser, write = os.pipe()
    read, from_browser = os.pipe()
    flags = [
        "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--disable-gpu", "--no-first-run",
        "--hide-scrollbars", "--disable-dev-shm-usage", "--disable-background-networking",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]  # fmt: skip
    # The protocol wants its pipe at descriptors 3 and 4.
    script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
    with (profile.parent / "chromium.log").open("wb") as log:
        browser = subprocess.Popen(
            ["bash", "-c", script, "bash", find_chromium(), *flags], pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Tab(browser, read, write)
    finally:
        browser.terminate()
        browser.wait()
        os.close(write)
        os.close(read)
