"""What a run has to do, content by content: pages to hand out, pages lent, pages to try alone.

Equal files are one content, recognized once; every document with that content gets a folder of its own.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from batchocr.coordinator import retry
from batchocr.coordinator.policy import SHORT_EVERY, Order
from batchocr.datatypes import DocumentRef, PageRanges
from batchocr.errors import FailureKind

# Pages to try alone come last, unless so many contents wait for nothing else: what waits is in memory.
ALONE_AT_MOST = 64
# So many contents are at hand at most.
CONTENTS_AHEAD = 256
# So many short contents are kept at hand while long ones are read.
SHORT_AHEAD = 8


@dataclass
class Content:
    """One content of this run and what is left to do on it.

    Attributes:
        content_id: the ledger's number.
        reference: how a child opens it (through the first document that has it).
        page_nos: pages that were asked for.
        spool: absolute path of its spool folder.
        pending: pages to hand out in ranges, ascending.
        alone: pages to try alone on a fresh engine.
        lent: pages that workers have.
        attempts: failed tries by page.
        out_of_memory: devices on which a page ran out of memory, one entry a time.
        failed: pages given up.
        rank: its place in the order.
        ended: every page is read or given up, or none will be.
        unloadable: pages in a row that could not be rendered.
        seconds: recognition time so far, s.
        overdue: why no more of its pages are tried, once its time is up.
    """

    content_id: int
    reference: DocumentRef
    page_nos: PageRanges
    spool: str
    pending: list[int] = field(default_factory=list)
    alone: list[int] = field(default_factory=list)
    lent: set[int] = field(default_factory=set)
    attempts: dict[int, int] = field(default_factory=dict)
    out_of_memory: dict[int, list[str]] = field(default_factory=dict)
    failed: dict[int, tuple[FailureKind, str]] = field(default_factory=dict)
    rank: int = 0
    ended: bool = False
    unloadable: int = 0
    seconds: float = 0.0
    overdue: str = ""

    @property
    def resolved(self) -> bool:
        """Every page has a result or was given up."""
        return not (self.pending or self.alone or self.lent)

    @property
    def all_failed(self) -> bool:
        """No page has a result."""
        return len(self.failed) == len(self.page_nos)

    def may_try(self, page_no: int, device: str, alive: Collection[str]) -> bool:
        """Tells whether a page may be tried alone on a device: at the end of the memory ladder it wants a new one."""
        tried = self.out_of_memory.get(page_no, [])
        return not retry.needs_other_device(len(tried)) or device not in tried or set(alive) <= set(tried)


@dataclass(frozen=True)
class Portion:
    """Pages of one content that are handed out together."""

    content: Content
    page_nos: tuple[int, ...]
    fresh_engine: bool


class Backlog:
    """Contents in hand that have pages to hand out, in the order of their rank; pages to try alone come last.

    Attributes:
        pages: how many pages wait here, those to try alone apart.
    """

    def __init__(self, task_pages: int, order: Order = "biggest") -> None:
        self._task_pages = task_pages
        self._from_both_ends = order == "biggest"
        self._numbers = itertools.count()
        self._waiting: list[_Entry] = []
        self._alone: list[_Entry] = []
        self._turn = 0
        self.pages = 0

    def __len__(self) -> int:
        """Gives how many contents wait here, about."""
        return len(self._waiting)

    @property
    def empty(self) -> bool:
        """There is nothing to hand out."""
        return not self.pages and not any(entry.content.alone for entry in self._alone)

    def wants(self, window_pages: int) -> Literal["next", "short", "nothing"]:
        """Tells what should be taken in hand now: the next content, the shortest one, or nothing.

        Args:
            window_pages: how many pages should be at hand.
        """
        if len(self._waiting) >= CONTENTS_AHEAD:
            return "nothing"
        if self.pages < window_pages:
            return "next"
        few = len(self._waiting) < SHORT_AHEAD or not self._is_short(self._waiting[-SHORT_AHEAD])
        return "short" if self._from_both_ends and few else "nothing"

    def add(self, content: Content) -> None:
        """Takes a content with its pending pages."""
        self.pages += len(content.pending)
        self._insert(content)

    def give_back(self, content: Content, page_nos: Iterable[int], *, alone: bool = False) -> None:
        """Takes pages back that were lent."""
        page_nos = set(page_nos)
        content.lent -= page_nos
        if alone:
            content.alone = sorted({*content.alone, *page_nos})
        else:
            self.pages += len(page_nos)
            content.pending = sorted({*content.pending, *page_nos})
        self._insert(content)

    def drop(self, content: Content) -> None:
        """Forgets what a content has to hand out."""
        self.pages -= len(content.pending)
        content.pending.clear()
        content.alone.clear()

    def next_portion(self, count: int, device: str = "", alive: Collection[str] = ()) -> Portion | None:
        """Gives the next pages to lend, or None.

        Args:
            count: how many pages of a document at most.
            device: where the pages would be read.
            alive: the devices of all workers that are not retired.
        """
        if len(self._alone) >= ALONE_AT_MOST:
            portion = self._next_alone(device, alive)
            if portion is not None:
                return portion
        entry = self._next_entry()
        if entry is None:
            return self._next_alone(device, alive)
        content = entry.content
        pages = tuple(content.pending[:count])
        del content.pending[:count]
        content.lent.update(pages)
        self.pages -= len(pages)
        return Portion(content, pages, fresh_engine=False)

    def _next_entry(self) -> _Entry | None:
        """Gives the content to take pages from; from the short end of the order now and then."""
        self._turn += 1
        while self._waiting and not self._waiting[0].content.pending:
            del self._waiting[0]
        while self._waiting and not self._waiting[-1].content.pending:
            del self._waiting[-1]
        if not self._waiting:
            return None
        last = self._waiting[-1]
        from_end = self._from_both_ends and self._turn % SHORT_EVERY == 0 and self._is_short(last)
        return last if from_end else self._waiting[0]

    def _is_short(self, entry: _Entry) -> bool:
        return len(entry.content.pending) <= self._task_pages

    def _next_alone(self, device: str, alive: Collection[str]) -> Portion | None:
        """Gives the next page to try alone on that device."""
        self._alone = [entry for entry in self._alone if entry.content.alone]
        for entry in self._alone:
            content = entry.content
            page_no = next((page_no for page_no in content.alone if content.may_try(page_no, device, alive)), None)
            if page_no is not None:
                content.alone.remove(page_no)
                content.lent.add(page_no)
                if not content.alone:
                    self._alone.remove(entry)
                return Portion(content, (page_no,), fresh_engine=True)
        return None

    def _insert(self, content: Content) -> None:
        for entries, pages in ((self._waiting, content.pending), (self._alone, content.alone)):
            if pages and not any(entry.content is content for entry in entries):
                bisect.insort(entries, _Entry(content.rank, next(self._numbers), content))


@dataclass(frozen=True, order=True)
class _Entry:
    rank: int
    number: int
    content: Content = field(compare=False)
