"""The note that a worker keeps of the pages its engine holds, which outlives the worker however it dies.

It lies in a small file: written pages of a file survive the end of a process, whereas an event may still be on its way.
"""

from __future__ import annotations

import json
from pathlib import Path

from batchocr.pipeline import OpenPages

_SIZE = 4096


class OpenPagesNote:
    """Writes the note; one record that is overwritten in place and never gets shorter."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - open as long as the worker works
        self._size = _SIZE

    def note(self, pages: OpenPages, printed_to: int = 0) -> None:
        """Notes which pages are open now, and how far what the worker printed is logged, bytes."""
        record = json.dumps({"pages": pages, "printed_to": printed_to}).encode().ljust(self._size)
        self._size = len(record)  # so that nothing of a longer note is left behind a shorter one
        self._file.seek(0)
        self._file.write(record)

    def close(self) -> None:
        """Closes the file; the note stays."""
        self._file.close()


def read_open_pages(path: str) -> tuple[tuple[int, int], ...]:
    """Gives the open pages that a worker noted last, each with the number of its task; none if it noted nothing."""
    return read_note(path)[0]


def read_note(path: str) -> tuple[tuple[tuple[int, int], ...], int | None]:
    """Gives the open pages, and how far what the worker printed is logged, bytes; None if it noted nothing."""
    try:
        note = json.loads(Path(path).read_bytes())
        return tuple((task_id, page_no) for task_id, page_no in note["pages"]), int(note["printed_to"])
    except (OSError, ValueError, TypeError, KeyError):
        return (), None
