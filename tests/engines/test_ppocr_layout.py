from __future__ import annotations

import random
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from batchocr.datatypes import Block, TextWord
from batchocr.engines.ppocr.layout import LayoutResult, analyze
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.tables import find_grids

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

DPI = 100.0


def blank(height: int = 1100, width: int = 850) -> Pixels:
    return np.full((height, width, 3), 255, np.uint8)


def line(text: str, x: float, y: float, *, width: float | None = None, height: float = 14, bold: bool = False) -> Line:
    box = (x, y, x + (width or 0.5 * height * len(text)), y + height)
    corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
    return Line(text, box, corners, 0.9, height, bold)


def text_line(text: str, x: float, y: float, *, height: float = 14, bold: bool = False, stream: int = 1) -> Line:
    words, left = [], x
    for word in text.split():
        right = left + 0.5 * height * len(word)
        words.append(TextWord(word, (left, y, right, y + height), height, bold, stream))
        left = right + 0.3 * height
    box = (x, y, words[-1].bbox[2], y + height)
    corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
    return Line(text, box, corners, None, height, bold, tuple(words))


def paragraph(*texts: str, x: float = 100, y: float = 300, pitch: float = 20) -> list[Line]:
    return [line(text, x, y + pitch * i, width=600) for i, text in enumerate(texts)]


def read(lines: list[Line], page: Pixels | None = None, source: str = "ocr") -> LayoutResult:
    pixels = blank() if page is None else page
    return analyze(pixels, DPI, lines, find_grids(pixels), (), source)


def texts(result: LayoutResult, label: str) -> list[str]:
    return [block.text for block in result.blocks if block.label == label]


BODY = ["A page has text that goes on", "over several lines of equal width", "and so it fills the column here"]


def test_page_without_lines_has_no_blocks() -> None:
    assert read([]).blocks == ()


def test_page_of_a_single_pixel_is_read() -> None:
    assert analyze(blank(1, 1), DPI, [], (), (), "ocr").blocks == ()


def test_line_without_extent_is_kept() -> None:
    nothing = Line("dot", (5.0, 5.0, 5.0, 5.0), ((5.0, 5.0),) * 4, 0.5, 0.0, False)
    assert [block.text for block in read([nothing]).blocks] == ["dot"]


def test_lines_become_one_paragraph_and_a_broken_word_is_made_whole() -> None:
    result = read(paragraph("the first line of the text is hyphen-", "ated and goes on in the second one"))
    assert texts(result, "text") == ["the first line of the text is hyphenated and goes on in the second one"]


def test_hyphen_before_a_capital_stays() -> None:
    result = read(paragraph("the first line of the text has Jean-", "Paul and goes on in the second line"))
    assert texts(result, "text") == ["the first line of the text has Jean- Paul and goes on in the second line"]


def test_chinese_lines_are_joined_without_a_space() -> None:
    assert texts(read(paragraph("这是一个很长的段落它在这里", "继续到第二行的文字")), "text") == [
        "这是一个很长的段落它在这里继续到第二行的文字"
    ]


def test_wide_gap_and_first_line_indent_begin_paragraphs() -> None:
    first, second = paragraph(*BODY), paragraph(*BODY, y=400)
    third = [line(BODY[0], 130, 460, width=570), *paragraph(*BODY[1:], y=480)]
    assert len(texts(read([*first, *second, *third]), "text")) == 3


def test_order_counts_from_one_without_gaps_and_nothing_depends_on_the_order_of_lines() -> None:
    lines = [*paragraph(*BODY, x=50), *paragraph(*BODY, y=500), line("42", 400, 1060)]
    shuffled = list(lines)
    random.Random(7).shuffle(shuffled)
    result = read(lines)
    assert result.blocks == read(shuffled).blocks
    orders = [block.order for block in result.blocks if block.order is not None]
    assert orders == list(range(1, len(orders) + 1))


def test_bigger_line_at_the_top_is_the_title_and_others_are_headings() -> None:
    lines = [
        text_line("The Title of It", 250, 60, height=34),
        *(text_line(t, 100, 200 + 20 * i) for i, t in enumerate(BODY)),
    ]
    lines += [
        text_line("A Heading", 100, 300, height=20),
        *(text_line(t, 100, 350 + 20 * i) for i, t in enumerate(BODY)),
    ]
    blocks = read(lines, source="text_layer").blocks
    assert [(block.label, block.level) for block in blocks] == [
        ("doc_title", 1),
        ("text", None),
        ("paragraph_title", 2),
        ("text", None),
    ]


def test_bold_line_of_a_scan_is_a_heading_even_if_its_box_is_lower_than_those_of_the_text() -> None:
    heading = line("On Words", 100, 270, width=150, height=12, bold=True)
    (block,) = [b for b in read([heading, *paragraph(*BODY)]).blocks if b.label == "paragraph_title"]
    assert (block.text, block.level) == ("On Words", 3)


def test_title_of_a_scan_is_parted_from_the_names_below_it() -> None:
    lines = [line("A Title of Some Size", 200, 100, height=22), line("Its Author", 300, 126, height=17)]
    assert texts(read([*lines, *paragraph(*BODY)]), "doc_title") == ["A Title of Some Size"]


def test_second_line_of_a_bold_caption_belongs_to_it_even_if_it_looks_lighter() -> None:
    page, lines = ruled_page()
    caption = [line("Table 1. Sizes of things in the year", 100, 250, bold=True), line("of the survey", 200, 268)]
    result = read([*caption, *lines, *paragraph(*BODY, y=700)], page)
    assert texts(result, "figure_title") == ["Table 1. Sizes of things in the year of the survey"]


def test_numbering_gives_the_level_of_a_heading() -> None:
    lines = [text_line("2.1 Method of work", 100, 200, bold=True)]
    lines += [text_line(t, 100, 240 + 20 * i) for i, t in enumerate(BODY)]
    heading = read(lines, source="text_layer").blocks[0]
    assert (heading.label, heading.level) == ("paragraph_title", 3)


def test_items_of_one_kind_are_one_list_with_a_line_for_each() -> None:
    lines = [line("•", 100, 300), line("first item which goes on in a", 120, 300, width=560)]
    lines += [
        line("second line of its own", 120, 320),
        line("• second item", 100, 340),
        line("1. third item", 100, 360),
    ]
    assert texts(read(lines), "list") == [
        "• first item which goes on in a second line of its own\n• second item",
        "1. third item",
    ]


def test_source_code_keeps_its_lines_and_indents() -> None:
    code = ["function add(a, b) {", "return a + b;", "}", "console.log(add(3, 5));"]
    lines = [line(text, 100 + (28 if i == 1 else 0), 300 + 20 * i) for i, text in enumerate(code)]
    (block,) = read(lines).blocks
    assert block.label == "algorithm"
    assert block.text == "function add(a, b) {\n    return a + b;\n}\nconsole.log(add(3, 5));"


def test_numbers_in_a_column_of_their_own_stay_with_their_items() -> None:
    items = ["take ten pages from the box", "count the sheets in it", "write down the date"]
    lines = [line(f"{i}.", 100, 303 + 30 * i, width=20) for i in range(3)]
    lines += [line(text, 150, 300 + 30 * i, width=600) for i, text in enumerate(items)]
    assert texts(read(lines), "list") == ["\n".join(f"{i}. {text}" for i, text in enumerate(items))]


def test_labels_of_an_axis_are_no_part_of_the_caption_below_them() -> None:
    lines = [line(day, x, 300) for day, x in (("Mon", 100), ("Tue", 250), ("Wed", 400))]
    lines.append(line("Figure 1: Pages read on each day", 100, 320, width=350))
    assert [block.text for block in read(lines).blocks] == ["Mon Tue Wed", "Figure 1: Pages read on each day"]


def test_caption_of_source_code_is_no_line_of_it() -> None:
    texts_of_lines = ["Listing 1: Adding", "function add(a, b) {", "return a + b;", "}"]
    lines = [line(text, 100, 300 + 20 * i) for i, text in enumerate(texts_of_lines)]
    caption, code = read(lines).blocks
    assert (caption.label, caption.text) == ("figure_title", "Listing 1: Adding")
    assert (code.label, code.text) == ("algorithm", "function add(a, b) {\nreturn a + b;\n}")


def two_columns(last: str, first: str) -> list[Line]:
    left = [*BODY, *BODY, last]
    right = [first, *BODY, *BODY]
    lines = [line(text, 60, 300 + 20 * i, width=350) for i, text in enumerate(left)]
    return lines + [line(text, 440, 300 + 20 * i, width=350) for i, text in enumerate(right)]


@pytest.mark.parametrize(
    ("last", "first", "whole"),
    [
        ("so the text goes on", "beside it in the next column", "so the text goes on beside it in the next column"),
        ("a word is hy-", "phenated between the columns", "a word is hyphenated between the columns"),
        (
            "一段文字在这一栏的末尾没有",
            "结束而在下一栏继续写下去",
            "一段文字在这一栏的末尾没有结束而在下一栏继续写下去",
        ),
    ],
)
def test_paragraph_that_goes_on_in_the_next_column_has_its_whole_text_in_its_first_block(
    last: str, first: str, whole: str
) -> None:
    left, right = read(two_columns(last, first)).blocks
    assert whole in left.text
    assert left.text.endswith(BODY[-1])
    assert (right.text, right.bbox[0]) == ("", 440)


@pytest.mark.parametrize(
    ("last", "first"),
    [("and so the sentence ends.", "another one begins"), ("a column without full stop", "Another paragraph begins")],
)
def test_paragraph_that_may_end_with_its_column_stays_apart_from_the_next(last: str, first: str) -> None:
    left, right = read(two_columns(last, first)).blocks
    assert left.text.endswith(last)
    assert right.text.startswith(first)


def test_stamp_along_the_side_of_a_page_is_set_aside() -> None:
    stamp = line("arXiv:2206.01062v1 2 Jun 2022", 10, 250, width=20, height=400)
    result = read([stamp, *paragraph(*BODY)])
    assert [(block.label, block.order) for block in result.blocks] == [("text", 1), ("aside_text", None)]


def test_page_number_beside_a_title_is_set_aside() -> None:
    lines = [line("15", 780, 40), line("A title of the page", 300, 50, height=24), *paragraph(*BODY, y=120)]
    assert texts(read(lines), "number") == ["15"]


def test_bold_line_at_the_foot_of_a_page_is_no_heading() -> None:
    foot = line("Summaries of a survey", 400, 1040, bold=True)
    assert [block.label for block in read([*paragraph(*BODY), foot]).blocks] == ["text", "text"]


def test_page_number_and_running_head_are_set_aside() -> None:
    lines = [line("Annual Report", 100, 40), line("17", 700, 40), *paragraph(*BODY), line("- 4 -", 400, 1060)]
    aside = [(block.label, block.text) for block in read(lines).blocks if block.order is None]
    assert aside == [("header", "Annual Report"), ("number", "17"), ("number", "- 4 -")]


@pytest.mark.parametrize("text", ["Yours faithfully", "In the year 1984"])
def test_last_line_that_is_not_plainly_a_footer_stays_in_the_text(text: str) -> None:
    result = read([*paragraph(*BODY), line(text, 100, 1040)])
    assert all(block.order is not None for block in result.blocks)
    assert text in "\n".join(block.text for block in result.blocks)


def ruled_page() -> tuple[Pixels, list[Line]]:
    page = blank()
    for y in (300, 340, 380):
        cv2.line(page, (100, y), (550, y), (0, 0, 0), 1)
    for x in (100, 250, 400, 550):
        cv2.line(page, (x, 300), (x, 380), (0, 0, 0), 1)
    cells = [line(f"{col}{row}", 110 + 150 * col, 312 + 40 * row) for row in range(2) for col in range(3)]
    return page, cells


def test_table_stands_in_the_flow_and_its_lines_nowhere_else() -> None:
    page, cells = ruled_page()
    result = read([*paragraph(*BODY, y=200), *cells, *paragraph(*BODY, y=500)], page)
    assert [block.label for block in result.blocks] == ["text", "table", "text"]
    table = result.blocks[1]
    assert (
        table.html
        == "<table><tr><td>00</td><td>10</td><td>20</td></tr><tr><td>01</td><td>11</td><td>21</td></tr></table>"
    )
    assert table.text == "00\t10\t20\n01\t11\t21"


def test_caption_beside_a_table_is_labelled_and_prose_that_names_it_is_not() -> None:
    page, cells = ruled_page()
    lines = [line("Table 1. Results of it", 100, 275), *cells, *paragraph("Table 1 shows what was found", y=395)]
    result = read(lines, page)
    assert texts(result, "figure_title") == ["Table 1. Results of it"]
    assert texts(result, "text") == ["Table 1 shows what was found"]


def noise(page: Pixels, x0: int, y0: int, x1: int, y1: int) -> Pixels:
    rng = np.random.default_rng(3)
    page[y0:y1, x0:x1] = rng.integers(0, 200, (y1 - y0, x1 - x0, 3), dtype=np.uint8)
    return page


def image_block(result: LayoutResult) -> Block:
    (block,) = [block for block in result.blocks if block.label == "image"]
    return block


def test_picture_on_a_scan_is_cut_out_and_the_text_in_it_is_kept() -> None:
    page = noise(blank(), 200, 500, 500, 800)
    result = read([*paragraph(*BODY), line("label", 330, 650), line("Fig. 3: A picture", 200, 815)], page)
    block = image_block(result)
    assert block.bbox == pytest.approx((200, 500, 500, 800), abs=6)
    assert block.text == "label"
    assert block.image is not None
    assert result.images[block.image].shape[:2] == pytest.approx((300, 300), abs=8)
    assert texts(result, "figure_title") == ["Fig. 3: A picture"]


def test_crop_is_a_copy_of_the_page() -> None:
    page = noise(blank(), 200, 500, 500, 800)
    result = read([], page)
    (crop,) = result.images.values()
    before = crop.copy()
    page[:] = 0
    assert np.array_equal(crop, before)


def test_tiles_of_a_placed_image_are_one_figure_and_small_images_none() -> None:
    boxes = [(100.0, 500.0, 300.0, 600.0), (100.0, 600.0, 300.0, 700.0), (600.0, 100.0, 610.0, 110.0)]
    result = analyze(blank(), DPI, paragraph(*BODY), (), boxes, "text_layer")
    assert image_block(result).bbox == (100.0, 500.0, 300.0, 700.0)


def test_image_of_the_whole_page_behind_text_is_no_figure() -> None:
    result = analyze(blank(), DPI, paragraph(*BODY), (), [(0.0, 0.0, 850.0, 1100.0)], "ocr")
    assert [block.label for block in result.blocks] == ["text"]


def test_photo_is_a_figure_and_the_text_on_it_is_read() -> None:
    rng = np.random.default_rng(5)
    small = rng.integers(0, 255, (22, 17, 3), dtype=np.uint8)
    photo: Pixels = cv2.resize(small, (850, 1100), interpolation=cv2.INTER_LINEAR)
    result = read([line("STREET", 300, 400)], photo)
    assert [block.label for block in result.blocks] == ["image", "text"]
    assert result.images["image_1"].shape == photo.shape


def test_frame_around_text_is_no_figure() -> None:
    page = blank()
    cv2.rectangle(page, (80, 280), (720, 480), (0, 0, 0), 2)
    assert [block.label for block in read(paragraph(*BODY), page).blocks] == ["text"]


def test_columns_that_a_text_layer_joined_are_parted_again() -> None:
    lines = []
    for row in range(6):
        y = 300 + 20 * row
        left = text_line("left column text of a row here", 100, y, stream=row)
        right = text_line("Right column text of a row here", left.bbox[2] + 12, y, stream=100 + row)
        corners = (left.polygon[0], right.polygon[1], right.polygon[2], left.polygon[3])
        box = (*left.bbox[:2], *right.bbox[2:])
        lines.append(Line(f"{left.text} {right.text}", box, corners, None, 14, False, left.words + right.words))
    read_texts = texts(read(lines, source="text_layer"), "text")
    assert len(read_texts) == 2
    assert "Right" not in read_texts[0]


def test_skewed_columns_are_read_one_after_the_other() -> None:
    slope = 0.02
    lines = []
    for column in range(2):
        for row in range(12):
            x, y, w, h = 60 + 380 * column, 100 + 22 * row + slope * 380 * column, 360.0, 16.0
            corners = ((x, y), (x + w, y + slope * w), (x + w, y + slope * w + h), (x, y + h))
            box = (x, y, x + w, y + slope * w + h)
            lines.append(Line(f"c{column}r{row}", box, corners, 0.9, h, False))
    words = " ".join(block.text for block in read(lines).blocks).split()
    assert words == [f"c{column}r{row}" for column in range(2) for row in range(12)]


def test_no_character_of_twenty_thousand_lines_is_lost() -> None:
    lines = [line(f"w{i}", 20 + 200 * (i % 4), 10 + 10 * (i // 4), width=190, height=8) for i in range(20_000)]
    result = analyze(blank(100, 100), DPI, lines, (), (), "ocr")
    words = [word for block in result.blocks for word in block.text.split()]
    assert sorted(words) == sorted(line.text for line in lines)
