"""Page numbers and running heads: rows at the very top or bottom that are not part of the text.

What is named here is left out of the Markdown, so a row must show plainly what it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.paragraphs import Row
from batchocr.engines.ppocr.wording import is_page_number

# Shares of the page height; a number alone in its row may stand further in.
MARGIN = 0.13
NUMBER_MARGIN = 0.2
MAX_CHARS = 120
_ADDRESS = re.compile(r"https?://|www\.|^\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b")


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
    """Gives the free height between a row and what comes next inwards, in heights of a letter."""
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
