"""Parts the open stretches of a ruled table by their text: rows and columns between which no rule was drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.geometry import median
from batchocr.engines.ppocr.tables import TableCell, TableGrid, make_grid
from batchocr.engines.ppocr.wording import is_leader, is_number_like

# Two lines stand in a cell at least this many times as high as one of their boxes; detected boxes overlap.
MIN_STACK = 1.5

Word = tuple[BBox, str]
Span = tuple[int, int, int, int]
Content = dict[tuple[int, int], list[Word]]


def split_open_stretches(grid: TableGrid, words: Sequence[Word]) -> TableGrid:
    """Gives the grid with further row and column edges where the words stand in rows and columns of their own.

    Args:
        grid: the table as its rules draw it.
        words: box (upright, px) and text of the words in it.
    """
    # Backwards, so that the places of what is still to come stay as they are.
    content = _content(grid, words)
    for row in reversed(range(len(grid.row_edges) - 1)):
        grid = _split_row(grid, row, content)
    content = _content(grid, words)
    for col in reversed(range(len(grid.col_edges) - 1)):
        grid = _split_col(grid, col, content)
    return grid


def _content(grid: TableGrid, words: Sequence[Word]) -> Content:
    """Gives the words in each cell by the row and column at which it begins."""
    owners = grid.owners()
    content: Content = {(cell.row, cell.col): [] for cell in grid.cells}
    for box, text in words:
        cell = owners[grid.place((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)]
        content[cell.row, cell.col].append((box, text))
    return content


def text_rows(boxes: Sequence[BBox]) -> list[tuple[float, float]]:
    """Gives (top, bottom) of the rows that boxes stand in, from top to bottom; dots and dashes make no row."""
    heights = sorted(box[3] - box[1] for box in boxes)
    usual = heights[int(0.95 * (len(heights) - 1))] if heights else 0.0
    rows: list[list[BBox]] = []
    for box in sorted(boxes, key=lambda box: (box[1] + box[3], box)):
        if box[3] - box[1] < 0.5 * usual:
            continue
        centre = (box[1] + box[3]) / 2
        if rows:
            reference = rows[-1][0]
            if centre - (reference[1] + reference[3]) / 2 < 0.5 * min(box[3] - box[1], reference[3] - reference[1]):
                rows[-1].append(box)
                continue
        rows.append([box])
    return [(median([box[1] for box in row], 0.0), median([box[3] for box in row], 0.0)) for row in rows]


def _split_row(grid: TableGrid, row: int, content: Content) -> TableGrid:
    cells = [cell for cell in grid.cells if cell.row == row and cell.rowspan == 1]
    inside = {cell: content[cell.row, cell.col] for cell in cells}
    height = median([box[3] - box[1] for words in inside.values() for box, _ in words], 0.0)
    if height == 0.0 or grid.row_edges[row + 1] - grid.row_edges[row] < MIN_STACK * height:
        return grid
    stacks = {cell: text_rows([box for box, _ in inside[cell]]) for cell in cells if inside[cell]}
    tall = [cell for cell, stack in stacks.items() if len(stack) >= 2]
    rows = text_rows([box for cell in tall for box, _ in inside[cell]])
    if len(rows) < 2 or len(tall) < 2 or len(tall) < 0.5 * len(stacks):
        return grid
    fullness = sum(len(stacks[cell]) for cell in tall) / (len(rows) * len(tall))
    if fullness < 0.75 or not _is_data(grid, row, tall, inside):
        return grid
    edges = [(rows[i][1] + rows[i + 1][0]) / 2 for i in range(len(rows) - 1)]
    middles = [(first + last) / 2 for first, last in rows]
    spanning = set()
    for cell, stack in stacks.items():
        centre = (stack[0][0] + stack[0][1]) / 2
        if len(stack) == 1 and min(abs(centre - middle) for middle in middles) > 0.3 * height:
            spanning.add(cell)
    return _with_rows(grid, row, edges, spanning)


def _is_data(
    grid: TableGrid, row: int, cells: Sequence[TableCell], content: Mapping[TableCell, Sequence[Word]]
) -> bool:
    """Tells whether a band holds figures, or short entries that make up most of the table: not wrapped prose."""
    texts = [text for cell in cells for _, text in content[cell]]
    if sum(is_number_like(text) for text in texts) >= 0.5 * len(texts):
        return True
    fills = []
    for cell in cells:
        u0, _, u1, _ = grid.box_of(cell)
        for top, bottom in text_rows([box for box, _ in content[cell]]):
            boxes = [box for box, _ in content[cell] if top <= (box[1] + box[3]) / 2 <= bottom]
            if boxes:
                fills.append((max(box[2] for box in boxes) - min(box[0] for box in boxes)) / max(u1 - u0, 1.0))
    share = (grid.row_edges[row + 1] - grid.row_edges[row]) / max(grid.row_edges[-1] - grid.row_edges[0], 1.0)
    return share >= 0.5 and len(fills) >= 3 * len(cells) and median(fills, 1.0) < 0.6


def _with_rows(grid: TableGrid, row: int, edges: Sequence[float], spanning: set[TableCell]) -> TableGrid:
    extra = len(edges)
    spans: list[Span] = []
    for cell in grid.cells:
        if cell.row <= row < cell.row + cell.rowspan:
            if cell.rowspan == 1 and cell not in spanning:
                spans += [(row + i, cell.col, 1, cell.colspan) for i in range(extra + 1)]
            else:
                spans.append((cell.row, cell.col, cell.rowspan + extra, cell.colspan))
        else:
            spans.append((cell.row + extra * (cell.row > row), cell.col, cell.rowspan, cell.colspan))
    row_edges = [*grid.row_edges[: row + 1], *edges, *grid.row_edges[row + 1 :]]
    return make_grid(grid.frame, row_edges, grid.col_edges, spans)


def free_gaps(rows: Sequence[Sequence[BBox]], width: float, allowed: int) -> list[float]:
    """Gives where vertical gaps run through rows of boxes, as few boxes as can be crossing there.

    Args:
        rows: boxes of each row.
        width: a gap is at least this wide, px.
        allowed: as many boxes may cross a gap.
    """
    changes: dict[float, int] = {}
    for row in rows:
        for box in row:
            changes[box[0]] = changes.get(box[0], 0) + 1
            changes[box[2]] = changes.get(box[2], 0) - 1
    gaps: list[float] = []
    stops = sorted(changes)
    cover = 0
    # Start, end and crossing boxes of each stretch of the gap at hand.
    gap: list[tuple[float, float, int]] = []
    for start, end in pairwise(stops):
        cover += changes[start]
        if cover <= allowed and start > stops[0]:
            gap.append((start, end, cover))
        if gap and (cover > allowed or end == stops[-1]):
            if gap[-1][1] - gap[0][0] >= width and cover > allowed:
                gaps.append(_clearest(gap))
            gap = []
    return gaps


def _clearest(gap: Sequence[tuple[float, float, int]]) -> float:
    """Gives the middle of the widest of those stretches of a gap that the fewest boxes cross: headers may reach in."""
    fewest = min(cover for _, _, cover in gap)
    start, end, _ = max(
        (stretch for stretch in gap if stretch[2] == fewest), key=lambda stretch: stretch[1] - stretch[0]
    )
    return (start + end) / 2


def _split_col(grid: TableGrid, col: int, content: Content) -> TableGrid:
    cells = [cell for cell in grid.cells if cell.col == col and cell.colspan == 1]
    inside = {cell: [word for word in content[cell.row, cell.col] if not is_leader(word[1])] for cell in cells}
    rows = [[box for box, _ in words] for words in inside.values() if words]
    if len(rows) < 5:
        return grid
    height = median([box[3] - box[1] for row in rows for box in row], 0.0)
    edges: list[float] = []
    figures = sum(is_number_like(text) for words in inside.values() for _, text in words)
    # A space stands between words, too; only figures stand that close in columns of their own.
    least = 0.4 if figures >= 0.8 * sum(len(row) for row in rows) else 1.0
    for edge in free_gaps(rows, least * height, len(rows) // 10):
        both = sum(any(box[2] <= edge + 1 for box in row) and any(box[0] >= edge - 1 for box in row) for row in rows)
        if both >= max(4, 0.6 * len(rows)):
            edges.append(edge)
    if not edges:
        return grid
    whole = {cell for cell in cells if not _parts_well(grid, cell, [box for box, _ in inside[cell]], edges)}
    return _with_cols(grid, col, edges, whole)


def _parts_well(grid: TableGrid, cell: TableCell, boxes: Sequence[BBox], edges: Sequence[float]) -> bool:
    """Tells whether a cell can be cut at the edges: no word crosses one, and it is not a header over all the parts."""
    if any(min(edge - box[0], box[2] - edge) > 0.35 * (box[2] - box[0]) for edge in edges for box in boxes):
        return False
    parts = {bisect_right(edges, (box[0] + box[2]) / 2) for box in boxes}
    if len(parts) != 1:
        return True
    u0, _, u1, _ = grid.box_of(cell)
    middle = (min(box[0] for box in boxes) + max(box[2] for box in boxes)) / 2
    return abs(middle - (u0 + u1) / 2) > 0.1 * (u1 - u0)


def _with_cols(grid: TableGrid, col: int, edges: Sequence[float], whole: set[TableCell]) -> TableGrid:
    extra = len(edges)
    spans: list[Span] = []
    for cell in grid.cells:
        if cell.col <= col < cell.col + cell.colspan:
            if cell.colspan == 1 and cell not in whole:
                spans += [(cell.row, col + i, cell.rowspan, 1) for i in range(extra + 1)]
            else:
                spans.append((cell.row, cell.col, cell.rowspan, cell.colspan + extra))
        else:
            spans.append((cell.row, cell.col + extra * (cell.col > col), cell.rowspan, cell.colspan))
    col_edges = [*grid.col_edges[: col + 1], *edges, *grid.col_edges[col + 1 :]]
    return make_grid(grid.frame, grid.row_edges, col_edges, spans)
