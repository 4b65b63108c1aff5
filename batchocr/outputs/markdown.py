"""Writes a document as Markdown, page by page: from the engine's own Markdown or from the blocks.

Images are linked by their names in the document's folder. A page without a result leaves a gap that a reader sees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any

from batchocr.datatypes import FailedPages
from batchocr.outputs.engine_markdown import rewrite_markdown
from batchocr.outputs.escaping import (
    clean_text,
    display_formula,
    escape_caption,
    escape_inline,
    escape_line,
    escape_paragraph,
    fenced_code,
)
from batchocr.outputs.html_table import parse_tables, render_table
from batchocr.outputs.paths import link
from batchocr.outputs.spool import StoredPage

_TITLE_LEVELS = {"doc_title": 1, "paragraph_title": 2}
_CODE = frozenset({"algorithm", "code"})
_FORMULAS = frozenset({"formula", "display_formula", "inline_formula"})
_BULLET = re.compile(r"[-*+•◦▪‣●○·–]\s+(?=\S)")
_NUMBER = re.compile(r"(\d{1,9}[.)])\s+(?=\S)")


class MarkdownWriter:
    """Writes one document's Markdown; pages and gaps come in page order. Nothing is kept between them.

    Args:
        file: open for text, UTF-8, newlines as they are; the caller closes it.
        page_markers: write `<!-- page: N -->` before each page.
    """

    def __init__(self, file: IO[str], *, page_markers: bool) -> None:
        self._file = file
        self._page_markers = page_markers
        self._empty = True

    def add_page(self, page: StoredPage) -> None:
        """Writes a page that has a result; a blank one leaves its marker only."""
        if self._page_markers:
            self._add(f"<!-- page: {page.page_no} -->")
        self._add(page_markdown(page.meta))

    def add_gap(self, failed: FailedPages) -> None:
        """Writes what stands in for pages that failed: a comment for programs and a line for readers."""
        first, last = failed.first_page, failed.last_page
        reason = f"({failed.kind.value}: {escape_inline(clean_text(failed.message))})."
        if first is None:
            comment, line = "document", "> **Some pages of this document could not be read**"
        elif first == last:
            comment, line = f"page: {first}", f"> **Page {first} could not be read**"
        else:
            comment, line = f"pages: {first}-{last}", f"> **Pages {first} to {last} could not be read**"
        self._add(f"<!-- {comment} failed: {failed.kind.value} -->")
        self._add(f"{line} {reason}")

    def _add(self, text: str) -> None:
        if text:
            self._file.write(text + "\n" if self._empty else f"\n{text}\n")
            self._empty = False


def page_markdown(meta: Mapping[str, Any]) -> str:
    """Gives one page record as Markdown, without marker and without newlines at its ends."""
    if meta["markdown"] is not None:
        return rewrite_markdown(meta["markdown"], meta["images"])
    ordered = sorted((block for block in meta["blocks"] if block["order"] is not None), key=lambda b: b["order"])
    return "\n\n".join(text for text in map(block_markdown, ordered) if text)


def block_markdown(block: Mapping[str, Any]) -> str:
    """Gives one block of a page record as Markdown, "" where it has nothing to show."""
    text, label = block["text"].strip(), block["label"]
    parts = []
    if block["image"] and (not (text or block["html"]) or not _is_readable(label)):
        parts.append(f"![{escape_caption(text)}]({link(block['image'])})")
        text = ""
    tables = [render_table(table) for table in parse_tables(block["html"])] if block["html"] else []
    parts.extend(tables)
    if text and not tables:
        parts.append(_text_markdown(text, label, block["level"]))
    return "\n\n".join(part for part in parts if part)


def _is_readable(label: str) -> bool:
    """Tells whether a block's text says all that its picture says."""
    return label not in {"image", "figure", "chart", "seal", "header_image", "footer_image"}


def _text_markdown(text: str, label: str, level: int | None) -> str:
    level = level or _TITLE_LEVELS.get(label)
    if level:
        # A title's last `#`s would be taken for the end of the heading.
        title = re.sub(r"(^|\s)(#+)$", r"\1\\\2", escape_inline(text))
        return f"{'#' * min(max(level, 1), 6)} {title}"
    if label in _CODE:
        return fenced_code(text)
    if label in _FORMULAS:
        return display_formula(text)
    if label == "list":
        return _list_markdown(text)
    return escape_paragraph(text)


def _list_markdown(text: str) -> str:
    """Gives the lines of a list as items; lines without a bullet or number go on with the item before them."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    marked = any(_BULLET.match(line) or _NUMBER.match(line) for line in lines)
    items: list[str] = []
    for line in lines:
        if bullet := _BULLET.match(line):
            items.append("- " + escape_line(line[bullet.end() :]))
        elif number := _NUMBER.match(line):
            items.append(f"{number[1]} {escape_line(line[number.end() :])}")
        elif marked and items:
            items.append("   " + escape_line(line))
        else:
            items.append("- " + escape_line(line))
    return "\n".join(items)
