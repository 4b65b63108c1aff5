"""Renders our Markdown as HTML that cannot act: no script, no handler, no link but to files of the document's folder.

markdown-it makes the tokens. Raw HTML never passes: a block of it is read as a table by `outputs.html_table`, which
keeps nothing but the text of cells, and where there is no table in it the block is shown as text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import IO, Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

from batchocr.outputs.escaping import clean_text
from batchocr.outputs.html_table import parse_tables, render_table

# As `outputs.markdown` writes it; a document's own text never holds a comment.
_MARKER = re.compile(r"<!-- pages?: (?P<first>[0-9]{1,9})(?:-(?P<last>[0-9]{1,9}))?(?: failed: [a-z_]+)? -->\n?")
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_FORMULA = re.compile(r"(?P<mark>\$\$?)(?=\S)(?P<formula>[^$\n]{1,20000}?)(?<=\S)(?P=mark)(?!\d)")
_LINE_CHARS = 1 << 20


def split_pages(file: IO[str], max_chars: int) -> Iterator[tuple[int, tuple[str, bool]]]:
    """Gives the number of each page (0 for what stands before any marker), its Markdown, and whether that was cut.

    What stands after the marker of several pages, which failed for one reason, is given for each of them.

    Args:
        file: open for text.
        max_chars: of a page; what is beyond is passed over, from the start of a line on.
    """
    page_nos, lines, room, cut = range(1), list[str](), max_chars, False
    while line := file.readline(_LINE_CHARS):
        marker = _MARKER.fullmatch(line)
        if marker:
            yield from _of_each(page_nos, lines, cut)
            page_nos = range(int(marker["first"]), int(marker["last"] or marker["first"]) + 1)
            lines, room, cut = [], max_chars, False
        elif len(line) <= room and not cut:
            lines.append(line)
            room -= len(line)
        else:
            cut = True
    yield from _of_each(page_nos, lines, cut)


def _of_each(page_nos: range, lines: list[str], cut: bool) -> Iterator[tuple[int, tuple[str, bool]]]:
    if page_nos.start or lines:
        text = "".join(lines)
        yield from ((page_no, (text, cut)) for page_no in page_nos)


class MarkdownHtml:
    """Renders pieces of one document's Markdown.

    Args:
        folder: URL of the document's folder as seen from the report, percent-encoded, without a slash at its end.
        names: files of the folder that may be linked and shown, POSIX and percent-encoded.
    """

    def __init__(self, folder: str, names: frozenset[str]) -> None:
        self._folder = folder
        self._names = names
        self._parser = MarkdownIt("commonmark", {"html": True}, renderer_cls=RendererHTML)
        self._parser.inline.ruler.before("escape", "formula", _formula)
        for name, rule in (
            ("html_block", _html_block), ("html_inline", _as_text), ("formula", _formula_html), ("image", self._image),
            ("link_open", self._link_open), ("link_close", _nothing), ("fence", _code), ("code_block", _code),
        ):  # fmt: skip
            self._parser.renderer.rules[name] = rule  # type: ignore[attr-defined]

    def render(self, markdown: str) -> Markup:
        """Gives the HTML of a piece of Markdown."""
        # All that markdown-it gives out has gone through the rules above or its own escaping of text.
        return Markup(self._parser.render(clean_text(markdown)))

    def _address(self, target: object) -> str | None:
        """Gives the address of a file of the document's folder, None for any other target."""
        return f"{self._folder}/{target}" if target in self._names else None

    def _image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        words = html.escape(tokens[index].content)
        address = self._address(tokens[index].attrs.get("src"))
        if address is None:
            return f"<em>[{words or 'picture'}]</em>"
        return f'<img src="{html.escape(address)}" alt="{words}" loading="lazy">'

    def _link_open(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
    ) -> str:
        """Shows where a link of the document leads, and does not lead there."""
        target = str(tokens[index].attrs.get("href", ""))
        return f'<span class="link" title="{html.escape(target)}">'


def _nothing(tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
    return "</span>"


def _html_block(tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
    content = _COMMENT.sub("", tokens[index].content)
    tables = parse_tables(content)
    if tables:
        return "".join(f'<div class="wide">{render_table(table)}</div>\n' for table in tables)
    return f"<p>{html.escape(content)}</p>\n" if content.strip() else ""


def _as_text(tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
    return html.escape(tokens[index].content)


def _code(tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
    return f"<pre><code>{html.escape(tokens[index].content)}</code></pre>\n"


def _formula(state: StateInline, silent: bool) -> bool:
    """Takes `$…$` and `$$…$$` as they stand: their backslashes and stars are not Markdown's."""
    match = _FORMULA.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("formula", "code", 0)
        token.content = match["formula"]
        token.block = match["mark"] == "$$"
    state.pos = match.end()
    return True


def _formula_html(tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
    kind = "formula display" if tokens[index].block else "formula"
    return f'<code class="{kind}">{html.escape(tokens[index].content)}</code>'
