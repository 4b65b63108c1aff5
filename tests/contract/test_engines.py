"""What every registered engine must pass before it is merged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from support.documents import page_picture
from support.missing import missing

from batchocr.datatypes import PageImage, PageOutcome, PageResult
from batchocr.engines.base import Engine
from batchocr.engines.registry import engine_class
from batchocr.errors import SetupError

WORDS = ("The quick brown fox", "jumps over", "the lazy dog")
OPTIONS: dict[str, dict[str, Any]] = {"fake": {"content": "rich"}, "ppocr": {"mode": "ocr"}}


def words_page(page_no: int, text: str) -> PageImage:
    grey = np.asarray(page_picture(text, size=(620, 420), font_size=36))
    return PageImage(page_no, np.ascontiguousarray(np.stack([grey] * 3, axis=2)), 100.0, "a.pdf")


def white_page(page_no: int, height: int = 420, width: int = 620) -> PageImage:
    return PageImage(page_no, np.full((height, width, 3), 255, np.uint8), 100.0, "a.pdf")


@pytest.fixture(scope="module", params=sorted(OPTIONS))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine_type = engine_class(request.param)
    options = engine_type.Options.model_validate(OPTIONS[request.param])
    try:
        engine_type.describe(options)
    except SetupError as err:
        missing(str(err))
    built = engine_type(options)
    built.load("cpu")
    yield built
    built.close()


def described(engine: Engine) -> Any:
    return type(engine).describe(engine.Options.model_validate(OPTIONS[engine.name]))


def texts(outcome: PageOutcome) -> str:
    assert isinstance(outcome, PageResult)
    return " ".join(block.text for block in outcome.blocks)


def test_description_is_plain_data_and_the_same_every_time(engine: Engine) -> None:
    info = described(engine)
    assert info.name == engine.name
    assert json.loads(json.dumps(asdict(info), allow_nan=False)) == json.loads(json.dumps(asdict(described(engine))))
    assert "cpu" in info.devices
    assert info.in_flight >= 1
    assert info.threads >= 1
    assert min(info.page_timeout_s, info.load_timeout_s) > 0
    assert all(len(digest) == 64 for digest in info.weights.values())


def test_unknown_option_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="no_such_option"):
        engine.Options.model_validate({"no_such_option": 1})


def test_no_pages_have_no_outcomes(engine: Engine) -> None:
    assert list(engine.recognize([])) == []


def test_every_page_is_answered_once_by_its_own_number(engine: Engine) -> None:
    outcomes = list(engine.recognize(iter([words_page(7, WORDS[0]), white_page(3), words_page(5, WORDS[1])])))
    assert sorted(outcome.page_no for outcome in outcomes) == [3, 5, 7]
    assert all(isinstance(outcome, PageResult) for outcome in outcomes)


def test_boxes_lie_on_the_page_and_the_order_of_reading_is_complete(engine: Engine) -> None:
    (outcome,) = engine.recognize([words_page(1, "\n".join(WORDS))])
    assert isinstance(outcome, PageResult)
    assert (outcome.width_px, outcome.height_px) == (620, 420)
    for block in outcome.blocks:
        x0, y0, x1, y1 = block.bbox
        assert 0 <= x0 <= x1 <= 620
        assert 0 <= y0 <= y1 <= 420
        assert block.image is None or block.image in outcome.images
        assert block.score is None or 0 <= block.score <= 1
    order = sorted(block.order for block in outcome.blocks if block.order is not None)
    assert order == list(range(1, len(order) + 1))


def test_images_are_pixels_and_raw_data_is_json(engine: Engine) -> None:
    (outcome,) = engine.recognize([words_page(1, "\n".join(WORDS))])
    assert isinstance(outcome, PageResult)
    for pixels in (*outcome.images.values(), *outcome.visualizations.values()):
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
    json.dumps(dict(outcome.raw), allow_nan=False)


@pytest.mark.parametrize("size", [(420, 620), (1, 1), (1, 3000), (3000, 1)], ids=str)
@pytest.mark.parametrize("colour", [0, 255])
def test_page_without_words_is_answered(engine: Engine, size: tuple[int, int], colour: int) -> None:
    page = PageImage(1, np.full((*size, 3), colour, np.uint8), 72.0, "a.pdf")
    (outcome,) = engine.recognize([page])
    assert isinstance(outcome, PageResult)
    assert (outcome.height_px, outcome.width_px) == size


def test_pixels_are_not_changed(engine: Engine) -> None:
    page = words_page(1, WORDS[0])
    before = page.pixels.copy()
    list(engine.recognize([page]))
    assert np.array_equal(page.pixels, before)


def test_result_outlives_the_pixels_of_its_page(engine: Engine) -> None:
    first, second = words_page(1, WORDS[0]), words_page(2, WORDS[1])
    kept = []
    for outcome in engine.recognize([first, second]):
        assert isinstance(outcome, PageResult)
        kept.append((outcome, {name: pixels.copy() for name, pixels in outcome.images.items()}))
    first.pixels[:] = second.pixels[:] = 7
    for outcome, images in kept:
        for name, pixels in images.items():
            assert np.array_equal(outcome.images[name], pixels), f"{name} is a view of the page"


def test_result_depends_neither_on_neighbours_nor_on_what_was_read_before(engine: Engine) -> None:
    if not described(engine).batch_invariant:
        pytest.skip(f"{engine.name} does not claim to be batch invariant")
    page = words_page(2, WORDS[2])
    (alone,) = engine.recognize([page])
    engine.release_memory()
    together = {o.page_no: o for o in engine.recognize([words_page(1, WORDS[0]), page, white_page(3, 80, 2000)])}
    assert isinstance(alone, PageResult)
    again = together[2]
    assert isinstance(again, PageResult)
    assert (alone.blocks, alone.markdown, alone.raw, alone.warnings) == (
        again.blocks, again.markdown, again.raw, again.warnings,
    )  # fmt: skip


def test_memory_can_be_released_between_pages(engine: Engine) -> None:
    engine.release_memory()
    engine.release_memory()
    (outcome,) = engine.recognize([words_page(1, WORDS[0])])
    assert texts(outcome)


def test_building_is_cheap_and_closing_needs_no_load(engine: Engine) -> None:
    other = type(engine)(engine.Options.model_validate(OPTIONS[engine.name]))
    other.close()
