"""Writes a document as Markdown, page by page: from the engine's own Markdown or from the blocks.

Images are linked by their names in the document's folder. A page without a result leaves a gap that a reader sees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any

from batchocr.datatypes import FailedPages
from batchocr.outputs.blocks import (
    CODE,
    FORMULAS,
    PICTURES,
    Block,
    block_tables,
    in_reading_order,
    list_items,
    title_level,
    with_formula_numbers,
)
from batchocr.outputs.engine_markdown import rewrite_markdown
from batchocr.outputs.escaping import (
    clean_text,
    escape_caption,
    escape_inline,
    escape_line,
    escape_paragraph,
    fenced_code,
)
from batchocr.outputs.formulas import display_formula, rewrite_around_formulas
from batchocr.outputs.html_table import render_table
from batchocr.outputs.paths import link
from batchocr.outputs.spool import StoredPage


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
    blocks = with_formula_numbers(in_reading_order(meta))
    return "\n\n".join(text for text in (block_markdown(block, number) for block, number in blocks) if text)


def block_markdown(block: Block, formula_number: str = "") -> str:
    """Gives one block of a page record as Markdown, "" where it has nothing to show."""
    text, label = block["text"].strip(), block["label"]
    parts = [render_table(table) for table in block_tables(block)]
    if parts or "continues" in block:
        text = ""
    if block["image"] and (label in PICTURES or not (text or parts)):
        alt = "" if label == "seal" else text
        parts.insert(0, f"![{escape_caption(alt)}]({link(block['image'])})")
        text = text if label == "seal" else ""
    if text:
        parts.append(_text_markdown(text, label, title_level(block), formula_number))
    return "\n\n".join(parts)


def _text_markdown(text: str, label: str, level: int | None, formula_number: str) -> str:
    if level:
        title = rewrite_around_formulas(text, escape_inline)
        # A title's last `#`s would be taken for the end of the heading.
        return f"{'#' * level} " + re.sub(r"(^|\s)(#+)$", r"\1\\\2", title)
    if label in CODE:
        return fenced_code(text)
    if label in FORMULAS:
        return display_formula(text, formula_number) or escape_paragraph(text)
    if label == "list":
        return _list_markdown(text)
    paragraph = rewrite_around_formulas(text, escape_paragraph)
    return f"**Seal:** {paragraph}" if label == "seal" else paragraph


def _list_markdown(text: str) -> str:
    lines = []
    for item in list_items(text):
        mark = "  " if item.goes_on else item.number or "-"
        lines.append(f"{mark} {rewrite_around_formulas(item.text, escape_line)}")
    return "\n".join(lines)
