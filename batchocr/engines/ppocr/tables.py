"""Ruled tables: the grid of cells that a page's rules draw, before any text is known.

Clusters of rules that touch one another become grids; where a rule is missing between two cells they are one cell.
Whether a grid is a table is decided later, when its cells have their text (`table_text`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batchocr.engines.ppocr.geometry import Frame, holds, median, overlap
from batchocr.engines.ppocr.rulings import Rule, Rules, find_rules

if TYPE_CHECKING:
    import numpy.typing as npt

    from batchocr.datatypes import BBox, Pixels

MAX_EDGES = 250


@dataclass(frozen=True)
class TableCell:
    """One cell of a table: where it begins, how many rows and columns it covers, and its box in px of the page."""

    row: int
    col: int
    rowspan: int
    colspan: int
    bbox: BBox


@dataclass(frozen=True)
class TableGrid:
    """Cells of one table.

    Attributes:
        bbox: the table, px of the page.
        frame: upright coordinates, in which the edges are given.
        row_edges: v of the edges from top to bottom, one more than there are rows.
        col_edges: u of the edges from left to right, one more than there are columns.
        cells: by row, then column; together they cover the grid, and none overlaps another.
    """

    bbox: BBox
    frame: Frame
    row_edges: tuple[float, ...]
    col_edges: tuple[float, ...]
    cells: tuple[TableCell, ...]

    def box_of(self, cell: TableCell) -> BBox:
        """Gives a cell's box in upright coordinates."""
        return (
            self.col_edges[cell.col],
            self.row_edges[cell.row],
            self.col_edges[cell.col + cell.colspan],
            self.row_edges[cell.row + cell.rowspan],
        )

    def place(self, u: float, v: float) -> tuple[int, int]:
        """Gives the row and column that an upright point lies in, the nearest ones for a point outside."""
        row = min(max(bisect_right(self.row_edges, v) - 1, 0), len(self.row_edges) - 2)
        col = min(max(bisect_right(self.col_edges, u) - 1, 0), len(self.col_edges) - 2)
        return row, col

    def owners(self) -> dict[tuple[int, int], TableCell]:
        """Gives the cell at every place (row, column) of the grid."""
        return {
            (row, col): cell
            for cell in self.cells
            for row in range(cell.row, cell.row + cell.rowspan)
            for col in range(cell.col, cell.col + cell.colspan)
        }

    def vertical_rules(self, bbox: BBox) -> tuple[float, ...]:
        """Gives where a line of text must be cut: x, in px of the page, of the rules between cells that run through.

        Args:
            bbox: box of a detected line, px of the page.

        Returns:
            Ascending x values inside the box; empty where the box lies outside the table or in a single cell.
        """
        u, v = self.frame.upright((bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2)
        outline = (self.col_edges[0], self.row_edges[0], self.col_edges[-1], self.row_edges[-1])
        if not holds((outline[0], outline[1], outline[2], outline[3]), min(max(u, outline[0]), outline[2]), v):
            return ()
        row, _ = self.place(u, v)
        xs = []
        for cell in self.cells:
            if cell.row <= row < cell.row + cell.rowspan:
                left, _, right, _ = self.box_of(cell)
                xs += [self.frame.page(edge, v)[0] for edge in (left, right)]
        return tuple(sorted({x for x in xs if bbox[0] < x < bbox[2]}))


def make_grid(
    frame: Frame, row_edges: Sequence[float], col_edges: Sequence[float], spans: Iterable[tuple[int, int, int, int]]
) -> TableGrid:
    """Builds a grid from its edges and the cells' (row, column, row span, column span), which must tile it."""
    cells = []
    for row, col, rowspan, colspan in sorted(spans):
        box = (col_edges[col], row_edges[row], col_edges[col + colspan], row_edges[row + rowspan])
        cells.append(TableCell(row, col, rowspan, colspan, frame.page_box(box)))
    bbox = frame.page_box((col_edges[0], row_edges[0], col_edges[-1], row_edges[-1]))
    return TableGrid(bbox, frame, tuple(row_edges), tuple(col_edges), tuple(cells))


def find_grids(pixels: Pixels) -> tuple[TableGrid, ...]:
    """Gives the grids that the rules of a page image draw, from top to bottom.

    Args:
        pixels: page image, BGR uint8, about 150 to 300 dpi; a skew of up to 2.5 degrees is followed.

    Returns:
        Grids of at least two rows and two columns. Frames, single rules and form fields give none; a chart's grid lines
        may give one, which `layout.analyze` refuses when it finds too little text in it.
    """
    return grids_of(find_rules(pixels))


def grids_of(rules: Rules) -> tuple[TableGrid, ...]:
    """Gives the grids that these rules draw, from top to bottom."""
    grids = []
    for horizontal, vertical in _clusters(rules):
        grid = _grid(rules, horizontal, vertical)
        if grid is not None:
            grids.append(grid)
    return tuple(sorted(grids, key=lambda grid: (grid.bbox[1], grid.bbox[0])))


def _clusters(rules: Rules) -> list[tuple[list[Rule], list[Rule]]]:
    """Groups rules that touch or cross one another."""
    near = 0.6 * rules.unit
    # Strokes of letters stand on underlines with one end; short rules of a table end at rules on both sides.
    vertical = _long_or_held(rules.vertical, 2.2 * rules.unit, rules.horizontal, near)
    horizontal = _long_or_held(rules.horizontal, 8 * rules.unit, vertical, near)
    if not horizontal or not vertical:
        return []
    across = np.array([(rule.at, rule.start - near, rule.end + near) for rule in horizontal])
    down = np.array([(rule.at, rule.start - near, rule.end + near) for rule in vertical])
    touch = (
        (across[:, None, 1] <= down[None, :, 0])
        & (down[None, :, 0] <= across[:, None, 2])
        & (down[None, :, 1] <= across[:, None, 0])
        & (across[:, None, 0] <= down[None, :, 2])
    )
    clusters = []
    free = set(range(len(across)))
    for first in range(len(across)):
        if first not in free:
            continue
        rows: set[int] = {first}
        cols: set[int] = set()
        todo = [first]
        while todo:
            new_cols = {int(col) for row in todo for col in np.nonzero(touch[row])[0]} - cols
            cols |= new_cols
            todo = sorted({int(row) for col in new_cols for row in np.nonzero(touch[:, col])[0]} - rows)
            rows |= set(todo)
        free -= rows
        if len(rows) + len(cols) >= 4 and cols:
            clusters.append(([horizontal[i] for i in sorted(rows)], [vertical[i] for i in sorted(cols)]))
    return clusters


def _edges(inner: Sequence[Rule], crossing: Sequence[Rule], unit: float) -> list[float]:
    """Gives the edges at the rules of one direction, and where the rules across stick out beyond them (open sides)."""
    edges: list[list[float]] = []
    for rule in sorted(inner, key=lambda rule: rule.at):
        if edges and rule.at - edges[-1][-1] <= 0.4 * unit:
            edges[-1].append(rule.at)
        else:
            edges.append([rule.at])
    middles = [sum(group) / len(group) for group in edges]
    before = [rule.start for rule in crossing if rule.start < middles[0] - unit]
    after = [rule.end for rule in crossing if rule.end > middles[-1] + unit]
    # One rule alone may be an underline that runs into the table.
    least = max(2, 0.3 * len(crossing))
    if len(before) >= least:
        middles.insert(0, median(before, 0.0))
    if len(after) >= least:
        middles.append(median(after, 0.0))
    return middles


def _long_or_held(rules: Sequence[Rule], long: float, crossing: Sequence[Rule], near: float) -> list[Rule]:
    """Gives the rules that are longer than `long`, or both ends of which lie at rules that cross them."""
    at, start, end = _columns(rules)
    cross_at, cross_start, cross_end = _columns(crossing)
    crosses = (cross_start - near <= at[:, None]) & (at[:, None] <= cross_end + near)
    held = [(crosses & (np.abs(cross_at - tip[:, None]) <= near)).any(axis=1) for tip in (start, end)]
    return [rules[int(place)] for place in np.flatnonzero((end - start > long) | (held[0] & held[1]))]


def _columns(rules: Sequence[Rule]) -> npt.NDArray[np.float64]:
    """Gives where rules stand, begin and end: float64, shape (3, n)."""
    table = np.array([(rule.at, rule.start, rule.end) for rule in rules], np.float64).reshape(-1, 3)
    return np.ascontiguousarray(table.T)


def _grid(rules: Rules, horizontal: Sequence[Rule], vertical: Sequence[Rule]) -> TableGrid | None:
    row_edges = _edges(horizontal, vertical, rules.unit)
    col_edges = _edges(vertical, horizontal, rules.unit)
    n_rows, n_cols = len(row_edges) - 1, len(col_edges) - 1
    if not (2 <= n_rows < MAX_EDGES and 2 <= n_cols < MAX_EDGES):
        return None
    parted_below = _parted(horizontal, row_edges, col_edges, rules.unit)
    parted_right = _parted(vertical, col_edges, row_edges, rules.unit).T
    spans = _spans(parted_below, parted_right)
    row_edges, col_edges, spans = _without_unused_edges(row_edges, col_edges, spans)
    places = (len(row_edges) - 1) * (len(col_edges) - 1)
    # Rules that meet by chance join most places to odd cells.
    if len(row_edges) < 3 or len(col_edges) < 3 or len(spans) < max(4, 0.4 * places):
        return None
    # Strokes of letters and underlines touch too, but none of them runs along most of what they form.
    width, height = col_edges[-1] - col_edges[0], row_edges[-1] - row_edges[0]
    long = sum(rule.end - rule.start >= 0.6 * width for rule in horizontal) >= 2
    tall = any(rule.end - rule.start >= min(0.6 * height, 4 * rules.unit) for rule in vertical)
    if width < 8 * rules.unit or height < 2 * rules.unit or not (long and tall):
        return None
    return make_grid(rules.frame, row_edges, col_edges, spans)


def _parted(
    rules: Sequence[Rule], positions: Sequence[float], stops: Sequence[float], unit: float
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Tells for every inner edge (first axis) and every stretch along it (second) whether a rule covers half of it."""
    covered = np.zeros((len(positions), len(stops) - 1))
    for rule in rules:
        edge = min(range(len(positions)), key=lambda i: abs(positions[i] - rule.at))
        for stretch in range(len(stops) - 1):
            covered[edge, stretch] += overlap(rule.start, rule.end, stops[stretch], stops[stretch + 1])
    lengths = np.maximum(np.diff(np.asarray(stops)), 1.0)
    parted: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = (covered / lengths)[1:-1] >= 0.5
    return parted


def _spans(
    parted_below: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    parted_right: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
) -> list[tuple[int, int, int, int]]:
    """Joins places that no rule parts into rectangular cells."""
    n_rows, n_cols = parted_below.shape[0] + 1, parted_below.shape[1]
    done = np.zeros((n_rows, n_cols), dtype=bool)
    spans = []
    for row in range(n_rows):
        for col in range(n_cols):
            if done[row, col]:
                continue
            right = col
            while right + 1 < n_cols and not parted_right[row, right] and not done[row, right + 1]:
                right += 1
            bottom = row
            # A cell goes on downwards as long as the row below is open above it and no rule cuts it there.
            while (
                bottom + 1 < n_rows
                and not parted_below[bottom, col : right + 1].any()
                and not done[bottom + 1, col : right + 1].any()
                and not parted_right[bottom + 1, col:right].any()
            ):
                bottom += 1
            done[row : bottom + 1, col : right + 1] = True
            spans.append((row, col, bottom - row + 1, right - col + 1))
    return spans


def _without_unused_edges(
    row_edges: Sequence[float], col_edges: Sequence[float], spans: Sequence[tuple[int, int, int, int]]
) -> tuple[list[float], list[float], list[tuple[int, int, int, int]]]:
    """Drops edges at which no cell begins, such as those of a rule that only sticks out."""
    rows = sorted({row for row, _, _, _ in spans} | {len(row_edges) - 1})
    cols = sorted({col for _, col, _, _ in spans} | {len(col_edges) - 1})
    new_row = {old: new for new, old in enumerate(rows)}
    new_col = {old: new for new, old in enumerate(cols)}
    kept = [
        (
            new_row[row],
            new_col[col],
            new_row[row + rowspan] - new_row[row],
            new_col[col + colspan] - new_col[col],
        )
        for row, col, rowspan, colspan in spans
    ]
    return [row_edges[row] for row in rows], [col_edges[col] for col in cols], kept
