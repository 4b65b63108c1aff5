"""Tables without a full grid: entries that stand in columns, between level rules (booktabs) or with no rules at all.

Prose must never become a table, so rules or figures are asked for beside the alignment.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.geometry import Frame, holds, median, overlap, union
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.rulings import Rule, Rules
from batchocr.engines.ppocr.table_split import free_gaps
from batchocr.engines.ppocr.table_text import Token, tokens_of
from batchocr.engines.ppocr.tables import TableGrid, make_grid
from batchocr.engines.ppocr.wording import is_mark, is_number_like, looks_like_code

MAX_ENTRY_CHARS = 45
MIN_ROWS = 3


@dataclass(frozen=True)
class _Entry:
    """A stretch of a line without a wide gap in it; upright box, px."""

    text: str
    box: BBox

    @property
    def is_prose(self) -> bool:
        return len(self.text) > MAX_ENTRY_CHARS


_Row = list[_Entry]


def find_open_grids(lines: Sequence[Line], find_rules: Callable[[], Rules], frame: Frame) -> tuple[TableGrid, ...]:
    """Gives the grids that entries in columns form, from top to bottom.

    Args:
        lines: lines that belong to no other table.
        find_rules: gives the rules of the page; called only where entries stand side by side.
        frame: in which the lines are level.
    """
    rows = _rows([entry for index, line in enumerate(lines) for entry in _entries(index, line, frame)])
    grids: list[TableGrid] = []
    if sum(_is_tabular(row) for row in rows) < 2:
        return ()
    for region in _ruled_regions(find_rules()):
        inner = [kept for row in rows if (kept := [entry for entry in row if _is_inside(entry.box, region)])]
        for run in _runs(inner, 2):
            if not _is_in_any(run[0][0], grids):
                grids += _grids([run], frame, region)
    free = [kept for row in rows if (kept := [entry for entry in row if not _is_in_any(entry, grids)])]
    for run in _runs(free, MIN_ROWS):
        grids += _grids(_side_by_side(run), frame, None)
    return tuple(sorted(grids, key=lambda grid: (grid.bbox[1], grid.bbox[0])))


def _grids(parts: Sequence[list[_Row]], frame: Frame, region: BBox | None) -> list[TableGrid]:
    return [grid for part in parts if (grid := _grid(part, frame, region)) is not None]


def _is_inside(box: BBox, region: BBox) -> bool:
    return holds(region, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _is_in_any(entry: _Entry, grids: Sequence[TableGrid]) -> bool:
    return any(
        _is_inside(entry.box, (grid.col_edges[0], grid.row_edges[0], grid.col_edges[-1], grid.row_edges[-1]))
        for grid in grids
    )


def _entries(index: int, line: Line, frame: Frame) -> list[_Entry]:
    if not line.words:
        return [_Entry(line.text, frame.upright_line(line))]
    parts: list[list[Token]] = []
    right = -math.inf
    for token in sorted(tokens_of(index, line, frame), key=lambda token: token.box):
        if token.box[0] - right < 0.9 * max(line.height_px, 1.0):
            parts[-1].append(token)
            right = max(right, token.box[2])
        else:
            parts.append([token])
            right = token.box[2]
    return [_Entry(" ".join(token.text for token in part), union(token.box for token in part)) for part in parts]


def _rows(entries: Sequence[_Entry]) -> list[_Row]:
    rows: list[_Row] = []
    for entry in sorted(entries, key=lambda entry: (entry.box[1] + entry.box[3], entry.box)):
        if rows:
            first = rows[-1][0].box
            height = min(entry.box[3] - entry.box[1], first[3] - first[1])
            if (entry.box[1] + entry.box[3] - first[1] - first[3]) / 2 < 0.5 * height:
                rows[-1].append(entry)
                continue
        rows.append([entry])
    for row in rows:
        row.sort(key=lambda entry: (entry.box, entry.text))
    return rows


def _ruled_regions(rules: Rules) -> list[BBox]:
    """Gives the stretches between the first and last of level rules with equal ends, two at least, without frames."""
    groups: list[list[Rule]] = []
    for rule in rules.horizontal:
        if rule.end - rule.start < 12 * rules.unit:
            continue
        for group in groups:
            if abs(group[0].start - rule.start) <= rules.unit and abs(group[0].end - rule.end) <= rules.unit:
                group.append(rule)
                break
        else:
            groups.append([rule])
    regions = []
    for group in groups:
        half = rules.unit / 2
        region = (group[0].start - half, group[0].at, group[0].end + half, group[-1].at)
        if len(group) >= 2 and not _is_framed(region, rules):
            regions.append(region)
    return regions


def _is_framed(region: BBox, rules: Rules) -> bool:
    left, top, right, bottom = region
    sides = [
        min(abs(rule.at - left), abs(rule.at - right)) <= rules.unit
        and overlap(rule.start, rule.end, top, bottom) >= 0.7 * (bottom - top)
        for rule in rules.vertical
    ]
    return any(sides)


def _runs(rows: Sequence[_Row], min_rows: int) -> list[list[_Row]]:
    """Gives the stretches of rows that have several short entries each; a row with one may stand between them."""
    runs: list[list[_Row]] = []
    run: list[_Row] = []
    single: list[_Row] = []
    area: BBox = (0.0, 0.0, 0.0, 0.0)
    for row in rows:
        short = [entry for entry in row if not entry.is_prose]
        if run:
            height = run[-1][0].box[3] - run[-1][0].box[1]
            prose = any(entry.is_prose and overlap(entry.box[0], entry.box[2], area[0], area[2]) > 0 for entry in row)
            last = single[-1] if single else run[-1]
            if prose or len(single) > 2 or row[0].box[1] - last[0].box[3] > 2.2 * height:
                runs.append(run)
                run, single = [], []
        if _is_tabular(row):
            area = union([*([area] if run else []), *(entry.box for entry in short)])
            run += [*single, short]
            single = []
        elif run and short and overlap(short[0].box[0], short[0].box[2], area[0], area[2]) > 0:
            single.append(short)
    if run:
        runs.append(run)
    return [run for run in runs if sum(len(row) >= 2 for row in run) >= min_rows]


def _is_tabular(row: _Row) -> bool:
    """Tells whether several short entries stand in a row; a bullet with its item does not count."""
    short = [entry for entry in row if not entry.is_prose]
    return len(short) >= 2 and not is_mark(short[0].text)


def _side_by_side(run: list[_Row]) -> list[list[_Row]]:
    """Parts two tables that stand side by side: one gap is twice as wide as any other, with equal columns beside it."""
    boxes = [[entry.box for entry in row] for row in run]
    cols = _columns(boxes, 0.6, len(run) // 10)
    gaps = []
    for left in range(len(cols) - 1):
        before = [box[2] for row in boxes for box in row if cols[left] <= (box[0] + box[2]) / 2 < cols[left + 1]]
        after = [box[0] for row in boxes for box in row if (box[0] + box[2]) / 2 >= cols[left + 1]]
        if before and after:
            gaps.append((min(after) - max(before), left + 1))
    gaps.sort(reverse=True)
    if len(gaps) < 3 or gaps[0][0] < 2 * gaps[1][0] or gaps[0][1] * 2 != len(cols):
        return [run]
    cut = cols[gaps[0][1]]
    return [
        [kept for row in run if (kept := [entry for entry in row if entry.box[2] <= cut])],
        [kept for row in run if (kept := [entry for entry in row if entry.box[0] >= cut])],
    ]


def _columns(boxes: Sequence[Sequence[BBox]], min_gap: float, allowed: int) -> list[float]:
    """Gives the left edges of columns: the outermost left, then the middles of the gaps."""
    height = median([box[3] - box[1] for row in boxes for box in row], 0.0)
    return [min(box[0] for row in boxes for box in row), *free_gaps(boxes, min_gap * height, allowed)]


def _grid(rows: Sequence[_Row], frame: Frame, region: BBox | None) -> TableGrid | None:
    """Gives the grid of these rows if they make a table; `region` is what rules enclose, None without rules."""
    if len(rows) < (2 if region else MIN_ROWS):
        return None
    boxes = [[entry.box for entry in row] for row in rows]
    lefts = _columns(boxes, 0.6, max(len(rows) // 8, int(len(rows) >= 5)))
    columns: list[list[_Entry]] = [[] for _ in lefts]
    for row in rows:
        for entry in row:
            columns[max(bisect_right(lefts, (entry.box[0] + entry.box[2]) / 2) - 1, 0)].append(entry)
    if not _is_table(rows, columns, ruled=region is not None):
        return None
    everything = union(box for row in boxes for box in row)
    left = min(everything[0], region[0]) if region else everything[0]
    right = max(everything[2], region[2]) if region else everything[2]
    tops = [min(box[1] for box in row) for row in boxes]
    bottoms = [max(box[3] for box in row) for row in boxes]
    row_edges = [everything[1], *((bottoms[i] + tops[i + 1]) / 2 for i in range(len(rows) - 1)), everything[3]]
    row_edges = [max(row_edges[: i + 1]) for i in range(len(row_edges))]
    col_edges = [left, *lefts[1:], right]
    spans = []
    for index, members in enumerate(boxes):
        slack = 0.3 * (members[0][3] - members[0][1])
        spans += [(index, first, 1, last - first + 1) for first, last in _cells(members, col_edges, slack)]
    return make_grid(frame, row_edges, col_edges, spans)


def _is_table(rows: Sequence[_Row], columns: Sequence[Sequence[_Entry]], *, ruled: bool) -> bool:
    """Tells whether rows of short entries make a table; without rules at least one column must hold figures."""
    entries = [entry for row in rows for entry in row]
    several = sum(len(row) >= 2 for row in rows)
    full = [column for column in columns if len(column) >= 0.5 * (several if ruled else len(rows))]
    short = median([len(entry.text) for entry in entries], 0)
    code = sum(looks_like_code(" ".join(entry.text for entry in row)) for row in rows)
    if several < 0.6 * len(rows) or len(full) < 2 or code >= 0.3 * len(rows):
        return False
    if ruled:
        return short <= 30
    figures = [sum(_is_figure(entry.text) for entry in column) >= 0.6 * len(column) for column in full]
    return len(full) >= 3 and short <= 20 and any(figures[1:])


def _is_figure(text: str) -> bool:
    return is_number_like(text) or sum(character.isdigit() for character in text) >= 0.3 * len(text)


def _cells(row: Sequence[BBox], col_edges: Sequence[float], slack: float) -> list[tuple[int, int]]:
    """Gives (first column, last column) of the cells of a row; an entry that reaches over an edge joins columns."""
    last_col = len(col_edges) - 2
    joined: list[tuple[int, int]] = []
    for box in row:
        first = min(max(bisect_right(col_edges, box[0] + slack) - 1, 0), last_col)
        last = max(first, min(max(bisect_right(col_edges, box[2] - slack) - 1, 0), last_col))
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    cells, col = [], 0
    for first, last in joined:
        cells += [(empty, empty) for empty in range(col, first)]
        cells.append((first, last))
        col = last + 1
    return cells + [(empty, empty) for empty in range(col, last_col + 1)]
