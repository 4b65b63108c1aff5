"""Which pages go where, and when to stop: pure policy, used by real and by simulated runs alike.

Pages of a document are handed out in ranges. Biggest documents come first, so that their folders are written while
others are read; every fourth range comes from the short end, so that a document of 5,000 pages keeps nobody waiting.
Ranges are proportional to a worker's speed and shrink towards the end (guided self-scheduling): all end together. Since
pages differ, and some are lent ahead, a worker with nothing left takes over pages that another has not begun.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

Order: TypeAlias = Literal["biggest", "input", "smallest"]

# A worker whose speed is not known yet gets so many pages at first.
FIRST_PAGES = 2
# One in so many ranges comes from the short end of the order.
SHORT_EVERY = 4
# A worker has one task in hand and one ahead; more, up to so many, while they are shorter than this, s.
TASKS_AHEAD = 2
SHORT_TASKS_AHEAD = 32
WORK_AHEAD_S = 0.5
# Weight of the newest page in what is known of a worker's speed.
NEWEST = 0.1
MIN_PAGE_S = 1e-6
# For the last flush and the end of the children, s.
END_S = 2.0


def rank_of(order: Order, place: int, size: int) -> int:
    """Gives a document's place in the order, ascending.

    Args:
        order: what the user asked for.
        place: number of the document as discovery found it.
        size: its bytes, or its pages once they are counted.
    """
    return {"biggest": -size, "input": place, "smallest": size}[order]


class Speeds:
    """How fast each worker reads, learnt page by page."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._pages_per_s = 0.0

    def learn(self, worker: str, seconds: float, pages: int = 1) -> None:
        """Takes the time of one page, or the mean of several."""
        new = max(seconds, MIN_PAGE_S)
        before = self._seconds.get(worker)
        if before is not None:
            self._pages_per_s -= 1 / before
            new = before + (1 - (1 - NEWEST) ** pages) * (new - before)
        self._seconds[worker] = new
        self._pages_per_s += 1 / new

    def page_s(self, worker: str) -> float | None:
        """Gives what a page takes a worker, s; None while nothing is known."""
        return self._seconds.get(worker)

    def fastest_page_s(self) -> float:
        """Gives what a page takes the fastest worker, s; 0 while nothing is known."""
        return min(self._seconds.values(), default=0.0)

    def relative(self, worker: str) -> float:
        """Gives a worker's speed as a multiple of the mean of all; 1 while it is unknown."""
        own = self._seconds.get(worker)
        return 1.0 if own is None else len(self._seconds) / (own * self._pages_per_s)


def range_pages(left: int, workers: int, relative_speed: float, task_pages: int, *, known: bool) -> int:
    """Gives how many pages a worker is lent at once, at least 1.

    Args:
        left: pages that nobody has been lent yet, as far as known.
        workers: how many share them.
        relative_speed: of this worker, 1 for the mean.
        task_pages: the largest range for a worker of mean speed.
        known: the worker's speed is known.
    """
    share = relative_speed / (2 * max(1, workers))
    pages = min(math.ceil(left * share), round(task_pages * min(1.0, relative_speed)))
    return max(1, pages if known else min(pages, FIRST_PAGES))


def may_lend_more(tasks: int, pages: int, page_s: float | None, left: int, workers: int) -> bool:
    """Tells whether a worker may be lent a task beyond the usual ones, because those that it has are short.

    Args:
        tasks: that it has.
        pages: that it has and did not report.
        page_s: what a page takes it, s; None while nothing is known.
        left: pages that nobody has been lent yet.
        workers: how many share them.
    """
    short = page_s is not None and pages * page_s < WORK_AHEAD_S
    return short and tasks < SHORT_TASKS_AHEAD and pages < left / (2 * max(1, workers))


def pages_to_take_back(rest_s: float, page_s: float, free_rest_s: float, free_page_s: float) -> int:
    """Gives how many of a worker's pages should go to a free one: as many as that will have read no later.

    Args:
        rest_s: what the pages that the worker has will take it, s.
        page_s: what a page takes it, s.
        free_rest_s: what the pages that the free worker has will take that one, s.
        free_page_s: what a page takes that one, s.
    """
    return max(0, math.floor((rest_s - free_rest_s) / (page_s + free_page_s)))


class TimeBudget:
    """The time that a run may take: nothing is handed out that would not be done, and written, before it ends.

    Args:
        ends_at: clock time at which the run must be over, s; None: it may take for ever.
    """

    def __init__(self, ends_at: float | None) -> None:
        self._ends_at = ends_at
        self._folder_s = 0.0

    def learn_folder(self, seconds: float) -> None:
        """Takes what the finisher needed for one folder, s."""
        self._folder_s += NEWEST * (seconds - self._folder_s) if self._folder_s else seconds

    def rest_s(self, now: float, folders: int = 0) -> float:
        """Gives the time that is left to read pages, s, while so many folders wait to be written."""
        if self._ends_at is None:
            return math.inf
        return self._ends_at - END_S - now - (folders + 1) * self._folder_s

    def pages(self, now: float, folders: int, lent: int, page_s: float | None) -> float:
        """Gives how many more pages a worker can finish in time; any number while nothing is known of its speed.

        Args:
            now: clock time, s.
            folders: that wait to be written.
            lent: pages that it has already.
            page_s: what a page takes it, s.
        """
        rest_s = self.rest_s(now, folders)
        if rest_s == math.inf:
            return math.inf
        if page_s is None:
            return math.inf if rest_s > 0 else 0
        return rest_s / page_s - lent

    def is_closing(self, now: float, fastest_page_s: float) -> bool:
        """Tells whether not even the fastest worker would finish another page in time."""
        return self.rest_s(now) <= fastest_page_s

    def is_over(self, now: float) -> bool:
        """Tells whether the run must end, whatever is in hand."""
        return self._ends_at is not None and now >= self._ends_at - END_S / 2
