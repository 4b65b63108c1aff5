"""Draws docs/images/terminal.svg: a run in a terminal of 80 columns, as tmux shows it.

    .venv/bin/python docs/make_terminal_picture.py

runs the engine `fake`, slowly, on small documents in a folder of its own; it needs tmux and nothing else.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

TARGET = Path(__file__).resolve().parent / "images" / "terminal.svg"
COLUMNS, LINES = 80, 26
NAMES = ("letters/2023/tax office", "letters/2024/landlord", "reports/annual report", "reports/minutes", "receipts")
PAGES = 24
OPTIONS = ("page_seconds=0.12", "script=[{pages: '7', source: 'reports/minutes.tiff', do: error}]")
DEADLINE_S = 60.0
FONT = re.compile(r"\s*@font-face \{[^}]*\}")
SERVER = "batchocr-picture"


def tmux(*arguments: str) -> str:
    """Gives what a tmux command says."""
    command = ["tmux", "-L", SERVER, "-f", "/dev/null", *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def make_documents(folder: Path) -> None:
    """Writes TIFF files whose pages all differ."""
    for number, name in enumerate(NAMES):
        path = folder / f"{name}.tiff"
        path.parent.mkdir(parents=True, exist_ok=True)
        pages = [Image.new("L", (200, 280), 8 * number + page) for page in range(PAGES)]
        pages[0].save(path, save_all=True, append_images=pages[1:])


def wait_for(pattern: str) -> str:
    """Waits until the screen matches, and gives it with its colours.

    Raises:
        TimeoutError: it does not.
    """
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if re.search(pattern, tmux("capture-pane", "-p")):
            return tmux("capture-pane", "-p", "-e")
        time.sleep(0.2)
    raise TimeoutError(f"{pattern} was not seen within {DEADLINE_S:g} s:\n{tmux('capture-pane', '-p')}")


def draw(screens: list[str]) -> str:
    """Gives an SVG that fetches nothing, with the screens one below the other."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
    for screen in screens:
        console.print(Text.from_ansi(screen.rstrip()))
        console.print()
    return FONT.sub("", console.export_svg(title="batchocr")).replace("Fira Code", "DejaVu Sans Mono")


def main() -> None:
    """Makes the picture."""
    words = ["run", "scans", "-o", "out", "--engine", "fake", "--devices", "cpu:0,cpu:1"]
    words += [word for option in OPTIONS for word in ("--engine-option", option)]
    command = shlex.join([sys.executable, "-m", "batchocr", *words])
    with tempfile.TemporaryDirectory(prefix="batchocr-") as name:
        make_documents(Path(name) / "scans")
        shell = f"env PS1='$ ' LC_ALL=C.UTF-8 TERM=screen-256color sh -c {shlex.quote(command + '; cat')}"
        tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), "-c", name, shell)
        try:
            going, ended = wait_for(r" [4-7]\d %"), wait_for("Next: ")
        finally:
            tmux("kill-server")
    summary = ended[ended.rindex("\n", 0, ended.index("Run ")) + 1 :]
    TARGET.write_text(draw([going, summary]), encoding="utf-8")


if __name__ == "__main__":
    main()
