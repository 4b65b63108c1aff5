from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ppocr_pages import layer_of, page_of, picture, recognized, words_of

from batchocr.datatypes import BBox, PageImage, TextLayer, TextWord
from batchocr.engines.ppocr.engine import PpOcrEngine

WORDS = words_of(["Pack", "my", "box", "with", "five", "dozen", "jugs"])
# Edges of three rows and three columns on a page of 1000 x 1400 px.
ROWS, COLS = (200, 260, 320, 380), (100, 350, 600, 850)


def level(y: float, x0: float, x1: float) -> BBox:
    return x0, y - 1.0, x1, y + 1.0


def plumb(x: float, y0: float, y1: float) -> BBox:
    return x - 1.0, y0, x + 1.0, y1


GRID = (*(level(y, COLS[0], COLS[-1]) for y in ROWS), *(plumb(x, ROWS[0], ROWS[-1]) for x in COLS))
CELLS = tuple(
    word for row in range(3) for col in range(3) for word in words_of(["cell"], x=COLS[col] + 20.0, y=ROWS[row] + 14.0)
)


def layer_with(words: tuple[TextWord, ...], rules: tuple[BBox, ...] | None) -> TextLayer:
    return replace(layer_of(words), rules=rules)


def thumbnail(layer: TextLayer | None) -> PageImage:
    pixels = np.full((140, 100, 3), 255, np.uint8)
    return replace(page_of(pixels, layer=layer), thumbnail_of=(1000, 1400))


def drawn(layer: TextLayer) -> PageImage:
    """Gives the page in full."""
    pixels = picture([(round(w.bbox[0]), round(w.bbox[1]), w.text) for w in layer.words], size=(1000, 1400))
    for x0, y0, x1, y1 in layer.rules or ():
        pixels[round(y0) : round(y1), round(x0) : round(x1)] = 0
    return page_of(pixels, layer=layer)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (WORDS, ()),
        (WORDS, (level(120, 60, 900), level(500, 60, 900))),
        (WORDS + CELLS, GRID),
        (WORDS + CELLS[:6], GRID),
        (WORDS, (plumb(500, 300, 310),)),  # no longer than a stroke of a letter
    ],
)
def test_words_and_the_rules_of_tables_are_enough(words: tuple[TextWord, ...], rules: tuple[BBox, ...]) -> None:
    assert not PpOcrEngine.needs_pixels(thumbnail(layer_with(words, rules)))


@pytest.mark.parametrize(
    "layer",
    [
        None,
        layer_with(WORDS, None),
        layer_with((), ()),
        layer_with(words_of(["\ue000\ue001\ue002"]), ()),
        replace(layer_with(WORDS, ()), invisible_share=0.9),
        layer_with((*WORDS, *words_of(["|"])), ()),
        layer_with(WORDS, (plumb(500, 300, 900),)),  # parts columns, or belongs to a drawing
        layer_with(WORDS, (level(300, 100, 800), level(900, 100, 800), plumb(100, 300, 900), plumb(800, 300, 900))),
        layer_with(WORDS, GRID),  # empty: a chart's lines
        layer_with(WORDS + CELLS[:3], GRID),
        layer_with(WORDS + CELLS, (*GRID, plumb(500, 800, 1200))),
    ],
)
def test_image_is_wanted_where_more_may_be_seen(layer: TextLayer | None) -> None:
    assert PpOcrEngine.needs_pixels(thumbnail(layer))


@pytest.mark.parametrize(
    "layer", [layer_with(WORDS, ()), layer_with(WORDS, (level(120, 60, 900),)), layer_with(WORDS + CELLS, GRID)]
)
def test_page_reads_the_same_without_its_image(layer: TextLayer) -> None:
    alone = recognized(thumbnail(layer), mode="text")
    searched = recognized(replace(drawn(layer), text_layer=replace(layer, rules=None)), mode="text")
    assert [(b.label, b.text, b.html, b.order) for b in alone.blocks] == [
        (b.label, b.text, b.html, b.order) for b in searched.blocks
    ]
    for one, other in zip(alone.blocks, searched.blocks, strict=True):
        assert one.bbox == pytest.approx(other.bbox, abs=3)
    assert (alone.width_px, alone.height_px) == (1000, 1400)
    assert recognized(drawn(layer), mode="text") == alone


PICTURE = (100.0, 600.0, 500.0, 900.0)


def test_placed_picture_wants_pixels_but_no_search() -> None:
    layer = replace(layer_with(WORDS + CELLS, GRID), image_boxes=(PICTURE,))
    assert PpOcrEngine.needs_pixels(thumbnail(layer))
    page = drawn(layer)
    page.pixels[600:900, 100:500] = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    # Not in the text layer nor placed: it would be found by a search.
    page.pixels[1000:1300, 500:900] = np.random.default_rng(2).integers(0, 255, (300, 400, 3), np.uint8)
    read = recognized(page, mode="auto")
    assert sorted(block.label for block in read.blocks) == ["image", "table", "text"]
    (figure,) = (block for block in read.blocks if block.label == "image")
    assert figure.bbox == PICTURE
    assert np.array_equal(read.images[str(figure.image)], page.pixels[600:900, 100:500])
    searched = recognized(replace(page, text_layer=replace(layer, rules=None)), mode="auto")
    assert [block.label for block in searched.blocks].count("image") == 2


def test_page_with_a_picture_behind_it_is_searched() -> None:
    layer = replace(layer_with(WORDS, ()), image_boxes=((0.0, 0.0, 1000.0, 1400.0),))
    page = drawn(layer)
    page.pixels[300:] = picture([(60, 60 + 40 * row, "Pack my box with jugs") for row in range(20)], size=(1000, 1100))
    assert recognized(page, mode="auto").raw["text_source"] == "ocr"


def test_table_of_a_thumbnail_has_its_cells() -> None:
    blocks = recognized(thumbnail(layer_with(WORDS + CELLS, GRID)), mode="auto").blocks
    assert [block.label for block in blocks].count("table") == 1
    (table,) = (block for block in blocks if block.label == "table")
    assert table.html.count("<td>cell</td>") == 9
