from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from batchocr.datatypes import BBox, TextWord
from batchocr.engines.ppocr.geometry import Frame
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.open_tables import find_open_grids
from batchocr.engines.ppocr.rulings import MAX_SEARCHED_PX, Rule, Rules, find_rules
from batchocr.engines.ppocr.table_text import FilledTable, fill, table_html, table_plain
from batchocr.engines.ppocr.tables import TableGrid, find_grids

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels


def no_rules() -> Rules:
    return Rules(Frame(), 22.0, (), ())


def blank(height: int = 1100, width: int = 850) -> Pixels:
    return np.full((height, width, 3), 255, np.uint8)


def draw(page: Pixels, start: tuple[int, int], end: tuple[int, int], thickness: int = 1) -> None:
    cv2.line(page, start, end, (0, 0, 0), thickness)


def ruled(rows: int = 4, cols: int = 3, thickness: int = 1) -> Pixels:
    page = blank()
    for row in range(rows + 1):
        draw(page, (100, 200 + 40 * row), (100 + 150 * cols, 200 + 40 * row), thickness)
    for col in range(cols + 1):
        draw(page, (100 + 150 * col, 200), (100 + 150 * col, 200 + 40 * rows), thickness)
    return page


def turned(page: Pixels, degrees: float) -> Pixels:
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    image: Pixels = cv2.warpAffine(page, matrix, (width, height), borderValue=(255, 255, 255))
    return image


def shape(grid: TableGrid) -> tuple[int, int]:
    return len(grid.row_edges) - 1, len(grid.col_edges) - 1


def line(text: str, x: float, y: float, *, width: float | None = None, height: float = 20, bold: bool = False) -> Line:
    box = (x, y, x + (width or 10 * len(text)), y + height)
    corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
    return Line(text, box, corners, 0.9, height, bold)


def worded(texts: list[tuple[str, float]], y: float, *, bold: bool = False) -> Line:
    words = tuple(TextWord(text, (x, y, x + 10 * len(text), y + 20), 20, bold, 1) for text, x in texts)
    box = (words[0].bbox[0], y, words[-1].bbox[2], y + 20)
    corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
    return Line(" ".join(text for text, _ in texts), box, corners, None, 20, bold, words)


def rows_of(table: FilledTable) -> list[list[str]]:
    return [row.split("\t") for row in table_plain(table).split("\n")]


@pytest.mark.parametrize("thickness", [1, 2, 4])
def test_ruled_table_gives_its_rows_and_columns(thickness: int) -> None:
    (grid,) = find_grids(ruled(thickness=thickness))
    assert shape(grid) == (4, 3)
    assert len(grid.cells) == 12
    assert np.allclose(grid.bbox, (100, 200, 550, 360), atol=5)


def test_huge_page_is_searched_at_a_smaller_size_and_its_table_stands_where_it_is_drawn() -> None:
    page = ruled(thickness=2).repeat(6, axis=0).repeat(6, axis=1)
    assert page.shape[0] * page.shape[1] > MAX_SEARCHED_PX
    (grid,) = find_grids(page)
    assert shape(grid) == (4, 3)
    assert np.allclose(grid.bbox, (600, 1200, 3300, 2160), atol=20)


@pytest.mark.parametrize("degrees", [-1.5, -0.7, 0.4, 1.5])
def test_skewed_table_is_followed_and_its_cells_stand_where_they_are_drawn(degrees: float) -> None:
    (grid,) = find_grids(turned(ruled(thickness=2), degrees))
    assert shape(grid) == (4, 3)
    assert math.degrees(grid.frame.angle) == pytest.approx(degrees, abs=0.2)
    radians = math.radians(degrees)
    x, y = 475 - 425, 340 - 550  # middle of the last cell, from the page's centre
    drawn = (425 + x * math.cos(radians) - y * math.sin(radians), 550 + x * math.sin(radians) + y * math.cos(radians))
    last = grid.cells[-1].bbox
    assert ((last[0] + last[2]) / 2, (last[1] + last[3]) / 2) == pytest.approx(drawn, abs=6)


def test_missing_rules_make_cells_that_span() -> None:
    page = ruled()
    page[202:238, 245:255] = 255  # between the first two cells of the first row
    page[275:285, 102:248] = 255  # between the first cells of rows two and three
    (grid,) = find_grids(page)
    spans = {(cell.row, cell.col): (cell.rowspan, cell.colspan) for cell in grid.cells}
    assert spans[0, 0] == (1, 2)
    assert spans[1, 0] == (2, 1)
    assert len(grid.cells) == 10


def test_cells_cover_the_grid_without_overlap() -> None:
    page = ruled(6, 5)
    page[202:318, 245:255] = 255
    page[275:285, 402:548] = 255
    (grid,) = find_grids(page)
    assert sum(cell.rowspan * cell.colspan for cell in grid.cells) == 30 == len(grid.owners())


def test_table_with_a_dark_header_row_keeps_its_columns() -> None:
    page = ruled()
    cv2.rectangle(page, (100, 200), (550, 240), (90, 40, 20), -1)
    (grid,) = find_grids(page)
    assert shape(grid) == (4, 3)


def test_table_that_is_open_at_its_sides_gets_its_outer_columns() -> None:
    page = blank()
    for y in (200, 240, 280):
        draw(page, (100, y), (550, y))
    for x in (250, 400):
        draw(page, (x, 200), (x, 280))
    (grid,) = find_grids(page)
    assert shape(grid) == (2, 3)


def test_frame_single_rule_and_page_border_are_no_table() -> None:
    page = blank()
    cv2.rectangle(page, (10, 10), (840, 1090), (0, 0, 0), 2)
    cv2.rectangle(page, (100, 200), (500, 400), (0, 0, 0), 1)
    draw(page, (100, 600), (700, 600))
    assert find_grids(page) == ()


def test_big_letters_are_no_table() -> None:
    page = blank()
    for y in range(200, 1000, 110):
        cv2.putText(page, "HELLO THE TFL", (40, y), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 8)
    assert find_grids(page) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (29, 29)])
def test_tiny_image_has_no_table(size: tuple[int, int]) -> None:
    assert find_grids(np.zeros((*size, 3), np.uint8)) == ()


def test_vertical_rules_cut_a_line_only_where_a_rule_parts_cells() -> None:
    page = ruled()
    page[202:238, 245:255] = 255
    (grid,) = find_grids(page)
    assert grid.vertical_rules((120, 210, 380, 230)) == ()
    assert grid.vertical_rules((120, 250, 380, 270)) == pytest.approx((250,), abs=3)
    assert grid.vertical_rules((120, 250, 520, 270)) == pytest.approx((250, 400), abs=3)
    assert grid.vertical_rules((120, 700, 520, 720)) == ()


def test_words_go_to_their_cells_one_by_one_and_text_is_escaped() -> None:
    (grid,) = find_grids(ruled(2, 3))
    lines = [worded([("a<b", 110), ("&", 260), ("c", 410)], 210), worded([("1", 110), ("2", 260), ("3", 410)], 250)]
    table = fill(grid, lines)
    assert table is not None
    assert table_html(table) == (
        "<table><tr><td>a&lt;b</td><td>&amp;</td><td>c</td></tr><tr><td>1</td><td>2</td><td>3</td></tr></table>"
    )
    assert table.lines == (0, 1)


def test_ocr_line_that_runs_over_a_rule_is_split_by_its_words() -> None:
    (grid,) = find_grids(ruled(2, 3))
    lines = [line("left right", 200, 210, width=100), line("1", 110, 250), line("2", 260, 250), line("3", 410, 250)]
    table = fill(grid, lines)
    assert table is not None
    assert rows_of(table)[0] == ["left", "right", ""]


def test_lines_of_a_cell_are_joined_with_spaces_but_not_between_chinese_characters() -> None:
    (grid,) = find_grids(ruled(2, 2))
    lines = [line("two", 110, 203, height=12), line("lines", 110, 222, height=12)]
    lines += [line("数据", 260, 203, height=12), line("中心", 260, 222, height=12)]
    lines += [line("1", 110, 250), line("2", 260, 250)]
    table = fill(grid, lines)
    assert table is not None
    assert rows_of(table)[0] == ["two lines", "数据中心"]


def test_bold_rows_above_a_plain_body_are_header_cells() -> None:
    (grid,) = find_grids(ruled(3, 2))
    lines = [worded([("Name", 110), ("Sum", 260)], 210, bold=True)]
    lines += [worded([("x", 110), ("1", 260)], 250), worded([("y", 110), ("2", 260)], 290)]
    table = fill(grid, lines)
    assert table is not None
    assert table_html(table).startswith("<table><tr><th>Name</th><th>Sum</th></tr><tr><td>x</td>")


def test_grid_with_hardly_any_text_is_no_table() -> None:
    (grid,) = find_grids(ruled(6, 5))
    assert fill(grid, [line("axis", 110, 210), line("label", 410, 290)]) is None
    assert fill(grid, []) is None


def test_rows_without_rules_between_them_are_parted_by_their_text() -> None:
    page = blank()
    for y in (200, 240, 440):
        draw(page, (100, y), (550, y))
    for x in (100, 250, 400, 550):
        draw(page, (x, 200), (x, 440))
    (grid,) = find_grids(page)
    lines = [worded([("h1", 110), ("h2", 260), ("h3", 410)], 210)]
    lines += [worded([(f"a{i}", 110), (f"{i}", 260), (f"{i}.5", 410)], 250 + 36 * i) for i in range(5)]
    table = fill(grid, lines)
    assert table is not None
    assert rows_of(table) == [["h1", "h2", "h3"], *([f"a{i}", f"{i}", f"{i}.5"] for i in range(5))]


def test_columns_without_rules_between_them_are_parted_by_their_text() -> None:
    (grid,) = find_grids(ruled(6, 2))
    lines = [worded([(f"r{i}", 110), ("10", 260), ("2000", 330)], 210 + 40 * i) for i in range(6)]
    table = fill(grid, lines)
    assert table is not None
    assert rows_of(table) == [[f"r{i}", "10", "2000"] for i in range(6)]


def test_wrapped_text_in_ruled_cells_stays_in_its_cell() -> None:
    page = blank()
    for y in (200, 300, 400):
        draw(page, (100, y), (550, y))
    for x in (100, 320, 550):
        draw(page, (x, 200), (x, 400))
    (grid,) = find_grids(page)
    lines = [
        line("words that fill a cell", x, y, width=205) for x in (108, 330) for y in (205, 230, 255, 305, 330, 355)
    ]
    table = fill(grid, lines)
    assert table is not None
    assert (len(rows_of(table)), len(rows_of(table)[0])) == (2, 2)


def figures(rows: int, top: float = 200) -> list[Line]:
    lines = []
    for row in range(rows):
        y = top + 30 * row
        lines += [line(f"Name {row}", 100, y), line(f"{row}.5", 350, y), line(f"1,{row}00", 500, y)]
    return lines


def test_figures_in_columns_without_any_rule_are_a_table() -> None:
    (grid,) = find_open_grids(figures(6), no_rules, Frame())
    table = fill(grid, figures(6), ruled=False)
    assert table is not None
    assert rows_of(table) == [[f"Name {row}", f"{row}.5", f"1,{row}00"] for row in range(6)]


def test_heading_over_two_columns_spans_them() -> None:
    lines = [line("both of the columns", 345, 170), *figures(6)]
    lines.append(line("x", 100, 170))
    (grid,) = find_open_grids(lines, no_rules, Frame())
    assert [cell.colspan for cell in grid.cells if cell.row == 0] == [1, 2]


def test_header_that_reaches_towards_the_next_column_keeps_its_own() -> None:
    # Given figures that leave a wide gap, and a header whose second word begins left of the gap's middle
    rows = [worded([("Country", 100), ("Population", 215), ("Area", 340)], 200)]
    rows += [worded([("Austria", 100), ("89", 255), ("83", 350)], 230 + 30 * row) for row in range(4)]
    (grid,) = find_open_grids(rows, no_rules, Frame())
    table = fill(grid, rows, ruled=False)
    assert table is not None
    assert rows_of(table)[0] == ["Country", "Population", "Area"]


def test_entries_between_level_rules_are_a_table_even_without_figures() -> None:
    rules = Rules(Frame(), 22.0, tuple(Rule(at, 90, 700) for at in (195.0, 235.0, 330.0)), ())
    lines = []
    for row, words in enumerate([("Tool", "Maker"), ("saw", "Ann"), ("axe", "Bob"), ("file", "Eve")]):
        lines += [line(words[0], 100, 200 + 35 * row), line(words[1], 450, 200 + 35 * row)]
    (grid,) = find_open_grids(lines, lambda: rules, Frame())
    assert shape(grid) == (4, 2)


def prose(left: float, top: float, count: int) -> list[Line]:
    text = "words of running text that fill a column to its right edge"
    return [line(text, left, top + 26 * i, width=380) for i in range(count)]


@pytest.mark.parametrize("ruled_page", [False, True])
def test_two_columns_of_prose_are_no_table(ruled_page: bool) -> None:
    horizontal = (Rule(90.0, 45, 860), Rule(900.0, 45, 860)) if ruled_page else ()
    rules = Rules(Frame(), 22.0, horizontal, ())
    assert find_open_grids([*prose(50, 100, 25), *prose(470, 100, 25)], lambda: rules, Frame()) == ()


def test_numbered_list_is_no_table() -> None:
    lines = []
    for row in range(6):
        lines += [line(f"{row + 1}.", 100, 200 + 30 * row), line("an item of the list", 150, 200 + 30 * row)]
    assert find_open_grids(lines, no_rules, Frame()) == ()


def test_framed_source_code_is_no_table() -> None:
    page = blank()
    cv2.rectangle(page, (90, 190), (700, 330), (0, 0, 0), 1)
    lines = [line("function add(a, b)", 100, 200), line("{", 400, 200), line("return a + b;", 140, 230)]
    lines += [line("console.log(add(3,", 100, 260), line("5));", 400, 260), line("}", 100, 290)]
    assert find_open_grids(lines, lambda: find_rules(page), Frame()) == ()


def test_rules_of_a_page_are_the_same_each_time() -> None:
    page = turned(ruled(), 1.0)
    assert find_rules(page) == find_rules(page.copy())


def test_table_boxes_are_inside_their_table() -> None:
    (grid,) = find_grids(ruled())

    def inside(inner: BBox, outer: BBox) -> bool:
        return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]

    assert all(inside(cell.bbox, grid.bbox) for cell in grid.cells)
