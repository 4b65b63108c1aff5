from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from batchocr.datatypes import Block, PageFailure, PageImage, PageOutcome, PageResult
from batchocr.engines.paddleocr_vl.flight import OneAtATime, fly
from batchocr.errors import EngineError, FailureKind

LONG_S = 30.0  # only reached where something is broken


def page(page_no: int) -> PageImage:
    return PageImage(page_no, np.zeros((4, 4, 3), np.uint8), 100.0, "a.pdf")


def result(page_no: int) -> PageResult:
    return PageResult(page_no, 4, 4, (Block("text", (0.0, 0.0, 4.0, 4.0), 1, str(page_no)),), source="a.pdf")


def read(image: PageImage) -> PageOutcome:
    return result(image.page_no)


def nothing() -> None:
    """There is nothing to break off."""


def outcomes(count: int, reader, at_once: int = 4) -> dict[int, PageOutcome]:  # type: ignore[no-untyped-def]
    return {found.page_no: found for found in fly((page(n + 1) for n in range(count)), reader, at_once, nothing)}


def test_every_page_is_answered_once() -> None:
    assert outcomes(50, read) == {page_no: result(page_no) for page_no in range(1, 51)}


def test_no_page_waits_for_a_slow_neighbour() -> None:
    others_done = threading.Event()

    def reader(image: PageImage) -> PageOutcome:
        if image.page_no == 1:
            assert others_done.wait(LONG_S)
        return result(image.page_no)

    seen = []
    for outcome in fly((page(n) for n in range(1, 11)), reader, 2, nothing):
        seen.append(outcome.page_no)
        if len(seen) == 9:  # nine pages went by on the one place that the slow page had left
            others_done.set()

    assert seen[-1] == 1
    assert sorted(seen) == list(range(1, 11))


def test_as_many_pages_are_in_flight_as_allowed_and_no_more() -> None:
    together = threading.Barrier(3)
    taken = []

    def pages() -> Iterator[PageImage]:
        for number in range(1, 7):
            taken.append(number)
            yield page(number)

    def reader(image: PageImage) -> PageOutcome:
        together.wait(LONG_S)  # passes only if three are read at the same time
        return result(image.page_no)

    flight = fly(pages(), reader, 3, nothing)
    first = next(flight)

    assert isinstance(first, PageResult)
    assert taken == [1, 2, 3]
    assert len(list(flight)) == 5


def test_what_one_page_raises_is_the_failure_of_that_page_alone() -> None:
    errors = {
        2: EngineError("the server said 500"),
        3: EngineError("no room", FailureKind.ENGINE_OUT_OF_MEMORY),
        4: ZeroDivisionError("in the pipeline"),
        5: MemoryError("8 GiB"),
    }

    def reader(image: PageImage) -> PageOutcome:
        if image.page_no in errors:
            raise errors[image.page_no]
        return result(image.page_no)

    found = outcomes(6, reader)

    assert found[1] == result(1)
    assert found[6] == result(6)
    failures = {n: failure for n, failure in found.items() if isinstance(failure, PageFailure)}
    assert {n: failure.kind for n, failure in failures.items()} == {
        2: FailureKind.ENGINE_ERROR, 3: FailureKind.ENGINE_OUT_OF_MEMORY,
        4: FailureKind.ENGINE_ERROR, 5: FailureKind.ENGINE_OUT_OF_MEMORY,
    }  # fmt: skip
    assert failures[2].message == "a.pdf page 2: the server said 500"
    assert failures[4].message == "a.pdf page 4: ZeroDivisionError: in the pipeline"
    assert "in reader" in failures[4].detail
    assert not any(failure.fatal for failure in failures.values())


def test_fatal_error_ends_the_flight_after_its_neighbours_have_landed() -> None:
    failed = threading.Event()
    taken = []

    def pages() -> Iterator[PageImage]:
        for number in range(1, 100):
            taken.append(number)
            yield page(number)

    def reader(image: PageImage) -> PageOutcome:
        if image.page_no == 2:
            failed.set()
            raise EngineError("the server is gone", fatal=True)
        assert failed.wait(LONG_S)
        return result(image.page_no)

    landed: list[int] = []
    with pytest.raises(EngineError, match="the server is gone") as caught:
        landed.extend(outcome.page_no for outcome in fly(pages(), reader, 3, nothing))
    assert caught.value.fatal
    assert sorted(landed) == [number for number in taken if number != 2]
    assert len(taken) < 99


def test_closing_the_flight_breaks_off_what_is_waited_for_and_leaves_no_thread() -> None:
    cancelled = threading.Event()

    def reader(image: PageImage) -> PageOutcome:
        if image.page_no > 1:
            assert cancelled.wait(LONG_S)
        return result(image.page_no)

    before = threading.active_count()
    flight = fly((page(n) for n in range(1, 10)), reader, 3, cancelled.set)
    next(flight)
    flight.close()

    assert cancelled.is_set()
    assert threading.active_count() == before


def test_pages_that_are_finished_are_let_go_of() -> None:
    pixels: list[weakref.ref[object]] = []
    most = 0

    def pages() -> Iterator[PageImage]:
        for number in range(1, 40):
            image = page(number)
            pixels.append(weakref.ref(image.pixels))
            yield image
            del image

    for _ in fly(pages(), read, 3, nothing):
        most = max(most, sum(pixel() is not None for pixel in pixels))

    assert most <= 2 * 3  # those in flight, and those whose threads have only just answered
    assert not any(pixel() is not None for pixel in pixels)


def test_model_under_lock_is_used_by_one_thread_at_a_time() -> None:
    class Model:
        name = "layout"

        def __init__(self) -> None:
            self.inside = 0
            self.most = 0

        def __call__(self, images: list[int], scale: int) -> Iterator[int]:
            self.inside += 1
            self.most = max(self.most, self.inside)
            for image in images:
                threading.Event().wait(0.01)
                yield image * scale
            self.inside -= 1

    model = Model()
    guarded = OneAtATime(model, threading.Lock())

    def reader(image: PageImage) -> PageOutcome:
        assert guarded([1, 2], scale=image.page_no) == [image.page_no, 2 * image.page_no]
        return result(image.page_no)

    assert all(isinstance(outcome, PageResult) for outcome in outcomes(8, reader).values())
    assert model.most == 1
    assert guarded.name == "layout"
