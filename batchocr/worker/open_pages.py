"""The note that a worker keeps of the pages its engine holds, which outlives the worker however it dies.

It lies in a small file: written pages of a file survive the end of a process, whereas an event may still be on its way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

_SIZE = 4096


class OpenPages:
    """Writes the note; one record that is overwritten in place and never gets shorter."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - open as long as the worker works
        self._size = _SIZE

    def note(self, task_id: int, page_nos: Iterable[int]) -> None:
        """Notes which pages of a task are open now."""
        record = json.dumps({"task": task_id, "pages": list(page_nos)}).encode().ljust(self._size)
        self._size = len(record)  # so that nothing of a longer note is left behind a shorter one
        self._file.seek(0)
        self._file.write(record)

    def close(self) -> None:
        """Closes the file; the note stays."""
        self._file.close()


def read_open_pages(path: str) -> tuple[int | None, tuple[int, ...]]:
    """Gives the task and the open pages that a worker noted last; none if it noted nothing."""
    try:
        note = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None, ()
    return note["task"], tuple(note["pages"])
