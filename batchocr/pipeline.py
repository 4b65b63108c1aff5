"""The fixed steps of one task: page images, recognition, record. No processes, no queues, no ledger.

The worker runs these steps on three threads side by side, the serial executor one after the other.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from PIL import Image

from batchocr.datatypes import (
    DocumentFormat,
    DocumentRef,
    EngineInfo,
    PageFailure,
    PageImage,
    PageOutcome,
    PageResult,
    Task,
)
from batchocr.engines.base import Engine
from batchocr.errors import DocumentError, EngineError, FailureKind
from batchocr.outputs.page_record import encode_page
from batchocr.outputs.spool import SegmentWriter

logger = logging.getLogger(__name__)

PageItem: TypeAlias = "PageImage | PageFailure"
# Number of a task, and of one of its pages.
OpenPages: TypeAlias = Sequence[tuple[int, int]]
SYNC_EVERY_S = 1.0  # a power cut costs at most this much of a task


class PageSource(Protocol):
    """Gives page images; a `documents.client.DocumentChild` is one."""

    def render(
        self, document: DocumentRef, page_no: int, dpi: int, want_text: bool, thumbnail_dpi: int | None = None
    ) -> PageImage:
        """Gives one page; with `thumbnail_dpi` as a thumbnail if it draws nothing but text and rules.

        Raises:
            DocumentError: this page, or the document, cannot be had.
        """


@dataclass(frozen=True)
class TaskPage:
    """One page of a task on its way to the engine: its image, or why there is none.

    Attributes:
        task: that it belongs to.
        item: the image, or the failure.
        render_s: what making it took, s.
        ready_at: monotonic clock when it was there, s.
    """

    task: Task
    item: PageItem
    render_s: float = 0.0
    ready_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Answer:
    """What became of one page of a task.

    Attributes:
        task: that it belongs to.
        outcome: the result, or the failure.
        page: None where there was no image.
        render_s: what making the image took, s.
        queue_wait_s: for which the image waited for the engine, s.
    """

    task: Task
    outcome: PageOutcome
    page: PageImage | None
    render_s: float = 0.0
    queue_wait_s: float = 0.0


@dataclass(frozen=True)
class Thumbnails:
    """When a thumbnail is enough of a page.

    Attributes:
        needs_pixels: tells that it is not (`Engine.needs_pixels`).
        dpi: of the thumbnails; 0 if nobody looks at them.
    """

    needs_pixels: Callable[[PageImage], bool]
    dpi: int

    def suffices(self, page: PageImage) -> bool:
        """Tells whether the engine reads a page from its thumbnail."""
        try:
            return not self.needs_pixels(page)
        except Exception:  # the border to engines, as in `recognize`: the page comes in full
            logger.exception("page %d: the engine could not say whether it needs pixels", page.page_no)
            return False


def page_images(
    task: Task,
    source: PageSource,
    engine: EngineInfo,
    dpi: int,
    thumbnails: Thumbnails,
    wanted: Callable[[Task, int], bool] | None = None,
) -> Iterator[TaskPage]:
    """Gives each page of a task in order: its image, or why there is none.

    Args:
        task: the pages.
        source: opens documents.
        engine: says what it needs of a page.
        dpi: resolution.
        thumbnails: of pages that the engine reads without their image.
        wanted: told the number of a page that is next; False passes it over.
    """
    for page_no in task.page_nos:
        if wanted is not None and not wanted(task, page_no):
            continue
        begun = time.monotonic()
        if not engine.needs_image:
            nothing = np.full((1, 1, 3), 255, np.uint8)
            yield TaskPage(task, PageImage(page_no, nothing, float(dpi), task.document.source))
            continue
        try:
            wish = (task.document, page_no, round(dpi * task.scale), engine.wants_text_layer)
            page = source.render(*wish, thumbnails.dpi if engine.wants_text_layer else None)
            if page.thumbnail_of is not None and not thumbnails.suffices(page):
                page = source.render(*wish)
            page = replace(page, page_count=task.document.page_count)
            page = page if task.scale == 1.0 else _with_fewer_pixels(page, task)
            yield TaskPage(task, page, time.monotonic() - begun)
        except DocumentError as err:
            yield TaskPage(task, PageFailure(page_no, err.kind, str(err)))


def _with_fewer_pixels(page: PageImage, task: Task) -> PageImage:
    """Gives the page at the task's scale, with a warning, so that nobody takes the result for an ordinary one."""
    warning = f"read at {task.scale:.0%} of the resolution after the engine had run out of memory"
    page = replace(page, warnings=(*page.warnings, warning))
    if task.document.format is DocumentFormat.PDF:
        return page  # it was drawn at that scale
    height, width = (max(1, round(side * task.scale)) for side in page.pixels.shape[:2])
    smaller = Image.fromarray(page.pixels).resize((width, height), Image.Resampling.BOX)
    return replace(page, pixels=np.asarray(smaller), dpi=page.dpi * task.scale)


def recognize(
    engine: Engine, pages: Iterable[TaskPage | None], opened: Callable[[OpenPages], None]
) -> Iterator[Answer]:
    """Gives an answer for every page, however the engine behaves, until a fatal failure.

    Args:
        engine: a loaded engine.
        pages: of one task, or of several for an engine that works on many at once; None: none is ready yet.
        opened: told which pages the engine holds, whenever that changes.
    """
    feed = _Feed(iter(pages), opened)
    while not feed.exhausted:
        before = feed.count
        failure: EngineError | None = None
        detail = ""
        try:
            for outcome in engine.recognize_many(feed):
                yield from feed.take_failures()
                yield from feed.answer(outcome)
        except EngineError as err:
            failure = err
        except MemoryError as err:
            failure = EngineError(f"out of memory ({err})", FailureKind.ENGINE_OUT_OF_MEMORY)
        except Exception as err:  # noqa: BLE001 - the border to engines: whatever they raise fails their page and nothing else
            failure = EngineError(f"{type(err).__name__}: {err}")
            detail = traceback.format_exc()
        if failure is None and not feed.exhausted and feed.count == before:
            feed.skip_page()  # an engine that takes no page must not be asked for ever
        yield from feed.take_failures()
        fault = failure or EngineError("the engine gave no answer for this page")
        for held in feed.close_all():
            page_no, source = held.page.page_no, held.page.source
            missed = PageFailure(page_no, fault.kind, str(fault), fault.fatal, detail, source, fault.blameless)
            yield held.answer(missed)
        if failure is not None and failure.fatal:
            return


@dataclass(frozen=True)
class _Held:
    """A page that the engine has, and how it came there."""

    task: Task
    page: PageImage
    render_s: float
    queue_wait_s: float

    def answer(self, outcome: PageOutcome) -> Answer:
        return Answer(self.task, outcome, self.page, self.render_s, self.queue_wait_s)


class _Feed:
    """The pages as an engine pulls them: keeps track of those it holds, and keeps failed ones from it."""

    def __init__(self, pages: Iterator[TaskPage | None], opened: Callable[[OpenPages], None]) -> None:
        self._pages = pages
        self._opened = opened
        self._held: dict[tuple[str, int], _Held] = {}
        self._failures: list[Answer] = []
        self.exhausted = False
        self.count = 0

    def __iter__(self) -> Iterator[PageImage | None]:
        return self

    def __next__(self) -> PageImage | None:
        for entry in self._pages:
            if entry is None:
                return None
            if isinstance(entry.item, PageFailure):
                self._failures.append(Answer(entry.task, entry.item, None))
                continue
            self.count += 1
            waited_s = time.monotonic() - entry.ready_at
            self._held[entry.item.source, entry.item.page_no] = _Held(entry.task, entry.item, entry.render_s, waited_s)
            self._tell()
            return entry.item
        self.exhausted = True
        raise StopIteration

    def skip_page(self) -> None:
        """Takes a page on behalf of an engine that does not."""
        next(self, None)

    def answer(self, outcome: PageOutcome) -> Iterator[Answer]:
        """Gives the answer with its page, which is kept no longer; nothing if the engine does not hold that page."""
        held = self._held.pop(self._key(outcome), None)
        self._tell()
        if held is None:
            logger.warning(
                "the engine answered page %s, which it was not given or has answered before", outcome.page_no
            )
        else:
            yield held.answer(outcome)

    def _key(self, outcome: PageOutcome) -> tuple[str, int]:
        """Gives what page is meant; an engine that names no document holds pages of one only."""
        if not outcome.source and self._held:
            return next(iter(self._held))[0], outcome.page_no
        return outcome.source, outcome.page_no

    def close_all(self) -> list[_Held]:
        """Gives the pages that were not answered; none is held afterwards."""
        pages = list(self._held.values())
        self._held.clear()
        self._tell()
        return pages

    def take_failures(self) -> Iterator[Answer]:
        """Gives the pages that had no image."""
        while self._failures:
            yield self._failures.pop(0)

    def _tell(self) -> None:
        self._opened([(held.task.task_id, held.page.page_no) for held in self._held.values()])


class Recorder:
    """Writes the answers of one task into its spool segment."""

    def __init__(self, task: Task, fingerprint: str, formats: Iterable[str], visualization_dpi: int) -> None:
        """Opens the segment.

        Raises:
            StorageError: it cannot be written.
        """
        header = {"sha256": task.document.sha256, "fingerprint": fingerprint, "page_nos": list(task.page_nos)}
        self._writer = SegmentWriter(Path(task.segment), header)
        self._formats = frozenset(formats)
        self._visualization_dpi = visualization_dpi
        self._synced_at = time.monotonic()

    def record(self, answer: Answer) -> PageFailure | None:
        """Writes one result; gives the failure instead where there is no result or it cannot be written.

        Raises:
            StorageError: the segment cannot be written.
        """
        outcome = answer.outcome
        if not isinstance(outcome, PageResult):
            return outcome
        try:
            record = encode_page(outcome, answer.page, formats=self._formats, visualization_dpi=self._visualization_dpi)
        except (ValueError, TypeError, OverflowError, AttributeError) as err:
            message = f"the engine's answer cannot be written: {err}"
            return PageFailure(outcome.page_no, FailureKind.ENGINE_ERROR, message, detail=traceback.format_exc())
        self._writer.append(record)
        if time.monotonic() - self._synced_at > SYNC_EVERY_S:
            self._writer.sync()
            self._synced_at = time.monotonic()
        return None

    def close(self) -> None:
        """Flushes the segment to the disk and closes it.

        Raises:
            StorageError: it cannot be written.
        """
        self._writer.sync()
        self._writer.close()
