from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from batchocr.engines.ppocr.cell_marks import with_marks
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.table_text import FilledTable, fill
from batchocr.engines.ppocr.tables import find_grids

if TYPE_CHECKING:
    from batchocr.datatypes import BBox, Pixels


def page_with_table() -> Pixels:
    """Gives a ruled table, 3 rows and 3 columns of 150 x 40 px from (100, 200)."""
    page = np.full((1100, 850, 3), 255, np.uint8)
    for edge in range(4):
        page[200 + 40 * edge, 100:551] = 0
        page[200:321, 100 + 150 * edge] = 0
    return page


def filled(page: Pixels) -> tuple[FilledTable, list[Line]]:
    """Gives the table with text in all cells but the middle one."""
    lines = []
    for number in range(9):
        if number != 4:
            x, y = 110.0 + 150 * (number % 3), 210.0 + 40 * (number // 3)
            corners = ((x, y), (x + 60, y), (x + 60, y + 20), (x, y + 20))
            lines.append(Line(f"cell {number}", (x, y, x + 60, y + 20), corners, 0.9, 20.0, bold=False))
    table = fill(find_grids(page)[0], lines)
    assert table is not None
    return table, lines


def unasked(boxes: Sequence[BBox]) -> list[str]:
    assert list(boxes) == []
    return []


@pytest.mark.parametrize(("width", "dash"), [(16, "\u2014"), (8, "\u2013"), (5, "-")])
def test_level_stroke_in_an_empty_cell_is_a_dash(width: int, dash: str) -> None:
    page = page_with_table()
    page[259:261, 320 : 320 + width] = 0
    table, lines = filled(page)
    assert with_marks(table, page, lines, unasked).texts[4] == dash


def test_other_mark_in_an_empty_cell_is_read_from_a_box_as_high_as_a_line() -> None:
    page = page_with_table()
    page[252:268, 322:325] = 0
    table, lines = filled(page)
    asked: list[BBox] = []

    def read(boxes: Sequence[BBox]) -> list[str]:
        asked.extend(boxes)
        return ["1"]

    assert with_marks(table, page, lines, read).texts[4] == "1"
    ((x0, y0, x1, y1),) = asked
    assert x0 < 322
    assert x1 > 325
    assert y1 - y0 >= 20


@pytest.mark.parametrize("drawing", [(slice(245, 275), slice(270, 380)), (slice(259, 261), slice(251, 400))])
def test_drawing_and_stroke_that_comes_from_the_next_cell_are_no_mark(drawing: tuple[slice, slice]) -> None:
    page = page_with_table()
    page[drawing] = 0
    table, lines = filled(page)
    assert with_marks(table, page, lines, unasked).texts[4] == ""


def test_table_without_empty_cells_stays_as_it_is() -> None:
    page = page_with_table()
    table, lines = filled(page)
    assert with_marks(table, page, lines, unasked) == table
