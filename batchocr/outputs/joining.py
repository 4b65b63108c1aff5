"""Joins a table that ends a page with the one that starts the next page, on plain page records.

First every page is looked at once, in order, with the end of the page before it in mind: that finds which pages' tables
belong together. Later, page by page, the first of them gets the whole table and the others are told to show nothing.
What a page said is never changed: its blocks keep their own `html`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from batchocr.outputs.blocks import Block, in_reading_order
from batchocr.outputs.html_table import MAX_ROWS, MAX_SLOTS, Table, parse_tables

# What may stand between a table and the end of its page, or between the start of a page and its table.
_AFTER = frozenset({"footer", "footer_image", "footnote", "vision_footnote", "number", "seal", "aside_text"})
_BEFORE = frozenset({"header", "header_image", "number", "seal", "aside_text"})
_CAPTIONS = frozenset({"figure_title", "table_title", "paragraph_title", "text"})
_CONTINUED = re.compile(
    r"\bcont(?:inued?|['’`]?d)\b|\(cont\.?\)|\bfortsetzung\b|\(suite\)|\bcontinuación\b|续|續", re.I
)
_MAX_CAPTION_CHARS = 120
# Tables of one width: PaddleX takes a tenth for the same as well.
_WIDTH_TOLERANCE = 0.1
_MAX_REPEATED_ROWS = 5


@dataclass(frozen=True)
class _Piece:
    """A table at the edge of a page: its index among the page's blocks, its grid, and its share of the page's width."""

    index: int
    table: Table
    width: float


@dataclass
class _Chain:
    """A table that may go on: where it begins, its first piece, and how many rows it has so far."""

    page_no: int
    first: _Piece
    rows: int


class TableJoiner:
    """Finds tables that go on over pages (`look`, every page in order), then applies that to each page (`joined`)."""

    def __init__(self) -> None:
        self._open: _Chain | None = None
        self._last_page = 0
        self._begins: dict[int, int] = {}
        self._goes_on: dict[int, list[int]] = {}

    def look(self, meta: Mapping[str, Any]) -> None:
        """Takes note of a page. Keeps the last table of it, if that may go on, and a number per joined page."""
        page_no = meta["page_no"]
        chain = self._open if self._last_page == page_no - 1 else None
        first, last = _first_piece(meta), _last_piece(meta)
        if chain is not None and first is not None and _belongs(first, chain):
            self._begins[page_no] = chain.page_no
            self._goes_on.setdefault(chain.page_no, []).append(page_no)
            chain.rows += len(first.table.rows)
            self._open = chain if last is not None and last.index == first.index else None
        else:
            self._open = None
        if self._open is None and last is not None:
            self._open = _Chain(page_no, last, len(last.table.rows))
        self._last_page = page_no

    def joined(self, meta: Mapping[str, Any], meta_of: Callable[[int], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Gives the page with `continues`, `continued_on` and `joined_table` set where its tables are parts of a whole.

        Args:
            meta: a page that was looked at.
            meta_of: gives another page that was looked at, by its number.
        """
        page_no = meta["page_no"]
        blocks: list[Block] = list(meta["blocks"])
        changed = False
        first, last = _first_piece(meta), _last_piece(meta)
        if page_no in self._begins and first is not None:
            blocks[first.index] = {**blocks[first.index], "continues": self._begins[page_no]}
            changed = True
        if page_no in self._goes_on and last is not None:
            following = self._goes_on[page_no]
            pieces = (_first_piece(meta_of(number)) for number in following)
            whole = _whole(last.table, [piece.table for piece in pieces if piece is not None])
            added = {"continued_on": following, "joined_table": whole}
            blocks[last.index] = {**blocks[last.index], **added}
            changed = True
        return {**meta, "blocks": blocks} if changed else meta


def _first_piece(meta: Mapping[str, Any]) -> _Piece | None:
    for block in in_reading_order(meta):
        if block["label"] == "table":
            return _piece(block, meta)
        if block["label"] not in _BEFORE and not _says_continued(block):
            return None
    return None


def _last_piece(meta: Mapping[str, Any]) -> _Piece | None:
    for block in reversed(in_reading_order(meta)):
        if block["label"] == "table":
            return _piece(block, meta)
        if block["label"] not in _AFTER:
            return None
    return None


def _piece(block: Block, meta: Mapping[str, Any]) -> _Piece | None:
    tables = parse_tables(block["html"])
    if len(tables) != 1 or tables[0].cut or not tables[0].columns:
        return None
    index = next(index for index, other in enumerate(meta["blocks"]) if other is block)
    return _Piece(index, tables[0], abs(block["bbox"][2] - block["bbox"][0]) / max(1, meta["width_px"]))


def _says_continued(block: Block) -> bool:
    """Tells whether a block is but a caption such as `Table 3 (continued)`."""
    text = block["text"].strip()
    return block["label"] in _CAPTIONS and len(text) <= _MAX_CAPTION_CHARS and bool(_CONTINUED.search(text))


def _belongs(piece: _Piece, chain: _Chain) -> bool:
    """Tells whether a table goes on with the one that is open: as many columns, as wide, no other head."""
    begin, table = chain.first.table, piece.table
    rows = chain.rows + len(table.rows)
    widths = sorted((piece.width, chain.first.width))
    return (
        table.columns == begin.columns
        and widths[1] - widths[0] <= _WIDTH_TOLERANCE * widths[0]
        and _own_head_rows(table) <= _repeated_rows(begin, table)
        and rows <= MAX_ROWS
        and rows * table.columns <= MAX_SLOTS
    )


def _own_head_rows(table: Table) -> int:
    """Gives how many rows of headings a table begins with."""
    headings = 0
    for row in table.rows:
        if not row or not all(cell.header for cell in row):
            break
        headings += 1
    return max(headings, table.head_rows)


def _repeated_rows(begin: Table, table: Table) -> int:
    """Gives how many rows of a table repeat the first rows of the one that it goes on with."""
    repeated = 0
    for ours, theirs in zip(begin.rows[:_MAX_REPEATED_ROWS], table.rows, strict=False):
        if not any(cell.text for cell in ours) or _row_key(ours) != _row_key(theirs):
            break
        repeated += 1
    # A cell that reaches below them holds them together with the next row.
    while repeated and any(cell.row + cell.rowspan > repeated for row in table.rows[:repeated] for cell in row):
        repeated -= 1
    return repeated


def _row_key(row: tuple[Any, ...]) -> list[tuple[str, int, int]]:
    return [("".join(unicodedata.normalize("NFKC", cell.text).split()), cell.column, cell.colspan) for cell in row]


def _whole(begin: Table, others: list[Table]) -> Table:
    """Gives one table with the rows of all, without headings that repeat those of the first."""
    rows = list(begin.rows)
    for table in others:
        dropped = _repeated_rows(begin, table)
        shift = len(rows) - dropped
        rows.extend(tuple(replace(cell, row=cell.row + shift) for cell in row) for row in table.rows[dropped:])
    return Table(tuple(rows), begin.head_rows, begin.columns, cut=False)
