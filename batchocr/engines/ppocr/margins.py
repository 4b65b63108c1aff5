"""Page numbers, running heads and stamps: lines at the edges of a page that are not part of the text.

What is named here is left out of the Markdown, so a line must show plainly what it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.geometry import overlap
from batchocr.engines.ppocr.paragraphs import Row
from batchocr.engines.ppocr.wording import is_page_number, is_wide

# Shares of the page height; a number alone in its row may stand further in.
MARGIN = 0.13
NUMBER_MARGIN = 0.2
MAX_CHARS = 120
# A share of the page width.
SIDE = 0.1
MIN_STAMP_CHARS = 3
_ADDRESS = re.compile(r"https?://|www\.|^\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b")


def find_stamps(rows: Sequence[Row], page_width: float) -> dict[int, str]:
    """Gives the lines that run up or down along a page's side, beside all its text: index to `aside_text`.

    Args:
        rows: of the page in any order, one `Row` per line. Chinese and Japanese may run down as running text.
        page_width: px.
    """
    level = [row.box for row in rows if not _is_upright(row)]
    stamps = [row for row in rows if _is_upright(row) and not any(is_wide(character) for character in row.text)]
    return {
        index: "aside_text"
        for row in stamps
        if not SIDE * page_width < (row.box[0] + row.box[2]) / 2 < (1 - SIDE) * page_width
        and level
        and not any(overlap(row.box[0], row.box[2], box[0], box[2]) for box in level)
        for index in row.lines
    }


def _is_upright(row: Row) -> bool:
    return len(row.text) > MIN_STAMP_CHARS and row.box[3] - row.box[1] > 3 * (row.box[2] - row.box[0])


def find_margin_rows(rows: Sequence[Sequence[Row]], obstacles: Sequence[BBox], page_height: float) -> dict[int, str]:
    """Gives the lines of page headers, footers and page numbers: index of the line to header, footer or number.

    Args:
        rows: rows of the whole page from top to bottom, each from left to right, one `Row` per line.
        obstacles: upright boxes of tables and figures; a row is in no margin if one of them stands beyond it.
        page_height: px.
    """
    labels: dict[int, str] = {}
    edges = [("header", rows[0], rows[1:2]), ("footer", rows[-1], rows[-2:-1])] if rows else []
    for label, edge, inner in edges:
        others = [row.box for members in inner for row in members] + list(obstacles)
        alone = len(edge) == 1 and is_page_number(edge[0].text)
        margin = (NUMBER_MARGIN if alone else MARGIN) * page_height
        if not others or not all(_is_in_margin(row, label, margin, page_height) for row in edge):
            continue
        names = _names(edge, label, _gap(edge, label, others))
        for row, name in zip(edge, names, strict=True):
            if name:
                labels.update(dict.fromkeys(row.lines, name))
    return labels


def _is_in_margin(row: Row, label: str, margin: float, page_height: float) -> bool:
    if label == "header":
        return row.box[3] <= margin
    return row.box[1] >= page_height - margin


def _gap(edge: Sequence[Row], label: str, others: Sequence[BBox]) -> float:
    """Gives the free height between a row and what comes next inwards, in heights of a letter.

    Beside a number alone in its row something may stand that reaches a little into its height.
    """
    if len(edge) == 1 and is_page_number(edge[0].text):
        left, _, right, _ = edge[0].box
        others = [box for box in others if overlap(box[0], box[2], left, right)]
        if not others:
            return math.inf
    height = max(1.0, *(row.height for row in edge))
    if label == "header":
        return (min(box[1] for box in others) - max(row.box[3] for row in edge)) / height
    return (min(row.box[1] for row in edge) - max(box[3] for box in others)) / height


def _names(edge: Sequence[Row], label: str, gap: float) -> list[str]:
    """Gives a label for each piece of a row, empty for text."""
    if gap < 0.2 or sum(len(row.text) for row in edge) > MAX_CHARS:
        return [""] * len(edge)
    numbers = [is_page_number(row.text) for row in edge]
    if any(numbers):
        return ["number" if number else label for number in numbers]
    if len(edge) > 1 and any(_ADDRESS.search(row.text) for row in edge):
        return [label] * len(edge)
    return [""] * len(edge)
