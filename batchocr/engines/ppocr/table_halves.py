"""Tables that go on beside themselves: a long list set in two or more columns of the page is one table."""

from __future__ import annotations

from collections.abc import Sequence

from batchocr.engines.ppocr.geometry import overlap
from batchocr.engines.ppocr.table_text import FilledTable, table_html, table_plain, table_rows
from batchocr.engines.ppocr.wording import is_number_like

# Widths of the parts differ by no more than this share.
MAX_DIFFERENCE = 0.25
FIGURES = 0.6

Texts = list[list[str]]


def with_halves_joined(tables: Sequence[FilledTable]) -> list[tuple[FilledTable, ...]]:
    """Gives the tables from top to bottom, together those that are parts of one, which stand from left to right."""
    parts: list[tuple[FilledTable, ...]] = []
    for table in sorted(tables, key=lambda table: table.grid.bbox):
        for index, part in enumerate(parts):
            if _goes_on(part[-1], table):
                parts[index] = (*part, table)
                break
        else:
            parts.append((table,))
    return sorted(parts, key=lambda part: (part[0].grid.bbox[1], part[0].grid.bbox[0]))


def joined_html(parts: Sequence[FilledTable]) -> str:
    """Gives the parts of a table as one line of HTML; a header that parts repeat comes once."""
    rows = [table_html(part).removeprefix("<table>").removesuffix("</table>") for part in parts]
    later = [
        row.partition("</tr>")[2] if _repeats(parts[0], part) else row
        for row, part in zip(rows[1:], parts[1:], strict=True)
    ]
    return f"<table>{''.join([rows[0], *later])}</table>"


def joined_plain(parts: Sequence[FilledTable]) -> str:
    """Gives the parts of a table as plain text: cells parted by tabs, rows by newlines."""
    texts = [table_plain(part) for part in parts]
    later = [
        text.partition("\n")[2] if _repeats(parts[0], part) else text
        for text, part in zip(texts[1:], parts[1:], strict=True)
    ]
    return "\n".join([texts[0], *later])


def _repeats(first: FilledTable, part: FilledTable) -> bool:
    return _texts(first)[0] == _texts(part)[0]


def _goes_on(left: FilledTable, right: FilledTable) -> bool:
    """Tells whether a table begins and is built like the one to its left."""
    a, b = _box(left), _box(right)
    row_height = (a[3] - a[1]) / (len(left.grid.row_edges) - 1)
    if b[0] < a[2] or abs(a[1] - b[1]) > 0.5 * row_height or overlap(a[1], a[3], b[1], b[3]) < 0.3 * (a[3] - a[1]):
        return False
    if _is_taller(b, a, row_height) or abs((a[2] - a[0]) - (b[2] - b[0])) > MAX_DIFFERENCE * (a[2] - a[0]):
        return False
    here, there = _texts(left), _texts(right)
    if len({len(row) for row in (*here, *there)}) != 1 or len(here[0]) < 2:
        return False
    return _kinds(here) == _kinds(there) and (here[0] == there[0] or not (_has_header(here) or _has_header(there)))


def _box(table: FilledTable) -> tuple[float, float, float, float]:
    grid = table.grid
    return grid.col_edges[0], grid.row_edges[0], grid.col_edges[-1], grid.row_edges[-1]


def _is_taller(
    box: tuple[float, float, float, float], other: tuple[float, float, float, float], row_height: float
) -> bool:
    return box[3] - box[1] > other[3] - other[1] + 0.5 * row_height


def _texts(table: FilledTable) -> Texts:
    return [[text for _, text in row] for row in table_rows(table)]


def _kinds(rows: Texts) -> list[bool]:
    """Tells for each column whether it holds figures."""
    columns = [[text for text in column if text] for column in zip(*rows, strict=True)]
    return [sum(map(is_number_like, column)) >= FIGURES * max(1, len(column)) for column in columns]


def _has_header(rows: Texts) -> bool:
    """Tells whether the first row is of another kind than the rest: a word over figures."""
    return any(kind and text and not is_number_like(text) for kind, text in zip(_kinds(rows), rows[0], strict=True))
