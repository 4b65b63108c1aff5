from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from document_builders import pdf, stream, written

from batchocr.datatypes import Limits
from batchocr.documents.reader import RenderedPage, open_document

WORDS = b"BT /F1 12 Tf 72 700 Td (words) Tj ET "
FORM = stream(b"0 0 9 9 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
STATES = b"/ExtGState<</Half<</CA .5/ca .5>>>>/Properties<</Layer<</Type/OCG/Name(x)>>>>"
FONT = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
LINK = b"<</Type/Annot/Subtype/Link/Rect[72 600 200 650]/Border[0 0 5]/C[1 0 0]>>"
SQUARE = b"<</Type/Annot/Subtype/Square/Rect[72 600 200 650]/C[1 0 0]>>"
LOOK = b"<</Type/Annot/Subtype/Link/Rect[72 600 200 650]/AP<</N 5 0 R>>>>"


def rendered(
    folder: Path, content: bytes, *, entries: bytes = b"", dpi: int = 72, thumbnail_dpi: int | None = None
) -> RenderedPage:
    resources = b"<<%s/XObject<</Fm 5 0 R>>%s>>" % (FONT, STATES)
    data = pdf([content], page_entries=entries, resources=resources, more_objects=[FORM])
    reader = open_document(written(folder / "document.pdf", data), None, Limits())
    try:
        return reader.render(1, dpi, want_text=True, thumbnail_dpi=thumbnail_dpi)
    finally:
        reader.close()


def rules(folder: Path, content: bytes, **options) -> list[tuple[int, ...]] | None:
    layer = rendered(folder, WORDS + content, **options).text_layer
    assert layer is not None
    assert layer.words[0].text == "words"
    return None if layer.rules is None else [tuple(round(edge) for edge in box) for box in layer.rules]


@pytest.mark.parametrize(
    ("content", "boxes"),
    [
        (b"", []),
        (b"BT 3 Tr 72 600 Td (hidden) Tj ET", []),
        (b"72 600 100 1 re n", []),
        (b"72 600 100 2 re f", [(72, 190, 172, 192)]),
        (b"72 600 2 100 re f*", [(72, 92, 74, 192)]),
        (b"2 w 72 600 m 172 600 l S", [(72, 191, 172, 193)]),
        (b"2 w 72 600 m 72 500 l 172 500 l S", [(71, 192, 73, 292), (72, 291, 172, 293)]),
        (b"72 500 100 100 re S", [(72, 292, 172, 292), (172, 192, 172, 292), (72, 192, 172, 192), (72, 192, 72, 292)]),
        (b"q 0 2 -2 0 200 300 cm 1 w 0 0 m 50 0 l S Q", [(199, 392, 201, 492)]),
        (b"q 100 0 50 792 re W n 2 w 72 600 m 172 600 l S Q", [(100, 191, 150, 193)]),
        (b"q 300 0 50 792 re W n 2 w 72 600 m 172 600 l S Q", []),
        (b"2 w 500 600 m 900 600 l S", [(500, 191, 612, 193)]),
        (b"/Artifact BMC 72 600 100 2 re f EMC", [(72, 190, 172, 192)]),
    ],
)
def test_rules_are_told_as_they_are_seen(tmp_path: Path, content: bytes, boxes: list[tuple[int, ...]]) -> None:
    assert rules(tmp_path, content) == boxes


@pytest.mark.parametrize(
    "content",
    [
        b"72 600 100 20 re f",
        b"1 0 0 rg 1 g 72 690 100 20 re f",
        b"72 600 m 172 610 l S",
        b"72 600 m 80 610 90 610 100 600 c S",
        b"9 w 72 600 m 172 600 l S",
        b"[3 3] 0 d 72 600 m 172 600 l S",
        b".95 G 72 600 m 172 600 l S",
        b".95 g 72 600 100 1 re f",
        b"72 600 100 1 re B",
        b"/Half gs 72 600 100 1 re f",
        b"/OC /Layer BDC 72 600 100 1 re f EMC",
        b"q 72 600 m 172 600 l 100 700 l h W n 72 610 100 1 re f Q",
        b"72 600 m 172 600 l 172 601 l h f",
        b"q " + b"2000000000.0 0 0 2000000000.0 0 0 cm " * 6 + b"1 1 5 1 re f Q",  # beyond all numbers
        b"BI /W 1 /H 1 /BPC 8 /CS /G ID \xff EI",
        b"/Fm Do",
        b"72 600 1 1 re f " * 1501,
    ],
)
def test_page_that_draws_more_than_rules_says_so(tmp_path: Path, content: bytes) -> None:
    assert rules(tmp_path, content) is None


def test_links_are_not_drawn_but_notes_are(tmp_path: Path) -> None:
    assert rules(tmp_path, b"", entries=b"/Annots[%s]" % LINK) == []
    assert rules(tmp_path, b"", entries=b"/Annots[%s%s]" % (LINK, SQUARE)) is None
    assert rules(tmp_path, b"", entries=b"/Annots[%s]" % LOOK) is None
    blank = rendered(tmp_path, b"", entries=b"/Annots[%s]" % LINK).pixels
    assert (blank == 255).all()


INLINE = b"BI /W 1 /H 1 /BPC 8 /CS /G ID \x40 EI"


def test_pictures_are_told_apart_and_want_the_page_in_full(tmp_path: Path) -> None:
    content = WORDS + b"72 600 100 2 re f q 100 0 0 50 72 400 cm " + INLINE + b" Q"
    page = rendered(tmp_path, content, thumbnail_dpi=36)
    assert page.text_layer is not None
    assert page.text_layer.rules == ((72.0, 190.0, 172.0, 192.0),)
    assert page.text_layer.image_boxes == ((72.0, 342.0, 172.0, 392.0),)
    assert page.thumbnail_of is None
    assert page.pixels.shape == (792, 612, 3)


def test_rule_that_is_drawn_as_a_picture_is_looked_for_on_the_page(tmp_path: Path) -> None:
    assert rules(tmp_path, b"q 100 0 0 1 72 400 cm " + INLINE + b" Q") is None


def test_white_ground_counts_only_where_something_lies_under_it(tmp_path: Path) -> None:
    layer = rendered(tmp_path, b"1 g 0 0 612 792 re f 0 g " + WORDS).text_layer
    assert layer is not None
    assert layer.rules == ()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_told_rules_are_the_ink_of_a_turned_page(tmp_path: Path, rotate: int) -> None:
    content = b"72 600 100 2 re f 3 w 300 100 m 300 300 l S BT /F1 12 Tf 5000 700 Td (off) Tj ET"
    page = rendered(tmp_path, content, entries=b"/Rotate %d/CropBox[50 60 500 700]" % rotate, dpi=144)
    assert page.text_layer is not None
    ink = page.pixels[:, :, 0] < 128
    assert page.text_layer.rules
    told = np.zeros_like(ink)
    for x0, y0, x1, y1 in page.text_layer.rules:
        told[round(y0) : round(y1), round(x0) : round(x1)] = True
    assert np.count_nonzero(ink) == pytest.approx(200 * 4 + 400 * 6, rel=0.02)
    assert np.count_nonzero(ink != told) <= 0.02 * np.count_nonzero(ink)


def test_thumbnail_stands_for_a_page_of_text_and_rules(tmp_path: Path) -> None:
    full = rendered(tmp_path, WORDS + b"72 600 100 1 re f", dpi=200)
    small = rendered(tmp_path, WORDS + b"72 600 100 1 re f", dpi=200, thumbnail_dpi=50)
    assert full.thumbnail_of is None
    assert full.pixels.shape == (2200, 1700, 3)
    assert small.thumbnail_of == (1700, 2200)
    assert small.pixels.shape == (550, 425, 3)
    assert (small.text_layer, small.dpi, small.warnings) == (full.text_layer, full.dpi, full.warnings)
    assert small.pixels.min() < 255


@pytest.mark.parametrize(("thumbnail_dpi", "shape"), [(0, (1, 1, 3)), (300, (1100, 850, 3))])
def test_thumbnail_is_a_single_pixel_if_nobody_looks_and_never_larger(
    tmp_path: Path, thumbnail_dpi: int, shape: tuple[int, ...]
) -> None:
    page = rendered(tmp_path, WORDS, dpi=100, thumbnail_dpi=thumbnail_dpi)
    assert page.pixels.shape == shape
    assert page.thumbnail_of == (850, 1100)


def test_page_with_more_on_it_comes_in_full(tmp_path: Path) -> None:
    page = rendered(tmp_path, WORDS + b"72 600 100 90 re f", dpi=100, thumbnail_dpi=50)
    assert page.thumbnail_of is None
    assert page.pixels.shape == (1100, 850, 3)
