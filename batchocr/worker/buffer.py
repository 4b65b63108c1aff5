"""What waits between the renderer, the engine and the recorder of one worker: first in, first out, bounded in bytes."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteBuffer(Generic[T]):
    """A queue between two threads that holds at most so many bytes, and always room for one item."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._items: deque[tuple[T, int]] = deque()
        self._changed = threading.Condition()

    def put(self, item: T, size_bytes: int = 0) -> None:
        """Adds an item; waits while there is no room."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + size_bytes <= self._limit)
            self._items.append((item, size_bytes))
            self._used += size_bytes
            self._changed.notify_all()

    def get(self) -> T:
        """Takes the oldest item; waits for one."""
        with self._changed:
            self._changed.wait_for(lambda: self._items)
            item, size_bytes = self._items.popleft()
            self._used -= size_bytes
            self._changed.notify_all()
            return item
