"""Reads an engine's HTML tables into a grid, and writes the only HTML that our Markdown holds.

The HTML is hostile: sizes and spans are bounded, everything but the text of cells is thrown away, and what is written
is `table`, `thead`, `tbody`, `tr`, `td`, `th` with whole-numbered spans and escaped text.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from batchocr.outputs.escaping import clean_text

MAX_HTML_CHARS = 1_000_000
MAX_ROWS = 20_000
MAX_COLUMNS = 1_000
# A handful of cells with huge spans would make a grid of millions.
MAX_SLOTS = 500_000
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
_LINE_BREAKING = frozenset({"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table"})


@dataclass(frozen=True)
class Cell:
    """One cell: its place in the grid (from 0), its spans (at least 1), its text with newlines, and its role."""

    row: int
    column: int
    rowspan: int
    colspan: int
    text: str
    header: bool


@dataclass(frozen=True)
class Table:
    """A grid of cells that do not overlap.

    Attributes:
        rows: cells by the row that they start in, from left to right.
        head_rows: how many of the first rows stand in the table's head.
        columns: width of the grid.
        cut: the table was larger than the limits of this module, so something is missing.
    """

    rows: tuple[tuple[Cell, ...], ...]
    head_rows: int
    columns: int
    cut: bool


@dataclass
class _RawCell:
    header: bool
    rowspan: int
    colspan: int
    pieces: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = clean_text("".join(self.pieces)).split("\n")
        return "\n".join(" ".join(line.split()) for line in lines).strip("\n")


@dataclass
class _RawTable:
    rows: list[list[_RawCell]] = field(default_factory=list)
    head_rows: int = 0
    cut: bool = False


def parse_tables(source: str) -> list[Table]:
    """Gives the tables of a piece of HTML, in order; a table within a cell becomes text of that cell."""
    if not source:
        return []
    reader = _TableReader()
    # `<![` is the one thing on which the standard library's parser raises.
    reader.feed(source[:MAX_HTML_CHARS].replace("<![", "&lt;!["))
    reader.close()
    too_long = len(source) > MAX_HTML_CHARS
    return [_placed(raw, cut=raw.cut or too_long) for raw in reader.tables if raw.rows]


def render_table(table: Table) -> str:
    """Gives a table as HTML without blank lines, so that Markdown takes it as one block."""
    lines = ["<table>"]
    if table.head_rows:
        lines.append("<thead>")
    for number, row in enumerate(table.rows):
        if table.head_rows and number == table.head_rows:
            lines.extend(("</thead>", "<tbody>"))
        lines.append(f"<tr>{''.join(_render_cell(cell) for cell in row)}</tr>")
    if table.head_rows:
        lines.append("</tbody>" if len(table.rows) > table.head_rows else "</thead>")
    lines.append("</table>")
    return "\n".join(lines)


def _render_cell(cell: Cell) -> str:
    tag = "th" if cell.header else "td"
    spans = "".join(
        f' {name}="{span}"' for name, span in (("rowspan", cell.rowspan), ("colspan", cell.colspan)) if span > 1
    )
    return f"<{tag}{spans}>{html.escape(cell.text, quote=False).replace(chr(10), '<br>')}</{tag}>"


def _placed(raw: _RawTable, *, cut: bool) -> Table:
    """Gives each cell its place, as a browser does, with spans that end at the table's edge or at another cell."""
    blocked_until: dict[int, int] = {}
    rows = []
    columns = slots = 0
    for row, cells in enumerate(raw.rows):
        placed = []
        column = 0
        for cell in cells:
            while blocked_until.get(column, 0) > row:
                column += 1
            if column >= MAX_COLUMNS:
                cut = True
                break
            width = 1
            while width < cell.colspan and column + width < MAX_COLUMNS and blocked_until.get(column + width, 0) <= row:
                width += 1
            height = min(cell.rowspan, len(raw.rows) - row)
            if slots + width * height > MAX_SLOTS:
                cut, width, height = True, 1, 1
            slots += width * height
            blocked_until.update(dict.fromkeys(range(column, column + width), row + height))
            placed.append(Cell(row, column, height, width, cell.text(), cell.header))
            column += width
        rows.append(tuple(placed))
        columns = max(columns, column)
    return Table(tuple(rows), min(raw.head_rows, len(rows)), columns, cut)


class _TableReader(HTMLParser):
    """Collects the cells of the outermost tables."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[_RawTable] = []
        self._depth = 0
        self._in_head = False
        self._unseen = 0
        self._cell: _RawCell | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.tables.append(_RawTable())
                self._in_head, self._cell = False, None
        elif tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self._add("\n")
        elif self._depth == 1:
            self._start_part(tag, dict(attrs))
        elif tag in ("td", "th"):
            self._add(" ")
        if tag in _LINE_BREAKING:
            self._break_line()

    def handle_endtag(self, tag: str) -> None:
        if tag in _LINE_BREAKING:
            self._break_line()
        if tag == "table":
            self._depth = max(0, self._depth - 1)
            if self._depth == 0:
                self._cell = None
        elif tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif self._depth == 1 and tag in ("td", "th", "tr"):
            self._cell = None
        elif self._depth == 1 and tag == "thead":
            self._in_head = False

    def handle_data(self, data: str) -> None:
        self._add(re.sub(r"\s+", " ", data))

    def _start_part(self, tag: str, attributes: dict[str, str | None]) -> None:
        table = self.tables[-1]
        if tag == "thead":
            self._in_head = not table.rows
        elif tag == "tbody":
            self._in_head = False
        elif tag == "tr":
            self._start_row(table)
        elif tag in ("td", "th"):
            if not table.rows:
                self._start_row(table)
            if len(table.rows[-1]) >= MAX_COLUMNS or table.cut:
                table.cut, self._cell = True, None
                return
            self._cell = _RawCell(tag == "th", _span(attributes, "rowspan"), _span(attributes, "colspan"))
            table.rows[-1].append(self._cell)

    def _start_row(self, table: _RawTable) -> None:
        self._cell = None
        if len(table.rows) >= MAX_ROWS:
            table.cut = True
            return
        table.rows.append([])
        table.head_rows += self._in_head

    def _break_line(self) -> None:
        if self._cell is not None and self._cell.pieces and not self._cell.pieces[-1].endswith("\n"):
            self._add("\n")

    def _add(self, text: str) -> None:
        if self._cell is not None and not self._unseen:
            self._cell.pieces.append(text)


def _span(attributes: dict[str, str | None], name: str) -> int:
    """Gives a span between 1 and the limit; nonsense is 1."""
    value = (attributes.get(name) or "").strip()
    if not re.fullmatch(r"[0-9]{1,6}", value):
        return 1
    return min(max(1, int(value)), MAX_ROWS if name == "rowspan" else MAX_COLUMNS)
