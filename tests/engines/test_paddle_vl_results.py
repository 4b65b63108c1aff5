from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from batchocr.datatypes import PageImage, PageResult
from batchocr.engines.paddleocr_vl.checks import MARK, Finding
from batchocr.engines.paddleocr_vl.results import chart_table, page_result, table_text

PAGE = PageImage(3, np.full((200, 100, 3), 255, np.uint8), 72.0, "a.pdf")


def block(label: str, content: str = "", bbox: tuple[int, ...] = (10, 20, 90, 40), path: str = "") -> Any:
    return SimpleNamespace(label=label, content=content, bbox=list(bbox), image={"path": path} if path else None)


class Answer(dict[str, Any]):
    """Looks like the pipeline's result as far as it is read."""

    def __init__(self, *blocks: Any, images: tuple[str, ...] = (), text: str = "", **settings: Any) -> None:
        super().__init__(width=100, height=200, parsing_res_list=list(blocks))
        red = Image.new("RGB", (4, 3), (255, 0, 0))
        self.markdown = {"markdown_texts": text, "markdown_images": dict.fromkeys(images, red)}
        self.img = {"layout_det_res": red}
        boxes = [{"label": found.label, "coordinate": found.bbox, "score": 0.75} for found in blocks]
        settings = {"markdown_ignore_labels": ["header"], **settings}
        data = {"width": 100, "height": 200, "model_settings": settings, "layout_det_res": {"boxes": boxes}}
        self.json = {"res": data}


def result_of(*blocks: Any, **more: Any) -> PageResult:
    return page_result(Answer(*blocks, **more), PAGE, visualize=True)


def test_image_links_become_plain_keys_in_markdown_and_blocks() -> None:
    path = "imgs/img_in_image_box_10_20_90_40.jpg"
    text = f'<div style="text-align: center;"><img src="{path}" alt="Image" width="80%" /></div>'
    table = f'<table><tr><td><img src="{path}"></td></tr></table>'

    result = result_of(block("image", path=path), block("table", table), images=(path,), text=text)

    assert set(result.images) == {"image_1"}
    assert result.images["image_1"][0, 0].tolist() == [0, 0, 255]
    assert result.markdown == text.replace(path, "image_1")
    assert result.blocks[0].image == "image_1"
    assert 'src="image_1"' in result.blocks[1].html
    assert set(result.visualizations) == {"layout"}


def test_order_counts_what_is_read_in_line() -> None:
    result = result_of(block("header"), block("text", "a"), block("table", "<table></table>"), block("text", "b"))
    assert [found.order for found in result.blocks] == [None, 1, 2, 3]
    assert {found.score for found in result.blocks} == {0.75}


@pytest.mark.parametrize(
    ("label", "title", "level"),
    [
        ("doc_title", "2.1 All", 1), ("paragraph_title", "Summary", 2), ("paragraph_title", "2 Methods", 2),
        ("paragraph_title", "2.1 Samples", 3), ("paragraph_title", "1.1.1.1.1.1.1 Deep", 6), ("text", "2.1 x", None),
    ],
)  # fmt: skip
def test_headings_have_the_level_of_their_number(label: str, title: str, level: int | None) -> None:
    assert result_of(block(label, title)).blocks[0].level == level


def test_boxes_that_leave_the_page_are_cut() -> None:
    assert result_of(block("text", bbox=(-5, 190, 130, 260))).blocks[0].bbox == (0.0, 190.0, 100.0, 200.0)


def test_chart_is_a_table_only_where_it_was_read() -> None:
    read = result_of(block("chart", "year|sum\n2023|7"), use_chart_recognition=True).blocks[0]
    assert read.html == "<table><tr><td>year</td><td>sum</td></tr><tr><td>2023</td><td>7</td></tr></table>"
    assert read.text == "year\tsum\n2023\t7"
    assert result_of(block("chart", "year|sum")).blocks[0].html == ""
    assert chart_table("a<b|c") == "<table><tr><td>a&lt;b</td><td>c</td></tr></table>"


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("<table><tr><td>A &amp; B</td><td>1</td></tr><tr><th>x<br>y</th></tr></table>", "A & B\t1\nx y"),
        ("<table><td>no row</table>", "no row"),
        ("<table", ""),
        ("", ""),
    ],
)
def test_text_of_a_table_has_a_line_for_each_row(table: str, text: str) -> None:
    assert table_text(table) == text


def test_page_is_named_as_the_pipeline_would_and_without_folders() -> None:
    answer = Answer()
    page_result(answer, PAGE, visualize=False)
    assert (answer["input_path"], answer["page_index"]) == ("a.pdf", 2)


def test_finding_stands_in_warnings_and_raw_data() -> None:
    found = block("text", "")
    setattr(found, MARK, Finding("empty", replaced=True))

    result = result_of(block("text", "fine"), found)

    assert result.raw["findings"] == [{"block_id": 1, "finding": "empty", "replaced": True}]
    (warning,) = result.warnings
    assert warning.startswith("text block at (10, 20, 90, 40): there is ink")
