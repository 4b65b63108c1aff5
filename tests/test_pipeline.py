"""However an engine behaves, every page of a task gets exactly one answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.datatypes import (
    Block,
    DocumentFormat,
    DocumentRef,
    EngineInfo,
    FileIdentity,
    PageFailure,
    PageImage,
    PageOutcome,
    PageResult,
    Task,
)
from batchocr.engines.base import Engine, EngineOptions
from batchocr.engines.fake import FakeEngine, FakeOptions
from batchocr.errors import Cancelled, DocumentError, EngineError, FailureKind, StorageError
from batchocr.outputs.spool import read_segment
from batchocr.pipeline import Answer, PageItem, Recorder, TaskPage, Thumbnails, page_images, recognize

DOCUMENT = DocumentRef("/in/a.pdf", "a.pdf", "ab" * 32, FileIdentity(1, 2, 3), DocumentFormat.PDF, 9)
Behaviour = Callable[[Iterable[PageImage]], Iterator[PageOutcome]]


class Scripted(Engine):
    """An engine whose `recognize` is the function it is given."""

    name = "scripted"
    Options = EngineOptions

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    @classmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        return FakeEngine.describe(FakeOptions())

    def load(self, device: str) -> None: ...

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        return self._behaviour(pages)


def image(page_no: int) -> PageImage:
    return PageImage(page_no, np.full((4, 4, 3), 255, np.uint8), 72.0, "a.pdf")


def result(page_no: int, **values: Any) -> PageResult:
    return PageResult(page_no, 4, 4, (Block("text", (0, 0, 4, 4), 1, f"page {page_no}"),), **values)


def of_task(items: Iterable[PageItem], number: int = 1) -> Iterator[TaskPage]:
    task = Task(number, 1, DOCUMENT, (1, 2, 3), "")
    return (TaskPage(task, item) for item in items)


def answers(behaviour: Behaviour, items: Iterable[PageItem]) -> list[Answer]:
    return list(recognize(Scripted(behaviour), of_task(items), lambda pages: None))


def told(found: Iterable[Answer]) -> dict[int, str]:
    """Gives page number to `ok` or the failure's message; a page that is answered twice fails."""
    outcomes: dict[int, str] = {}
    for answer in found:
        outcome = answer.outcome
        assert outcome.page_no not in outcomes
        outcomes[outcome.page_no] = outcome.message if isinstance(outcome, PageFailure) else "ok"
    return outcomes


# --- recognize ---


def test_pages_are_answered_with_their_images() -> None:
    found = answers(lambda pages: (result(page.page_no) for page in pages), [image(1), image(2)])
    assert told(found) == {1: "ok", 2: "ok"}
    assert all(answer.page is not None and answer.page.page_no == answer.outcome.page_no for answer in found)


def test_engine_that_raises_fails_its_page_and_is_asked_for_the_rest() -> None:
    def fails_on_two(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        for page in pages:
            if page.page_no == 2:
                raise EngineError("cannot read 2")
            yield result(page.page_no)

    assert told(answers(fails_on_two, map(image, (1, 2, 3)))) == {1: "ok", 2: "cannot read 2", 3: "ok"}


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ZeroDivisionError("by zero"), FailureKind.ENGINE_ERROR, "ZeroDivisionError: by zero"),
        (MemoryError("8 GiB"), FailureKind.ENGINE_OUT_OF_MEMORY, r"out of memory \(8 GiB\)"),
        (EngineError("full", FailureKind.ENGINE_OUT_OF_MEMORY), FailureKind.ENGINE_OUT_OF_MEMORY, "full"),
        (StopIteration(), FailureKind.ENGINE_ERROR, "RuntimeError"),
    ],
)
def test_whatever_an_engine_raises_becomes_a_failure(error: Exception, kind: FailureKind, message: str) -> None:
    def fails(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        for _ in pages:
            raise error
        yield from ()

    (answer,) = answers(fails, [image(1)])
    assert isinstance(answer.outcome, PageFailure)
    assert answer.outcome.kind is kind
    assert re.match(message, answer.outcome.message)


def test_unexpected_error_keeps_its_traceback_for_the_log() -> None:
    def fails(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        yield result(next(iter(pages)).page_no + int("x"))

    (answer,) = answers(fails, [image(1)])
    assert isinstance(answer.outcome, PageFailure)
    assert "Traceback" in answer.outcome.detail


def test_order_to_stop_is_no_failure() -> None:
    def cancelled(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        for _ in pages:
            raise Cancelled
        yield from ()

    with pytest.raises(Cancelled):
        answers(cancelled, [image(1)])


def test_nothing_is_asked_after_a_fatal_failure() -> None:
    def fatal(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        for page in pages:
            if page.page_no == 2:
                raise EngineError("device lost", fatal=True)
            yield result(page.page_no)

    items = map(image, (1, 2, 3, 4))
    found = answers(fatal, items)
    assert told(found) == {1: "ok", 2: "device lost"}
    assert isinstance(found[-1].outcome, PageFailure)
    assert found[-1].outcome.fatal
    assert [item.page_no for item in items] == [3, 4]


def test_pages_in_flight_all_fail_when_the_engine_raises() -> None:
    def takes_all(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        taken = list(pages)
        yield result(taken[1].page_no)
        raise EngineError("server gone")

    assert told(answers(takes_all, map(image, (1, 2, 3)))) == {1: "server gone", 2: "ok", 3: "server gone"}


def test_outcomes_may_come_in_any_order() -> None:
    def backwards(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        yield from (result(page.page_no) for page in reversed(list(pages)))

    assert told(answers(backwards, map(image, (1, 2, 3)))) == {3: "ok", 2: "ok", 1: "ok"}


def test_engine_that_takes_no_page_is_not_asked_for_ever() -> None:
    found = answers(lambda pages: iter(()), map(image, (1, 2, 3)))
    assert told(found) == dict.fromkeys((1, 2, 3), "the engine gave no answer for this page")


def test_engine_that_ends_after_each_page_is_asked_again() -> None:
    assert told(answers(lambda pages: iter([result(next(iter(pages)).page_no)]), map(image, (1, 2)))) == {
        1: "ok", 2: "ok",
    }  # fmt: skip


def test_answers_for_pages_it_does_not_hold_are_dropped() -> None:
    def babbles(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        for page in pages:
            yield result(page.page_no)
            yield result(page.page_no)
            yield result(page.page_no + 1)
            yield result(99)

    assert told(answers(babbles, map(image, (1, 2)))) == {1: "ok", 2: "ok"}


def test_pages_without_an_image_never_reach_the_engine() -> None:
    seen = []

    def notes(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        for page in pages:
            seen.append(page.page_no)
            yield result(page.page_no)

    broken = PageFailure(2, FailureKind.PAGE_RENDER_FAILED, "no such object")
    assert told(answers(notes, [image(1), broken, image(3)])) == {1: "ok", 2: "no such object", 3: "ok"}
    assert seen == [1, 3]


def test_open_pages_are_told_whenever_they_change() -> None:
    notes: list[list[tuple[int, int]]] = []
    engine = Scripted(lambda pages: (result(page.page_no) for page in pages))
    list(recognize(engine, of_task(map(image, (1, 2)), number=7), lambda pages: notes.append(list(pages))))
    assert notes[:4] == [[(7, 1)], [], [(7, 2)], []]
    assert notes[-1] == []


def test_pages_of_equal_number_from_several_documents_are_told_apart() -> None:
    class Many(Scripted):
        def recognize_many(self, pages: Iterable[PageImage | None]) -> Iterator[PageOutcome]:
            held = []
            for page in pages:
                if page is not None:
                    held.append(page)
                elif held:  # none is ready: what is finished is told, the newest first
                    last = held.pop()
                    yield replace(result(last.page_no), source=last.source)
            for page in held:
                yield PageFailure(page.page_no, FailureKind.ENGINE_ERROR, f"not {page.source}", source=page.source)

    first, second = replace(image(1), source="a.pdf"), replace(image(1), source="b.pdf")
    stream = [*of_task([first], number=1), *of_task([second], number=2), None]
    found = list(recognize(Many(lambda pages: iter(())), stream, lambda pages: None))
    assert [(answer.task.task_id, answer.page) for answer in found] == [(2, second), (1, first)]
    assert isinstance(found[1].outcome, PageFailure)
    assert found[1].outcome.message == "not a.pdf"


FATES = ("answer", "raise", "silent", "twice", "stranger", "return", "failure")


@given(st.lists(st.sampled_from((*FATES, "no image")), max_size=12), st.integers(1, 4))
def test_every_page_is_answered_exactly_once_however_the_engine_behaves(fates: list[str], in_flight: int) -> None:
    def behave(pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        taken: list[int] = []
        for page in pages:
            taken.append(page.page_no)
            if len(taken) < in_flight and page.page_no < len(fates):
                continue
            for page_no in reversed(taken):
                fate = fates[page_no - 1]
                if fate == "raise":
                    raise ValueError("nonsense")
                if fate == "return":
                    return
                if fate == "stranger":
                    yield result(page_no + 100)
                if fate == "failure":
                    yield PageFailure(page_no, FailureKind.ENGINE_ERROR, "unreadable")
                if fate in {"answer", "twice", "stranger"}:
                    yield result(page_no)
                if fate == "twice":
                    yield result(page_no)
            taken.clear()

    items = [
        PageFailure(number, FailureKind.PAGE_RENDER_FAILED, "no image") if fate == "no image" else image(number)
        for number, fate in enumerate(fates, 1)
    ]
    found = told(answers(behave, items))
    assert sorted(found) == list(range(1, len(fates) + 1))
    if in_flight == 1:
        good = {number for number, fate in enumerate(fates, 1) if fate in {"answer", "twice", "stranger"}}
        assert {page_no for page_no, outcome in found.items() if outcome == "ok"} == good


# --- page images ---


class Source:
    """Gives every page but the third; thumbnails of even ones."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, bool, int | None]] = []

    def render(
        self, document: DocumentRef, page_no: int, dpi: int, want_text: bool, thumbnail_dpi: int | None = None
    ) -> PageImage:
        self.asked.append((page_no, dpi, want_text, thumbnail_dpi))
        if page_no == 3:
            raise DocumentError("no such page", FailureKind.PAGE_RENDER_FAILED)
        small = thumbnail_dpi is not None and page_no % 2 == 0
        return replace(image(page_no), thumbnail_of=(40, 40) if small else None)


def info(*, needs_image: bool) -> EngineInfo:
    return FakeEngine.describe(FakeOptions(needs_image=needs_image))


def task(tmp_path: Path, *page_nos: int) -> Task:
    return Task(1, 1, DOCUMENT, page_nos, str(tmp_path / "spool" / "1.seg"))


NONE_FIT = Thumbnails(needs_pixels=lambda page: True, dpi=100)


def test_page_that_cannot_be_rendered_is_a_failure_among_the_images(tmp_path: Path) -> None:
    source = Source()
    items = [page.item for page in page_images(task(tmp_path, 2, 3, 4), source, info(needs_image=True), 150, NONE_FIT)]
    assert [type(item) for item in items] == [PageImage, PageFailure, PageImage]
    assert items[1] == PageFailure(3, FailureKind.PAGE_RENDER_FAILED, "no such page")
    assert source.asked == [(2, 150, False, None), (3, 150, False, None), (4, 150, False, None)]


def test_nothing_is_rendered_for_an_engine_that_needs_no_image(tmp_path: Path) -> None:
    source = Source()
    items = [page.item for page in page_images(task(tmp_path, 2, 3), source, info(needs_image=False), 150, NONE_FIT)]
    assert [item.page_no for item in items] == [2, 3]
    assert all(isinstance(item, PageImage) and item.pixels.shape == (1, 1, 3) for item in items)
    assert source.asked == []


def test_engine_that_wants_text_layers_says_of_which_pages_a_thumbnail_is_enough(tmp_path: Path) -> None:
    source = Source()
    engine = replace(info(needs_image=True), wants_text_layer=True)
    thumbnails = Thumbnails(needs_pixels=lambda page: page.page_no == 4, dpi=50)
    found = [page.item for page in page_images(task(tmp_path, 1, 2, 4), source, engine, 150, thumbnails)]
    assert source.asked == [(1, 150, True, 50), (2, 150, True, 50), (4, 150, True, 50), (4, 150, True, None)]
    assert [item.thumbnail_of for item in found if isinstance(item, PageImage)] == [None, (40, 40), None]
    assert all(item.page_count == DOCUMENT.page_count for item in found if isinstance(item, PageImage))


def test_engine_that_cannot_say_whether_it_needs_pixels_gets_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(page: PageImage) -> bool:
        raise ZeroDivisionError("odd page")

    source = Source()
    engine = replace(info(needs_image=True), wants_text_layer=True)
    (page,) = page_images(task(tmp_path, 2), source, engine, 150, Thumbnails(raises, 50))
    assert isinstance(page.item, PageImage)
    assert page.item.thumbnail_of is None
    assert source.asked == [(2, 150, True, 50), (2, 150, True, None)]
    assert "odd page" in caplog.text


# --- recorder ---


def test_results_go_to_the_segment_and_failures_come_back(tmp_path: Path) -> None:
    one = task(tmp_path, 1, 2)
    recorder = Recorder(one, "f1", ("md",), 100)
    failure = PageFailure(2, FailureKind.TIMEOUT, "slow")
    assert recorder.record(Answer(one, result(1), image(1))) is None
    assert recorder.record(Answer(one, failure, image(2))) is failure
    recorder.close()
    segment = read_segment(tmp_path / "spool" / "1.seg")
    assert [page.page_no for page in segment] == [1]
    assert (segment.header["sha256"], segment.header["fingerprint"]) == (DOCUMENT.sha256, "f1")


@pytest.mark.parametrize(
    "answer",
    [
        PageResult(1, 4, 4, "no blocks"),  # type: ignore[arg-type]
        result(1, images={"image_1": "no pixels"}),
    ],
    ids=["text for blocks", "text for pixels"],
)
def test_answer_that_cannot_be_written_fails_its_page_and_the_next_is_recorded(
    tmp_path: Path, answer: PageResult
) -> None:
    one = task(tmp_path, 1, 2)
    recorder = Recorder(one, "f1", ("md", "json", "images"), 100)
    failure = recorder.record(Answer(one, answer, image(1)))
    assert failure is not None
    assert (failure.page_no, failure.kind) == (1, FailureKind.ENGINE_ERROR)
    assert recorder.record(Answer(one, result(2), image(2))) is None
    recorder.close()
    assert [page.page_no for page in read_segment(tmp_path / "spool" / "1.seg")] == [2]


def test_spool_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    with pytest.raises(StorageError):
        Recorder(task(tmp_path, 1), "f1", ("md",), 100)
