from __future__ import annotations

import io
from typing import Any

import pytest
from outputs_builders import block, noise, record

from batchocr.datatypes import Block, FailedPages
from batchocr.errors import FailureKind
from batchocr.outputs.markdown import MarkdownWriter, page_markdown


def markdown(*blocks: Block, **more: Any) -> str:
    return page_markdown(record(3, *blocks, **more).meta)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (block("doc_title", "A\nB #"), "# A B \\#"),
        (block("paragraph_title", "A"), "## A"),
        (block("paragraph_title", "A", level=9), "###### A"),
        (block("text", "one\ntwo <b>"), "one\ntwo &lt;b>"),
        (block("text", "1. not a list"), "1\\. not a list"),
        (block("list", "• one\nmore\n• two"), "- one\n   more\n- two"),
        (block("list", "one\n# two"), "- one\n- \\# two"),
        (block("list", "1. one\n2) two"), "1. one\n2) two"),
        (block("algorithm", "a = `x`\n```\nb"), "````\na = `x`\n```\nb\n````"),
        (block("formula", "$$x < 1$$"), "$$x \\lt 1$$"),
        (block("display_formula", " $$ a \n b_1 $$ "), "$$a b_1$$"),
        (block("text", "so $ x_1 < y $ *and* more"), "so $x_1 \\lt y$ \\*and\\* more"),
        (block("paragraph_title", "On $x_1$"), "## On $x_1$"),
        (block("list", "- $x_1$\n- b"), "- $x_1$\n- b"),
        (block("abstract", "a_b"), "a_b"),
        (block("reference_content", "[1] A. B."), "[1] A. B."),
        (block("vertical_text", "縦\n書き"), "縦\n書き"),
        (block("vision_footnote", "Source: x"), "Source: x"),
        (block("aside_text", "arXiv"), "arXiv"),
        (block("formula_number", "(3)"), "(3)"),
        (block("seal", "公章 <b>"), "**Seal:** 公章 &lt;b>"),
        (block("header", "top", order=1), ""),
        (block("footer", "bottom", order=1), ""),
        (block("number", "7", order=1), ""),
        (
            block("chart", "year | value\n2020 | 1\n2021 | 2"),
            "<table>\n<thead>\n<tr><th>year</th><th>value</th></tr>\n</thead>\n<tbody>\n"
            "<tr><td>2020</td><td>1</td></tr>\n<tr><td>2021</td><td>2</td></tr>\n</tbody>\n</table>",
        ),
        (
            block("chart", "| a | b |\n|---|---|\n| 1 | 2 |"),
            "<table>\n<thead>\n<tr><th>a</th><th>b</th></tr>\n</thead>\n<tbody>\n"
            "<tr><td>1</td><td>2</td></tr>\n</tbody>\n</table>",
        ),
        (block("chart", "a bar chart"), "a bar chart"),
        (block("table", "lost", html="<table><tr><td>1"), "<table>\n<tr><td>1</td></tr>\n</table>"),
        (block("table", "no html"), "no html"),
        (block("text", "  "), ""),
    ],
)
def test_each_kind_of_block_becomes_its_markdown(given: Block, expected: str) -> None:
    assert markdown(given) == expected


def test_an_image_is_linked_by_its_page_namespaced_name() -> None:
    picture = {"image_1": noise()}
    assert markdown(block("image", "a [b]", image="image_1"), images=picture) == "![a (b)](images/p0003_image_1.jpg)"
    assert markdown(block("image", "gone", image="image_2"), images=picture) == "gone"


@pytest.mark.parametrize("label", ["image", "header_image", "footer_image", "chart"])
def test_a_picture_that_is_read_in_line_is_shown(label: str) -> None:
    page = markdown(block(label, "words", image="image_1"), images={"image_1": noise()})
    assert page == "![words](images/p0003_image_1.jpg)"


def test_a_seal_is_shown_and_read() -> None:
    page = markdown(block("seal", "words", image="image_1"), images={"image_1": noise()})
    assert page == "![](images/p0003_image_1.jpg)\n\n**Seal:** words"


def test_a_formula_has_the_number_that_stands_after_it() -> None:
    formulas = (block("display_formula", "a=b", 1), block("formula_number", "(3)", 2), block("formula", "c", 3))
    assert markdown(*formulas) == "$$a=b \\tag{3}$$\n\n$$c$$"


def test_a_number_that_no_tag_can_hold_stays_text() -> None:
    assert markdown(block("formula", "a", 1), block("formula_number", "}$$x", 2)) == "$$a$$\n\n}\\$\\$x"


def test_blocks_stand_in_reading_order_and_page_furniture_is_left_out() -> None:
    page = markdown(block(text="second", order=2), block("header", "furniture", None), block(text="first", order=1))
    assert page == "first\n\nsecond"


class _Page:
    """A page in the spool, as far as this writer looks at it."""

    def __init__(self, page_no: int, text: str) -> None:
        self.page_no = page_no
        self.meta = record(page_no, *([block(text=text)] if text else [])).meta


def written(*, page_markers: bool) -> str:
    file = io.StringIO()
    writer = MarkdownWriter(file, page_markers=page_markers)
    writer.add_gap(FailedPages(1, 1, FailureKind.TIMEOUT, "no page in 120 s <b>\nnow"))
    writer.add_page(_Page(2, "two"))  # type: ignore[arg-type]
    writer.add_page(_Page(3, ""))  # type: ignore[arg-type]
    writer.add_gap(FailedPages(4, 7, FailureKind.WORKER_LOST, "killed"))
    return file.getvalue()


def test_pages_have_markers_and_failed_ones_leave_a_visible_gap() -> None:
    assert written(page_markers=True) == (
        "<!-- page: 1 failed: timeout -->\n\n> **Page 1 could not be read** (timeout: no page in 120 s &lt;b> now).\n\n"
        "<!-- page: 2 -->\n\ntwo\n\n<!-- page: 3 -->\n\n"
        "<!-- pages: 4-7 failed: worker_lost -->\n\n> **Pages 4 to 7 could not be read** (worker_lost: killed).\n"
    )


def test_markers_can_be_off_but_gaps_stay() -> None:
    text = written(page_markers=False)
    assert "<!-- page: 2 -->" not in text
    assert "<!-- page: 1 failed: timeout -->" in text
