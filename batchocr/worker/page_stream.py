"""The pages of a worker's tasks on their way to its engine: rendered ahead by a thread of their own, in order.

Another thread takes orders as they come in, whatever the others wait for: pages that a free worker could read are given
back at once.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from batchocr.datatypes import PageImage, Task
from batchocr.documents.client import DocumentChild
from batchocr.errors import Cancelled
from batchocr.pipeline import PageItem, TaskPage, page_images
from batchocr.worker.child import Boot
from batchocr.worker.messages import Event, GiveBack, PagesReturned, WorkPlan
from batchocr.worker.page_budget import PageBudget
from batchocr.worker.session import thumbnails_for
from batchocr.worker.untaken import PageKey, UntakenPages

logger = logging.getLogger(__name__)

# How long an engine that works on many pages is kept waiting for the next before it may tell what it has finished.
PATIENCE_S = 0.1
# What one word of a text layer takes, about.
WORD_BYTES = 500


@dataclass(frozen=True)
class _End:
    """Stands behind the last page of a task."""

    task: Task


_Entry: TypeAlias = "Task | TaskPage | _End | None"


def size_bytes(item: PageItem | None) -> int:
    """Gives how much memory a page image takes, with its text layer."""
    if not isinstance(item, PageImage):
        return 0
    return item.pixels.nbytes + (len(item.text_layer.words) * WORD_BYTES if item.text_layer else 0)


class PageStream:
    """What the feeder has made ready: tasks, each with its pages and its end.

    Args:
        link: where tasks come from.
        plan: of the run.
        source: gives page images.
        budget: says when there is room for another.
        send: takes events for the coordinator.
    """

    def __init__(
        self, link: Boot, plan: WorkPlan, source: DocumentChild, budget: PageBudget, send: Callable[[Event], None]
    ) -> None:
        self._link = link
        self._plan = plan
        self._source = source
        self._budget = budget
        self._send = send
        self._thumbnails = thumbnails_for(plan)
        self._untaken = UntakenPages()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._waiting: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        self._ahead: _Entry | None = None
        self._over = False
        for name, run in (("receiver", self._receive), ("feeder", self._feed)):
            threading.Thread(target=self._guarded, args=(name, run), name=name, daemon=True).start()

    def next_task(self) -> Task | None:
        """Gives the next task, waiting for one; None is the order to leave."""
        if self._over:
            return None
        task, self._ahead = self._ahead or self._waiting.get(), None
        assert task is None or isinstance(task, Task)
        return task

    def pages(self, ended: Callable[[Task], None], *, many: bool) -> Iterator[TaskPage | None]:
        """Gives the pages of the task in hand, up to its end or the order to leave.

        Args:
            ended: told of a task whose pages were all given.
            many: go on with the tasks that follow, up to one that wants a fresh engine; None: no page is ready.
        """
        while not self._link.draining.is_set():
            try:
                entry = self._next(PATIENCE_S if many else None)
            except queue.Empty:
                yield None
                continue
            if isinstance(entry, TaskPage):
                if self._untaken.take(entry.task, entry.item.page_no):
                    yield entry
                else:
                    self._budget.release(size_bytes(entry.item))
                del entry  # or it would be held while the engine has the next one
            elif isinstance(entry, _End):
                ended(entry.task)
                if not many or entry.task.fresh_engine:
                    return
            elif entry is None:
                self._over = True
                return
            elif entry.fresh_engine:
                self._ahead = entry
                return

    def _next(self, timeout_s: float | None) -> _Entry:
        """Gives the next entry; raises queue.Empty if none comes in time."""
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            with self._budget.hunger():
                return self._waiting.get(timeout=timeout_s)

    def _guarded(self, name: str, run: Callable[[], None]) -> None:
        """Runs a thread; a fault of ours ends the worker rather than leave it waiting for ever."""
        try:
            run()
        except Cancelled:
            return  # the worker leaves
        except BaseException:
            logger.exception("the %s failed", name)
            os._exit(1)

    def _receive(self) -> None:
        """Takes orders until told to leave."""
        while (order := self._link.next_order()) is not None:
            if isinstance(order, GiveBack):
                self._untaken.give_back(order.pages, self._tell_returned)
            else:
                assert isinstance(order, Task)
                self._untaken.add(order)
                self._tasks.put(order)
        self._tasks.put(None)

    def _tell_returned(self, pages: tuple[PageKey, ...]) -> None:
        self._send(PagesReturned(self._link.name, self._link.generation, pages))

    def _feed(self) -> None:
        """Has the pages of tasks rendered ahead of the engine, until told to leave."""
        while (task := self._tasks.get()) is not None:
            self._waiting.put(task)
            self._render(task)
            self._waiting.put(_End(task))
        self._waiting.put(None)

    def _render(self, task: Task) -> None:
        pages = page_images(task, self._source, self._plan.engine, self._plan.dpi, self._thumbnails, self._untaken.has)
        self._budget.wait_for_room()
        while (page := next(pages, None)) is not None:
            self._budget.hold(size_bytes(page.item))
            self._waiting.put(page)
            del page  # or it would be held while the next one is rendered
            self._budget.wait_for_room()
