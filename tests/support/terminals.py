"""A real terminal for tests: a tmux server of their own, with keys sent to it and its screen read."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.jobs import eventually
from support.missing import missing

PROMPT = "ready> "


class TmuxTerminal:
    """A shell in a terminal of a known size."""

    def __init__(self, server: str) -> None:
        self._server = server

    def tmux(self, *arguments: str) -> str:
        """Gives what a tmux command says."""
        command = ["tmux", "-L", self._server, "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=20, check=True).stdout

    def screen(self, *, colours: bool = False) -> str:
        """Gives what stands on the screen, with its colours as escape sequences if asked for."""
        return self.tmux("capture-pane", "-p", "-t", "main", *(["-e"] if colours else []))

    def type(self, text: str) -> None:
        """Types a line."""
        self.tmux("send-keys", "-t", "main", "-l", text)
        self.press("Enter")

    def press(self, key: str) -> None:
        """Presses a key such as `C-c`."""
        self.tmux("send-keys", "-t", "main", key)

    def resize(self, columns: int, lines: int) -> None:
        """Changes the size."""
        self.tmux("resize-window", "-t", "main", "-x", str(columns), "-y", str(lines))

    def cursor_is_visible(self) -> bool:
        """Tells whether the cursor can be seen."""
        return self.tmux("display-message", "-p", "-t", "main", "#{cursor_flag}").strip() == "1"

    def wait_for(self, *words: str, timeout_s: float = 60.0) -> str:
        """Waits until the screen shows all of these at once, and gives it."""
        seen = [""]

        def shows_all() -> bool:
            seen[0] = self.screen()
            return all(word in seen[0] for word in words)

        eventually(shows_all, f"{words} on the screen", timeout_s)
        return seen[0]

    def wait_for_prompt(self, timeout_s: float = 60.0) -> str:
        """Waits until the shell is back at a line of its own, and gives the screen."""
        eventually(lambda: self._last_line() == PROMPT.strip(), "the shell's prompt", timeout_s)
        return self.screen()

    def _last_line(self) -> str:
        written = self.screen().rstrip().splitlines()
        return written[-1] if written else ""


@contextmanager
def tmux_terminal(folder: Path, env: Mapping[str, str], columns: int = 80, lines: int = 24) -> Iterator[TmuxTerminal]:
    """Opens a terminal with a shell in a folder."""
    if shutil.which("tmux") is None:
        missing("no tmux; install it with the system's packages")
    terminal = TmuxTerminal(f"batchocr-{uuid.uuid4().hex[:8]}")
    shell = shlex.join(["env", *(f"{name}={value}" for name, value in env.items()), f"PS1={PROMPT}", "sh"])
    size = ["-x", str(columns), "-y", str(lines)]
    terminal.tmux("new-session", "-d", "-s", "main", *size, "-c", str(folder), shell)
    try:
        terminal.wait_for_prompt()
        yield terminal
    finally:
        terminal.tmux("kill-server")
