"""Pages that a worker was lent and its engine has not taken yet: until then they can be given back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

from batchocr.datatypes import Task

# Numbers of a task and of one of its pages.
PageKey: TypeAlias = tuple[int, int]


class UntakenPages:
    """Decides for each page, once, whether it is read here or given back. Every thread of a worker may ask."""

    def __init__(self) -> None:
        self._tasks: dict[PageKey, Task] = {}
        self._lock = threading.Lock()

    def add(self, task: Task) -> None:
        """Takes the pages of a task that came in."""
        with self._lock:
            self._tasks.update({(task.task_id, page_no): task for page_no in task.page_nos})

    def has(self, task: Task, page_no: int) -> bool:
        """Tells whether a page is still to be read here: if not, it need not be drawn."""
        return (task.task_id, page_no) in self._tasks

    def take(self, task: Task, page_no: int) -> bool:
        """Tells whether the engine may have a page; from then on it is not given back."""
        with self._lock:
            return self._tasks.pop((task.task_id, page_no), None) is not None

    def give_back(self, count: int, told: Callable[[tuple[PageKey, ...]], None]) -> None:
        """Gives up so many pages, the last ones first; those to be tried alone on a fresh engine stay.

        Args:
            count: how many at most.
            told: is told which, before anybody can know that they are not read here.
        """
        with self._lock:
            loose = (key for key, task in reversed(self._tasks.items()) if not task.fresh_engine)
            keys = tuple(sorted(islice(loose, count)))
            for key in keys:
                del self._tasks[key]
            told(keys)
