"""What an engine and its libraries print, on whichever way, as log records that name the page.

Both streams of a child go into one file, since a pipe would lose the last words of a process that dies, and block one
that prints while nobody reads. A worker reads that file again whenever the pages that its engine holds change: what
was printed since belongs to those it held until then. What it leaves unread when it dies, its executor reads.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from batchocr.datatypes import Task
from batchocr.logs import MAX_LOG_BYTES, SHOWN, MainThreadFields, get_logger

# Of what was printed at one page, this much goes into the log; the file has all of it.
MAX_BYTES = 64 << 10
MAX_LINE = 2000  # characters
_LINE_BUFFERED = 1  # _IOLBF of the C libraries of Linux and macOS


def show_lines_at_once() -> None:
    """Makes this process write each line that it prints at once, from Python and from C.

    Into a file, both would keep some kilobytes back, and lose them when the process dies. An engine that prints the
    broken name of a document must not fail for it either.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    name = {"linux": "stdout", "darwin": "__stdoutp"}.get(sys.platform)
    if name is not None:
        library = ctypes.CDLL(None)
        with contextlib.suppress(ValueError):  # a C library that spells it in another way keeps its lines a while
            library.setvbuf(ctypes.c_void_p.in_dll(library, name), None, _LINE_BUFFERED, 0)


def read_printed(path: Path, begin: int) -> tuple[list[str], int]:
    """Gives the lines of a file from a place on, and the place behind them.

    Args:
        path: of the file that takes both streams of a child.
        begin: byte at which to start.

    Returns:
        Lines without those that are empty; of a progress bar that redraws itself, its last state. If there is more than
        `MAX_BYTES`, the last of it, after a line that says so.
    """
    try:
        end = path.stat().st_size
    except FileNotFoundError:  # somebody has tidied up the logs
        return [], begin
    if end <= begin:
        return [], end
    with path.open("rb") as file:
        file.seek(max(begin, end - MAX_BYTES))
        data = file.read(min(end - begin, MAX_BYTES))
    text = data.decode("utf-8", "backslashreplace")
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n")]
    lines = [line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} …" for line in lines if line.strip()]
    if end - begin > MAX_BYTES:
        lines.insert(0, f"({end - begin - MAX_BYTES} bytes before this are in {path.name} alone)")
    return lines, end


def page_fields(pages: Collection[tuple[Task, int]]) -> dict[str, object]:
    """Gives the log's fields for pages that an engine holds: those in which all of them agree."""
    found: dict[str, set[object]] = {
        "attempt": {task.task_id for task, _ in pages},
        "document": {task.document.source for task, _ in pages},
        "page": {page_no for _, page_no in pages} if len(pages) == 1 else set(),
    }
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def log_printed(lines: Iterable[str], **fields: object) -> None:
    """Logs printed lines, a record each, for the log file alone."""
    logger = get_logger(__name__, **fields)
    for line in lines:
        logger.info("printed: %s", line, extra={SHOWN: True})


class Printed:
    """Logs what this process prints, with the pages that its engine holds at the time. For the main thread.

    Args:
        path: file that takes both streams.
        begin: its length when the process was started.
        here: is told what the pages are, for records that libraries log.
    """

    def __init__(self, path: str, begin: int, here: MainThreadFields) -> None:
        self._path = Path(path)
        self._here = here
        self.read_to = begin

    def turn(self, pages: Collection[tuple[Task, int]]) -> None:
        """Logs what was printed until now, before the engine has other pages."""
        lines, self.read_to = read_printed(self._path, self.read_to)
        log_printed(lines, **self._here.fields)
        if self.read_to > MAX_LOG_BYTES:  # opened for appending: what comes next starts the file anew
            os.truncate(self._path, 0)
            self.read_to = 0
        self._here.fields = page_fields(pages)
