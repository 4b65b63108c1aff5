"""Text of a table: words go into the cells, open stretches are parted by their text, and the cells become HTML.

A grid without enough text in it is no table (a chart, a form, the frame of a text box).
"""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.geometry import Frame, holds, median
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.table_split import split_open_stretches
from batchocr.engines.ppocr.tables import TableCell, TableGrid
from batchocr.engines.ppocr.wording import join_texts


@dataclass(frozen=True)
class Token:
    """One word of a line.

    Attributes:
        text: its characters.
        box: in upright coordinates, px. A word of an OCR line stands where its share of the line's characters puts it.
        line: index of its line.
        bold: the text layer says so.
    """

    text: str
    box: BBox
    line: int
    bold: bool

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class FilledTable:
    """A table with its text.

    Attributes:
        grid: its cells.
        texts: text of each cell, in the order of `grid.cells`.
        header_rows: how many rows at the top are evidently headers (all bold above a body that is not).
        lines: indexes of the lines of which at least a part stands in the table.
    """

    grid: TableGrid
    texts: tuple[str, ...]
    header_rows: int
    lines: tuple[int, ...]


def tokens_of(index: int, line: Line, frame: Frame) -> list[Token]:
    """Gives the words of a line with their places in the upright coordinates of `frame`."""
    if line.words:
        return [Token(word.text, frame.upright_box(word.bbox), index, word.bold) for word in line.words]
    u0, v0, u1, v1 = frame.upright_line(line)
    step = (u1 - u0) / max(1, len(line.text))
    tokens, start = [], 0
    for part in line.text.split(" "):
        if part:
            box = (u0 + start * step, v0, u0 + (start + len(part)) * step, v1)
            tokens.append(Token(part, box, index, line.bold))
        start += len(part) + 1
    return tokens


def fill(
    grid: TableGrid, lines: Sequence[Line], taken: Collection[int] = (), *, ruled: bool = True
) -> FilledTable | None:
    """Puts the text of a page's lines into a grid's cells.

    Args:
        grid: a ruled or an aligned grid.
        lines: all lines of the page.
        taken: indexes of lines that belong to other tables.
        ruled: the grid was drawn by rules, so it may have open stretches that its text parts further.

    A line belongs to the table if at least half of its words stand in it, and then with all of them: no word is lost.

    Returns:
        The table, or None if there is too little text in it to be one.
    """
    outline = (grid.col_edges[0], grid.row_edges[0], grid.col_edges[-1], grid.row_edges[-1])
    tokens = []
    for index, line in enumerate(lines):
        box = grid.frame.upright_line(line)
        if index in taken:
            continue
        if box[2] > outline[0] and box[0] < outline[2] and box[3] > outline[1] and box[1] < outline[3]:
            words = tokens_of(index, line, grid.frame)
            if 2 * sum(holds(outline, *word.centre) for word in words) >= len(words):
                tokens += words
    if not tokens:
        return None
    if ruled:
        grid = split_open_stretches(grid, [(token.box, token.text) for token in tokens])
    owners = grid.owners()
    content: dict[TableCell, list[Token]] = {cell: [] for cell in grid.cells}
    for token in tokens:
        content[owners[grid.place(*token.centre)]].append(token)
    if not _is_table(grid, content):
        return None
    texts = tuple(_cell_text(content[cell]) for cell in grid.cells)
    return FilledTable(grid, texts, _header_rows(grid, content), tuple(sorted({token.line for token in tokens})))


def _is_table(grid: TableGrid, content: dict[TableCell, list[Token]]) -> bool:
    filled = [cell for cell in grid.cells if content[cell]]
    rows, cols = {cell.row for cell in filled}, {cell.col for cell in filled}
    if len(rows) < 2 or len(cols) < 2 or len(filled) < max(4, 0.4 * len(grid.cells)):
        return False
    # Frames around columns of prose: few cells, each with paragraphs in it.
    lines_per_cell = median([len({token.line for token in content[cell]}) for cell in filled], 0)
    return not (lines_per_cell >= 6 and len(filled) <= 8)


def _cell_text(tokens: Sequence[Token]) -> str:
    pieces: dict[int, list[Token]] = {}
    for token in tokens:
        pieces.setdefault(token.line, []).append(token)
    parts = [sorted(piece, key=lambda token: token.box) for piece in pieces.values()]
    parts.sort(key=lambda piece: (piece[0].centre[1], piece[0].box[0], piece[0].text))
    rows: list[list[list[Token]]] = []
    for part in parts:
        height = part[0].box[3] - part[0].box[1]
        if rows and part[0].centre[1] - rows[-1][0][0].centre[1] < 0.5 * height:
            rows[-1].append(part)
        else:
            rows.append([part])
    texts = []
    for row in rows:
        row.sort(key=lambda piece: piece[0].box[0])
        texts.append(join_texts((token.text for piece in row for token in piece), undo_hyphens=False))
    return join_texts(texts)


def _header_rows(grid: TableGrid, content: dict[TableCell, list[Token]]) -> int:
    """Counts rows at the top in which every word is bold, if the rest is mostly not."""
    n_rows = len(grid.row_edges) - 1
    bold_rows = 0
    for row in range(n_rows):
        words = [token for cell in grid.cells if cell.row == row for token in content[cell]]
        if not words or not all(token.bold for token in words):
            break
        bold_rows += 1
    rest = [token.bold for cell in grid.cells if cell.row >= bold_rows for token in content[cell]]
    return bold_rows if bold_rows <= 4 and rest and sum(rest) < 0.5 * len(rest) else 0


def table_rows(table: FilledTable) -> list[list[tuple[TableCell, str]]]:
    """Gives the cells with their text row by row; rows that hold nothing at all are left out."""
    rows: list[list[tuple[TableCell, str]]] = [[] for _ in range(len(table.grid.row_edges) - 1)]
    for cell, text in zip(table.grid.cells, table.texts, strict=True):
        rows[cell.row].append((cell, text))
    covered = {row for cell in table.grid.cells for row in range(cell.row, cell.row + cell.rowspan) if cell.rowspan > 1}
    return [cells for row, cells in enumerate(rows) if row in covered or any(text for _, text in cells)]


def table_html(table: FilledTable) -> str:
    """Gives the table as one line of HTML, its text escaped."""
    parts = ["<table>"]
    for row in table_rows(table):
        parts.append("<tr>")
        for cell, text in row:
            tag = "th" if cell.row < table.header_rows else "td"
            spans = f' rowspan="{cell.rowspan}"' if cell.rowspan > 1 else ""
            spans += f' colspan="{cell.colspan}"' if cell.colspan > 1 else ""
            parts.append(f"<{tag}{spans}>{html.escape(text, quote=False)}</{tag}>")
        parts.append("</tr>")
    parts.append("</table>")
    return "".join(parts)


def table_plain(table: FilledTable) -> str:
    """Gives the table as plain text: cells parted by tabs, rows by newlines."""
    return "\n".join("\t".join(text for _, text in row) for row in table_rows(table))
