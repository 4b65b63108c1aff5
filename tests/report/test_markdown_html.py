from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.report.markdown_html import MarkdownHtml, split_pages

ALLOWED = {
    "p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6",
    "div", "table", "thead", "tbody", "tr", "td", "th", "img", "span",
}  # fmt: skip
ATTRIBUTES = {"class", "title", "src", "alt", "loading", "rowspan", "colspan", "start"}
PIECES = st.sampled_from(
    [
        "<script>", "</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "![b](images/a.jpg)", '"',
        "'", "<table>", "<td onclick=x>", "</table>", "<!--", "-->", "`", "$", "$$", "\n", "\n\n", "# ", "> ", "1. ",
        "* ", "<a href=x>", "![x](data:text/html,<script>)", "<svg/onload=alert(1)>", "&lt;script&gt;", "]]>", "<?x?>",
        "<!X", "x", " ", "\x00", "\u202e",
    ]
)  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def rendered(markdown: str) -> str:
    return MarkdownHtml("./a%20b/c", frozenset({"images/a.jpg"})).render(markdown)


def tags(markdown: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Tags()
    reader.feed(rendered(markdown))
    return reader.tags


@given(st.lists(PIECES, max_size=40).map("".join))
def test_nothing_comes_out_but_harmless_tags_and_attributes(markdown: str) -> None:
    for tag, attributes in tags(markdown):
        assert tag in ALLOWED
        assert set(attributes) <= ATTRIBUTES
        if tag == "img":
            assert attributes["src"] == "./a%20b/c/images/a.jpg"


def test_table_is_kept_with_the_text_of_its_cells_alone() -> None:
    html = rendered('<table>\n<tr><td onclick="x" colspan="2"><b>1</b> &lt;2</td></tr>\n</table>')
    assert '<td colspan="2">1 &lt;2</td>' in html
    assert "onclick" not in html


def test_html_that_is_no_table_is_shown_as_text() -> None:
    assert rendered("<script>alert(1)</script>") == "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"
    assert "&lt;b&gt;" in rendered("some <b>text</b>")


def test_only_pictures_of_the_folder_are_shown() -> None:
    assert '<img src="./a%20b/c/images/a.jpg" alt="what" loading="lazy">' in rendered("![what](images/a.jpg)")
    assert "<img" not in rendered("![what](https://example.org/a.jpg) ![](images/b.jpg) ![](../../x.jpg)")


@pytest.mark.parametrize("target", ["https://example.org", "javascript:alert(1)", "images/a.jpg"])
def test_links_of_a_document_lead_nowhere(target: str) -> None:
    assert "<a" not in rendered(f"[text]({target})")
    assert "text" in rendered(f"[text]({target})")


def test_formulas_stay_as_they_are() -> None:
    assert '<code class="formula">x_1 * y * \\{z\\}</code>' in rendered(r"so $x_1 * y * \{z\}$ holds")
    assert '<code class="formula display">\\frac{a}{b}</code>' in rendered(r"$$\frac{a}{b}$$")
    assert rendered("it costs $5 or $6 today") == "<p>it costs $5 or $6 today</p>\n"


def test_pages_are_split_at_their_markers() -> None:
    markdown = "<!-- page: 1 -->\n\n# One\n\n<!-- pages: 2-4 failed: timeout -->\n\n> gone\n\n<!-- page: 5 -->\n"
    pages = list(split_pages(io.StringIO(markdown), 1_000))
    assert [(page_no, text.strip(), cut) for page_no, (text, cut) in pages] == [
        (1, "# One", False), (2, "> gone", False), (3, "> gone", False), (4, "> gone", False), (5, "", False),
    ]  # fmt: skip


def test_marker_of_countless_pages_takes_no_memory() -> None:
    pages = split_pages(io.StringIO("<!-- pages: 1-999999999 failed: timeout -->\ngone\n"), 1_000)
    assert next(pages) == (1, ("gone\n", False))


def test_text_without_markers_is_page_zero() -> None:
    assert list(split_pages(io.StringIO("one\n"), 1_000)) == [(0, ("one\n", False))]


def test_long_page_is_cut_at_a_line_and_says_so() -> None:
    markdown = "<!-- page: 1 -->\n" + "0123456789\n" * 10 + "<!-- page: 2 -->\nshort\n"
    (_, (first, cut)), (_, (second, whole)) = split_pages(io.StringIO(markdown), 35)
    assert (first, cut) == ("0123456789\n" * 3, True)
    assert (second, whole) == ("short\n", False)
