from __future__ import annotations

import html
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from batchocr.outputs.escaping import (
    clean_text,
    escape_caption,
    escape_inline,
    escape_paragraph,
    fenced_code,
)
from batchocr.outputs.formulas import rewrite_around_formulas
from batchocr.outputs.markdown import block_markdown

markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py reads the Markdown back")

HOSTILE = st.text(st.sampled_from("ab1 \n\\`*_{}[]()#+-.!|<>~&=:;$\"'/漢"), max_size=40) | st.text(max_size=40)
PIECES = st.lists(
    st.sampled_from(
        [
            "<b>",
            "</p>",
            "<!--",
            "-->",
            "[a](b)",
            "![a](b)",
            "[a]: b",
            "# ",
            "- ",
            "1. ",
            "```",
            "~~~",
            "---",
            "|-|",
            "&lt;",
            "&copy",
            "**",
            "__",
            "~~",
            "$$",
            "\\",
            "\n",
            " ",
            "x",
            "    ",
            "\t",
            "<https://a>",
            "<script>",
            "=",
            "> ",
            "+ ",
            "1) ",
            "| a | b |",
            "`",
        ]
    ),
    max_size=12,
).map("".join)


def rendered(markdown: str) -> str:
    return markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)


def shown(markdown: str) -> str:
    return html.unescape(re.sub(r"</?p>", "", rendered(markdown)))


def words(text: str) -> list[str]:
    return text.split()


@given(HOSTILE | PIECES)
def test_any_text_reads_back_as_that_text_and_as_paragraphs_only(text: str) -> None:
    text = clean_text(text)
    page = rendered(escape_paragraph(text))
    assert set(re.findall(r"</?\w+", page)) <= {"<p", "</p"}
    assert words(shown(escape_paragraph(text))) == words(text)


@given(HOSTILE | PIECES)
def test_any_heading_reads_back_as_one_heading(text: str) -> None:
    text = clean_text(text)
    assume(rewrite_around_formulas(text, str) == text)  # formulas are tested for themselves
    page = block_markdown({"text": text, "label": "doc_title", "level": 2, "html": "", "image": None})
    tags = re.findall(r"</?\w+", rendered(page))
    assert tags == (["<h2", "</h2"] if text.strip() else [])
    assert words(html.unescape(re.sub(r"</?h2>", "", rendered(page)))) == words(text)


@given(HOSTILE | PIECES)
def test_any_caption_leaves_the_image_an_image(text: str) -> None:
    page = rendered(f"![{escape_caption(clean_text(text))}](images/p0001_a.jpg)")
    assert page.startswith('<p><img src="images/p0001_a.jpg"')
    assert len(re.findall("<", page)) == 3


@given(HOSTILE | PIECES)
def test_any_code_stays_inside_its_fence(text: str) -> None:
    page = rendered(f"{fenced_code(clean_text(text))}\n\nafter")
    assert page.startswith("<pre><code>")
    assert page.endswith("</code></pre>\n<p>after</p>\n")


@pytest.mark.parametrize(
    "text",
    [
        "Costs 5 * 3 = 15.",
        "snake_case_name",
        "AT&T",
        "a. b) c: d!",
        "50 % (of #3)",
        "a - b + c",
        "Müller & Söhne",
        "$5",
    ],
)
def test_text_that_would_not_act_is_left_alone(text: str) -> None:
    assert escape_inline(text) == text


def test_controls_leave_no_trace_and_lone_surrogates_are_shown() -> None:
    assert clean_text("a\x00b\x1b[0m\r\nc\ud800\ufffe\x85d") == "ab[0m\nc\ufffd\nd"
