"""Numbers of a list that stand by themselves, without a dot, in a column before the items' text."""

from __future__ import annotations

from collections.abc import Sequence

from batchocr.engines.ppocr.geometry import overlap
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.wording import is_wide

# Fewer may be anything: two notes, two values.
MIN_ITEMS = 3
MAX_ITEMS = 30
# A page with more is full of figures, and each 1 on it would be looked at.
MAX_NUMBERS = 100


def lone_numbers(lines: Sequence[Line], indexes: Sequence[int], reach: float) -> list[int]:
    """Gives the indexes of lines that are the numbers 1, 2, 3 … of a list, one below the other.

    Numbered lines of a text are none: there, some lines begin in the middle of a sentence.

    Args:
        lines: of the page.
        indexes: of those to look at.
        reach: an item's text begins at most this many heights behind its number.
    """
    numbers = [index for index in indexes if _is_number(lines[index].text.strip())]
    if len(numbers) > MAX_NUMBERS:
        return []
    numbers.sort(key=lambda index: (lines[index].bbox[1], lines[index].bbox[0]))
    for first in (index for index in numbers if int(lines[index].text) == 1):
        column = [first]
        for index in numbers:
            is_next = int(lines[index].text) == len(column) + 1 and lines[index].bbox[1] > lines[column[-1]].bbox[3]
            if is_next and _is_below(lines[index], lines[first]):
                column.append(index)
        if MIN_ITEMS <= len(column) <= MAX_ITEMS and _are_before_items(lines, indexes, column, reach):
            return column
    return []


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= len(str(MAX_ITEMS))


def _is_below(line: Line, first: Line) -> bool:
    near = 0.5 * max(first.height_px, 1.0)
    return abs(line.bbox[0] - first.bbox[0]) <= near or abs(line.bbox[2] - first.bbox[2]) <= near


def _are_before_items(lines: Sequence[Line], indexes: Sequence[int], column: Sequence[int], reach: float) -> bool:
    items = [_beside(lines, indexes, lines[index], reach) for index in column]
    starts = [item.bbox[0] for item in items if item is not None]
    begins = all(item is not None and _begins_sentence(item.text) for item in items)
    return begins and max(starts) - min(starts) <= 0.5 * max(lines[column[0]].height_px, 1.0)


def _beside(lines: Sequence[Line], indexes: Sequence[int], number: Line, reach: float) -> Line | None:
    """Gives the line whose text begins behind a number, at its height."""
    _, top, right, bottom = number.bbox
    beside = [
        lines[index]
        for index in indexes
        if right < lines[index].bbox[0] <= right + reach * max(bottom - top, 1.0)
        and 2 * overlap(top, bottom, lines[index].bbox[1], lines[index].bbox[3]) > bottom - top
    ]
    return min(beside, key=lambda line: line.bbox, default=None)


def _begins_sentence(text: str) -> bool:
    first = text.strip()[:1]
    return first.isupper() or is_wide(first)
