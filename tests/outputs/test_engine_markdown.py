from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.outputs.engine_markdown import rewrite_markdown
from batchocr.outputs.escaping import clean_text

IMAGES = {"image_1": "images/p0003_image_1.jpg", "imgs/box 2.jpg": "images/p0003_imgs_box_2_jpg_12345678.jpg"}
PIECES = st.lists(
    st.sampled_from(
        [
            "<b>",
            "</div>",
            "<div a='b'>",
            "<!--",
            "-->",
            "[a](b)",
            "![a](image_1)",
            "![a](http://x)",
            "[a]: b",
            "# ",
            "- ",
            "1. ",
            "```",
            "~~~",
            "````",
            "---",
            "<table>",
            "<tr><td>",
            "</table>",
            "<img src='image_1'>",
            "<img src=x onerror=y>",
            "<script>",
            "\n",
            "\n\n",
            " ",
            "x",
            "    ",
            "\t",
            "> ",
            "`",
            "\\",
            "[",
            "]",
            "(",
            ")",
            "<",
            ">",
            "<svg/onload=x>",
            "- ```",
            "<p>",
            "$",
            "$$",
            "\\(",
            "\\)",
            "\\[",
            "\\]",
            "&lt;",
            "_",
        ]
    ),
    max_size=14,
).map("".join)


def test_image_links_of_every_spelling_become_links_to_files() -> None:
    source = (
        "![fig](image_1)\n\n<div style='text-align: center;'>"
        '<img src="imgs/box 2.jpg" alt="Image" width="50%" /></div>\n\n![gone](nowhere.png)'
    )
    assert rewrite_markdown(source, IMAGES) == (
        "![fig](images/p0003_image_1.jpg)\n\n![Image](images/p0003_imgs_box_2_jpg_12345678.jpg)\n\ngone"
    )


def test_tables_are_rebuilt_and_formatting_stays() -> None:
    table = "<div><html><body><table border=1><tr><td onclick=x>1</td></tr></table></body></html></div>"
    source = f"## A *b* `c`\n{table}\n\n- d"
    assert rewrite_markdown(source, {}) == "## A *b* `c`\n\n<table>\n<tr><td>1</td></tr>\n</table>\n\n- d"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a $ x_1<y $ b", r"a $x_1\lt y$ b"),
        (" $$ E=mc^2 & \n a < b $$ ", r" $$E=mc^2 & a \lt b$$ "),
        (r"see \(a_1<b\)", r"see $a_1\lt b$"),
        ("\\[\nx<1\n\\]", r"$$x\lt 1$$"),
        ("cost $5 <b>x</b> and $6", "cost $5 x and $6"),
        ("cost $5 and $x$", "cost $5 and $x$"),
        (
            "<table border=1 style='margin: auto;'><tr><td style='a'> $ \\alpha<1 $ </td></tr></table>",
            "<table>\n<tr><td>$ \\alpha&lt;1 $</td></tr>\n</table>",
        ),
    ],
)
def test_formulas_survive_whatever_is_in_them(source: str, expected: str) -> None:
    assert rewrite_markdown(source, {}).strip("\n") == expected


def test_other_html_is_shown_as_text_and_links_are_dead() -> None:
    assert rewrite_markdown("<script>x</script> [a](http://evil) <x@y>", {}) == (
        "&lt;script>x&lt;/script> [a\\](http://evil) &lt;x@y>"
    )


def test_code_stays_as_it_is_and_an_open_fence_is_closed() -> None:
    assert rewrite_markdown("a\n```py\n<b>\n```\nc", {}) == "a\n\n```\n<b>\n```\n\nc"
    assert rewrite_markdown("```\n<b>", {}) == "```\n<b>\n```"


@given(PIECES | st.text())
def test_nothing_an_engine_writes_becomes_foreign_html_or_a_broken_link(source: str) -> None:
    markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py reads the Markdown back")
    parser = markdown_it.MarkdownIt("commonmark", {"html": True})
    text = rewrite_markdown(clean_text(source), IMAGES) + "\n\n<!-- page: 4 -->\n\nnext"
    for token in (inner for outer in parser.parse(text) for inner in (outer, *(outer.children or ()))):
        if token.type in ("html_block", "html_inline"):
            tags = re.sub(
                r"</?(table|thead|tbody|tr|td|th)( (row|col)span=\"\d+\")*>|<br>|<!-- page: 4 -->", "", token.content
            )
            assert "<" not in tags
        if token.type in ("image", "link_open"):
            assert html.unescape(token.attrs.get("src") or token.attrs["href"]) in IMAGES.values()
    assert parser.render(text).rstrip().endswith("<p>next</p>")
