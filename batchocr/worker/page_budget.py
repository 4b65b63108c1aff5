"""How many bytes of page images a worker holds: rendered, being recognized, and waiting to be written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PageBudget:
    """Lets the feeder render ahead only as far as memory allows.

    One count for the whole worker, from the renderer to the disk: of pages of 150 MB each, two are enough to keep the
    engine busy, and eight would take a gigabyte.

    Args:
        limit_bytes: pages are rendered ahead while fewer bytes than this are held.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._hungry = False
        self._changed = threading.Condition()

    def wait_for_room(self) -> None:
        """Waits until the next page may be rendered: there is room, or the engine has nothing to do without it."""
        with self._changed:
            self._changed.wait_for(lambda: self._hungry or self._held < self._limit)

    def hold(self, size_bytes: int) -> None:
        """Counts a page that was rendered."""
        with self._changed:
            self._held += size_bytes
            self._hungry = False

    def release(self, size_bytes: int) -> None:
        """Counts a page that was written."""
        with self._changed:
            self._held -= size_bytes
            self._changed.notify_all()

    @contextmanager
    def hunger(self) -> Iterator[None]:
        """Says that the engine waits for a page: one that holds many until it has more must never wait for ever."""
        with self._changed:
            self._hungry = True
            self._changed.notify_all()
        yield
        with self._changed:
            self._hungry = False
