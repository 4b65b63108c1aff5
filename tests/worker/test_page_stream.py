from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, Limits, PageImage, Task, TextLayer, TextWord
from batchocr.documents.client import DocumentChild
from batchocr.engines.fake import FakeEngine, FakeOptions
from batchocr.worker.child import Boot
from batchocr.worker.messages import Event, GiveBack, Order, PagesReturned, WorkPlan
from batchocr.worker.page_budget import PageBudget
from batchocr.worker.page_stream import PageStream, size_bytes

REFERENCE = DocumentRef("a.pdf", "a.pdf", "", FileIdentity(0, 0, 0), DocumentFormat.PDF, 8)
PAGE_BYTES = 300


class Link:
    """The worker's end of the queues."""

    name, generation = "cpu", 1

    def __init__(self) -> None:
        self.orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self.draining = threading.Event()

    def next_order(self) -> Order:
        return self.orders.get()


class Pages:
    """Draws pages; waits at page 3 until it is told to go on."""

    def __init__(self) -> None:
        self.drawn: list[int] = []
        self.at_three, self.go_on = threading.Event(), threading.Event()

    def render(
        self, document: DocumentRef, page_no: int, dpi: int, want_text: bool, thumbnail_dpi: int | None = None
    ) -> PageImage:
        self.drawn.append(page_no)
        if page_no == 3:
            self.at_three.set()
            assert self.go_on.wait(20)
        return PageImage(page_no, np.zeros((10, 10, 3), np.uint8), float(dpi), document.source)


class Worker:
    """A stream with its surroundings; nothing is recognized."""

    def __init__(self) -> None:
        self.link, self.pages, self.budget = Link(), Pages(), PageBudget(100 * PAGE_BYTES)
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        plan = WorkPlan(FakeEngine.describe(FakeOptions()), {}, 72, Limits(), (), 72, "", 1, 1, "", "info", "")
        self.stream = PageStream(
            cast(Boot, self.link), plan, cast(DocumentChild, self.pages), self.budget, self.events.put
        )

    def given_back(self, count: int) -> tuple[tuple[int, int], ...]:
        self.link.orders.put(GiveBack(count))
        event = self.events.get(timeout=20)
        assert isinstance(event, PagesReturned)
        return event.pages

    def read_all(self) -> Iterator[tuple[int, int]]:
        self.link.orders.put(None)
        while self.stream.next_task() is not None:
            for page in self.stream.pages(lambda task: None, many=False):
                assert page is not None
                yield page.task.task_id, page.item.page_no
                self.budget.release(size_bytes(page.item))


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    for number, page_nos in ((1, (1, 2, 3, 4)), (2, (5, 6))):
        made.link.orders.put(Task(number, 1, REFERENCE, page_nos, ""))
    assert made.pages.at_three.wait(20)
    yield made
    made.pages.go_on.set()


def test_pages_are_given_back_at_once_though_a_page_takes_long_to_draw(worker: Worker) -> None:
    assert worker.given_back(2) == ((2, 5), (2, 6))
    assert worker.given_back(1) == ((1, 4),)
    worker.pages.go_on.set()
    assert list(worker.read_all()) == [(1, 1), (1, 2), (1, 3)]
    assert worker.pages.drawn == [1, 2, 3]  # what was given back is not drawn


def test_page_that_was_drawn_and_then_given_back_takes_no_room_any_more(worker: Worker) -> None:
    assert worker.given_back(100) == ((1, 1), (1, 2), (1, 3), (1, 4), (2, 5), (2, 6))
    worker.pages.go_on.set()
    assert list(worker.read_all()) == []
    worker.budget.hold(99 * PAGE_BYTES)
    worker.budget.wait_for_room()  # would never come back if the pages still counted


def test_text_layer_counts_as_memory_so_that_pages_of_small_pixels_are_not_drawn_without_end() -> None:
    word = TextWord("word", (0.0, 0.0, 9.0, 9.0), 9.0, bold=False, line=0)
    page = PageImage(1, np.zeros((1, 1, 3), np.uint8), 72.0, "x", TextLayer((word,) * 1000, 0.0, 0.0, ()))
    assert size_bytes(page) >= 100_000
    assert size_bytes(replace(page, text_layer=None)) == 3


def test_worker_with_nothing_to_give_back_says_so(worker: Worker) -> None:
    worker.given_back(100)
    assert worker.given_back(1) == ()
