"""What a run has to do, content by content: pages to hand out, pages lent, pages to try alone.

Equal files are one content, recognized once; every document with that content gets a folder of its own.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from batchocr.coordinator import retry
from batchocr.datatypes import DocumentRef, FailedPages, FileIdentity, PageRanges
from batchocr.errors import FailureKind
from batchocr.ledger.queries import merge_failures


@dataclass
class OpenDocument:
    """One document of this run that is not finished.

    Attributes:
        document_id: the ledger's number.
        source: its name; may hold surrogate escapes.
        path: absolute.
        folder: output folder, relative.
        identity: of the file as discovered or probed.
        password: for encrypted PDFs.
    """

    document_id: int
    source: str
    path: str
    folder: str
    identity: FileIdentity
    password: str | None = field(default=None, repr=False)


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
        documents: documents that wait for their folder.
        unloadable: pages in a row that could not be rendered.
        seconds: recognition time so far, s.
        overdue: why no more of its pages are tried, once its time is up.
        committed: a folder of it is in place.
        uncommitted: a folder of it could not be written; the next run needs the spool for that.
        unusable: why no page of it can be had, for documents that turn up later.
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
    documents: list[OpenDocument] = field(default_factory=list)
    unloadable: int = 0
    seconds: float = 0.0
    overdue: str = ""
    committed: bool = False
    uncommitted: bool = False
    unusable: tuple[FailureKind, str] | None = None

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

    def failures(self) -> tuple[FailedPages, ...]:
        """Gives the failed pages as ranges."""
        return merge_failures((page_no, *self.failed[page_no]) for page_no in sorted(self.failed))


@dataclass(frozen=True)
class Portion:
    """Pages of one content that are handed out together."""

    content: Content
    page_nos: tuple[int, ...]
    fresh_engine: bool


class Backlog:
    """Contents that have pages to hand out: biggest first, pages to try alone last."""

    def __init__(self, task_pages: int) -> None:
        self._task_pages = task_pages
        self._heap: list[tuple[bool, int, int, Content]] = []
        self._order = itertools.count()
        self._left = 0

    @property
    def empty(self) -> bool:
        """There is nothing to hand out."""
        return not any(entry[3].alone if entry[0] else entry[3].pending for entry in self._heap)

    def add(self, content: Content) -> None:
        """Takes a content with its pending pages."""
        self._left += len(content.pending)
        self._push(content)

    def give_back(self, content: Content, page_nos: Iterable[int], *, alone: bool = False) -> None:
        """Takes pages back that were lent."""
        page_nos = set(page_nos)
        content.lent -= page_nos
        if alone:
            content.alone = sorted({*content.alone, *page_nos})
        else:
            self._left += len(page_nos)
            content.pending = sorted({*content.pending, *page_nos})
        self._push(content)

    def drop(self, content: Content) -> None:
        """Forgets what a content has to hand out."""
        self._left -= len(content.pending)
        content.pending.clear()
        content.alone.clear()

    def next_portion(self, workers: int, device: str = "", alive: Collection[str] = ()) -> Portion | None:
        """Gives the next pages to lend, or None.

        Ranges shrink towards the end (guided self-scheduling), so that all workers end together.

        Args:
            workers: how many share what is left.
            device: where the pages would be read.
            alive: the devices of all workers that are not retired.
        """
        while self._heap and not self._heap[0][0]:
            content = self._heap[0][3]
            if not content.pending:
                heapq.heappop(self._heap)
                continue
            count = max(1, min(self._task_pages, math.ceil(self._left / (2 * workers)), len(content.pending)))
            portion = tuple(content.pending[:count])
            del content.pending[:count]
            content.lent.update(portion)
            self._left -= count
            return Portion(content, portion, fresh_engine=False)
        return self._next_alone(device, alive)

    def _next_alone(self, device: str, alive: Collection[str]) -> Portion | None:
        """Gives the next page to try alone on that device; only such pages are left in the heap."""
        unsuitable = []
        found = None
        while self._heap and found is None:
            content = self._heap[0][3]
            page_no = next((page_no for page_no in content.alone if content.may_try(page_no, device, alive)), None)
            if page_no is not None:
                content.alone.remove(page_no)
                content.lent.add(page_no)
                found = Portion(content, (page_no,), fresh_engine=True)
            else:
                entry = heapq.heappop(self._heap)
                if content.alone:
                    unsuitable.append(entry)
        for entry in unsuitable:
            heapq.heappush(self._heap, entry)
        return found

    def _push(self, content: Content) -> None:
        for alone, pages in ((False, content.pending), (True, content.alone)):
            if pages:
                heapq.heappush(self._heap, (alone, -len(content.page_nos), next(self._order), content))
