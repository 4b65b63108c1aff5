"""The note that a worker keeps of the pages its engine holds, which outlives the worker however it dies.

It lies in a small file: written pages of a file survive the end of a process, whereas an event may still be on its way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

_SIZE = 4096


class OpenPages:
    """Writes the note; one fixed-size record that is overwritten in place."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - open as long as the process lives

    def note(self, task_id: int, page_nos: Iterable[int]) -> None:
        """Notes which pages of a task are open now."""
        self._file.seek(0)
        self._file.write(json.dumps({"task": task_id, "pages": list(page_nos)}).encode().ljust(_SIZE))


def read_open_pages(path: str) -> tuple[int | None, tuple[int, ...]]:
    """Gives the task and the open pages that a worker noted last; none if it noted nothing."""
    try:
        note = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None, ()
    return note["task"], tuple(note["pages"])
