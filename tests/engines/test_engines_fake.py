from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pydantic import ValidationError

from batchocr.datatypes import PageImage, PageResult
from batchocr.engines.fake import FakeEngine, FakeOptions, Rule
from batchocr.errors import EngineError, FailureKind


def page(page_no: int, source: str = "a.pdf") -> PageImage:
    return PageImage(page_no, np.full((40, 30, 3), 255, np.uint8), 72.0, source)


def engine(**options: object) -> FakeEngine:
    built = FakeEngine(FakeOptions.model_validate(options))
    built.load("cpu")
    return built


def results(fake: FakeEngine, *page_nos: int) -> list[PageResult]:
    outcomes = list(fake.recognize(page(page_no) for page_no in page_nos))
    assert all(isinstance(outcome, PageResult) for outcome in outcomes)
    return outcomes  # type: ignore[return-value]


def test_page_is_answered_with_its_name() -> None:
    (result,) = results(engine(), 3)
    assert (result.page_no, result.width_px, result.height_px) == (3, 30, 40)
    assert [block.text for block in result.blocks] == ["Page 3 of a.pdf"]


def test_rich_page_has_heading_table_and_picture() -> None:
    (result,) = results(engine(content="rich"), 1)
    assert [block.label for block in result.blocks] == ["doc_title", "text", "table", "image"]
    assert result.images["image_1"].shape == (10, 7, 3)


@pytest.mark.parametrize(
    ("pages", "fitting"),
    [("*", {1, 2, 3, 10}), ("3", {3}), (3, {3}), ("2-3", {2, 3}), ("1, 10", {1, 10}), ("1-2,10", {1, 2, 10})],
)
def test_rule_fits_its_pages(pages: str | int, fitting: set[int]) -> None:
    rule = Rule.model_validate({"do": "text", "pages": pages})
    assert {page_no for page_no in (1, 2, 3, 10) if rule.fits(page(page_no))} == fitting


def test_rule_fits_its_sources() -> None:
    rule = Rule(do="text", source="*/b*.pdf")
    assert rule.fits(page(1, "in/b1.pdf"))
    assert not rule.fits(page(1, "in/a.pdf"))


def test_first_rule_that_fits_decides() -> None:
    fake = engine(script=[{"do": "blank", "pages": "1"}, {"do": "error"}])
    (result,) = results(fake, 1)
    assert result.blocks == ()


@pytest.mark.parametrize(
    ("behaviour", "kind", "fatal"),
    [
        ("error", FailureKind.ENGINE_ERROR, False),
        ("fatal", FailureKind.ENGINE_ERROR, True),
        ("out_of_memory", FailureKind.ENGINE_OUT_OF_MEMORY, False),
    ],
)
def test_scripted_error_names_its_page(behaviour: str, kind: FailureKind, fatal: bool) -> None:
    outcomes: Iterator[object] = iter(engine(script=[{"do": behaviour}]).recognize([page(4)]))
    with pytest.raises(EngineError, match="page 4") as raised:
        next(outcomes)
    assert (raised.value.kind, raised.value.fatal) == (kind, fatal)


def test_flaky_page_fails_on_a_used_engine_and_succeeds_on_a_fresh_one() -> None:
    fake = engine(script=[{"do": "flaky", "pages": "2"}])
    with pytest.raises(EngineError):
        list(fake.recognize([page(1), page(2)]))
    fake.load("cpu")
    assert [result.page_no for result in results(fake, 2)] == [2]


def test_silent_page_has_no_answer_and_the_next_has() -> None:
    assert [result.page_no for result in results(engine(script=[{"do": "silent", "pages": "1"}]), 1, 2)] == [2]


def test_leak_keeps_memory() -> None:
    fake = engine(script=[{"do": "leak", "bytes": 1000}])
    results(fake, 1, 2)
    fake.release_memory()
    assert sum(map(len, fake._leaked)) == 2000


def test_load_fails_with_the_words_it_was_given() -> None:
    with pytest.raises(EngineError, match="on holiday") as raised:
        engine(load_error="the weights are on holiday")
    assert raised.value.fatal


@pytest.mark.parametrize(
    "options",
    [{"script": [{"do": "dance"}]}, {"script": [{"do": "text", "page": 1}]}, {"speed": 3}, {"page_seconds": -1}],
)
def test_misspelt_option_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FakeOptions.model_validate(options)


@pytest.mark.parametrize("pages", ["", "x", "1-", "3-x", "1,,2"])
def test_rule_whose_pages_cannot_be_read_is_refused(pages: str) -> None:
    with pytest.raises(ValidationError):
        Rule(do="text", pages=pages)


def test_time_that_pages_take_is_no_part_of_what_the_engine_is() -> None:
    slow, fast = FakeOptions(page_seconds=1, load_seconds=1, page_timeout_s=5), FakeOptions()
    assert FakeEngine.describe(slow).options == FakeEngine.describe(fast).options
    assert FakeEngine.describe(slow).page_timeout_s == 5
