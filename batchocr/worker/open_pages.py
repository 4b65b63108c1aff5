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

    def note(self, pages: OpenPages) -> None:
        """Notes which pages are open now."""
        record = json.dumps(pages).encode().ljust(self._size)
        self._size = len(record)  # so that nothing of a longer note is left behind a shorter one
        self._file.seek(0)
        self._file.write(record)

    def close(self) -> None:
        """Closes the file; the note stays."""
        self._file.close()


def read_open_pages(path: str) -> tuple[tuple[int, int], ...]:
    """Gives the open pages that a worker noted last, each with the number of its task; none if it noted nothing."""
    try:
        return tuple((task_id, page_no) for task_id, page_no in json.loads(Path(path).read_bytes()))
    except (OSError, ValueError):
        return ()
