"""Rows of text become paragraphs, headings, lists and code."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.geometry import median, union
from batchocr.engines.ppocr.wording import (
    ends_sentence,
    is_caption,
    is_mark,
    is_wide,
    item_kind,
    join_texts,
    looks_like_code,
    spaced_item,
    starts_item,
)

MAX_PITCH = 2.2
# Rows above and below that tell where a column ends.
NEAR = 12
# Rows this many times as high as running text are big; big ones of one paragraph differ by no more than this.
BIG = 1.15
BIG_TOLERANCE = 1.2
_SECTION = re.compile(r"^\s*\d{1,2}(?:\.\d{1,2}){1,4}\.?\s+[^\W\d_]")
_NUMBERED = re.compile(r"^\s*(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\S")


@dataclass(frozen=True)
class Row:
    """One row of text in one column.

    Attributes:
        text: its characters.
        box: in upright coordinates, px.
        height: height of its letters' line, px.
        bold: all of it is bold.
        lines: indexes of the lines it was joined from, left to right.
    """

    text: str
    box: BBox
    height: float
    bold: bool
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Paragraph:
    """Rows that belong together.

    Attributes:
        rows: from top to bottom, at least one.
        label: text, list, algorithm, paragraph_title or doc_title.
        level: heading level, else None.
    """

    rows: tuple[Row, ...]
    label: str = "text"
    level: int | None = None

    @property
    def text(self) -> str:
        """The running text; code keeps its lines, and each item of a list has one."""
        if self.label == "algorithm":
            return _code_text(self.rows)
        if self.label == "list":
            return "\n".join(spaced_item(join_texts(row.text for row in item)) for item in _items(self.rows))
        return join_texts(row.text for row in self.rows)

    @property
    def box(self) -> BBox:
        """Upright box, px."""
        return union(row.box for row in self.rows)


def body_height(rows: Sequence[Row]) -> float:
    """Gives the height of the page's running text, px: the median, every character counting."""
    total = sum(len(row.text) for row in rows)
    seen = 0
    for row in sorted(rows, key=lambda row: row.height):
        seen += len(row.text)
        if 2 * seen >= total:
            return max(row.height, 1.0)
    return 1.0


def build_paragraphs(rows: Sequence[Row], body: float, *, exact_heights: bool) -> list[Paragraph]:
    """Gives the paragraphs of one strip of rows.

    Args:
        rows: of one column, from top to bottom, without a table or figure between them.
        body: height of running text, px.
        exact_heights: heights come from a text layer, so small differences tell something.
    """
    groups: list[list[Row]] = []
    pitch = _usual_pitch(rows)
    tolerance = 1.12 if exact_heights else 1.35
    for index, row in enumerate(rows):
        alike = [near.box[2] for near in rows[max(0, index - NEAR) : index + NEAR] if _are_alike(near, row, tolerance)]
        if groups and _are_alike(groups[-1][-1], row, tolerance, body) and _goes_on(groups[-1], row, pitch, max(alike)):
            groups[-1].append(row)
        else:
            groups.append([row])
    return _with_lists_joined([_labelled(group, body, exact_heights) for group in _with_code_joined(groups)])


def goes_on_beside(above: Paragraph, below: Paragraph) -> bool:
    """Tells whether a paragraph that ends a column goes on in one that begins the next column."""
    last, first = above.rows[-1], below.rows[0]
    height = max(last.height, 1.0)
    is_next_column = first.box[0] > above.box[2] - height and first.box[1] < last.box[1]
    is_text = above.label in {"text", "list"} and below.label == "text"
    if not is_text or not is_next_column or is_caption(above.text) or is_caption(below.text):
        return False
    width = last.box[2] - last.box[0]
    is_full = width >= max(0.8 * (above.box[2] - above.box[0]), 0.6 * (first.box[2] - first.box[0]))
    if not is_full or len(above.rows) + len(below.rows) < 3 or not _are_alike(last, first, BIG_TOLERANCE):
        return False
    if is_wide(first.text[0]):
        is_indented = len(below.rows) > 1 and first.box[0] > below.rows[1].box[0] + 0.8 * height
        return len(above.rows) > 1 and is_wide(last.text[-1]) and not is_indented and not ends_sentence(last.text)
    return first.text[0].islower() and not ends_sentence(last.text)


def _usual_pitch(rows: Sequence[Row]) -> float:
    """Gives the usual distance from row to row, in heights of a row: the lower middle one of those that can be one."""
    distances = sorted(
        _distance(above, below) for above, below in pairwise(rows) if 0.7 <= _distance(above, below) <= 3.2
    )
    if not distances:
        return 1.5
    usual = distances[int(0.4 * (len(distances) - 1))]
    return min(usual, 3.0 if len(distances) >= 8 else MAX_PITCH)


def _distance(above: Row, below: Row) -> float:
    return ((below.box[1] + below.box[3]) - (above.box[1] + above.box[3])) / 2 / max(above.height, below.height, 1.0)


def _are_alike(row: Row, other: Row, tolerance: float, body: float = math.inf) -> bool:
    lower, higher = (row.height, other.height) if row.height < other.height else (other.height, row.height)
    # Titles and what stands below them differ plainly from the text, but less from one another.
    return higher <= (min(tolerance, BIG_TOLERANCE) if lower >= BIG * body else tolerance) * lower


def _goes_on(group: Sequence[Row], row: Row, pitch: float, right: float) -> bool:
    last = group[-1]
    if _distance(last, row) > 1.25 * pitch or row.box[0] >= last.box[2] or row.box[2] <= last.box[0]:
        return False
    captioned = is_caption(group[0].text)
    heads = len(group) == 1 and not _begins_item(group[0]) and not captioned
    # Labels along an axis stand in one row above the caption of their chart.
    if (captioned and looks_like_code(row.text)) or (len(last.lines) > 1 and is_caption(row.text)):
        return False
    if _begins_item(row) or (heads and last.bold != row.bold):
        return False
    height = max(row.height, 1.0)
    indent = row.box[0] - last.box[0]
    if _begins_item(group[0]):
        return row.box[0] >= group[0].box[0] - 0.5 * height and not (len(group) > 1 and abs(indent) > 1.5 * height)
    is_centred = abs((row.box[0] + row.box[2]) - (last.box[0] + last.box[2])) < height
    if is_centred:
        return True
    if indent > 0.8 * height and len(group) > 1:
        return False
    return not _ends_short(last, row, right)


def _begins_item(row: Row) -> bool:
    """Tells whether a row begins an item; a number that stands alone in its row is the end of a sentence."""
    return starts_item(row.text) and not is_mark(row.text)


def _ends_short(last: Row, row: Row, right: float) -> bool:
    """Tells whether a row stops although the next row's first word had room: the end of a paragraph."""
    first_word = row.text.split(" ", 1)[0]
    word_width = (row.box[2] - row.box[0]) * len(first_word) / max(1, len(row.text))
    room = right - last.box[2]
    ends = last.text.rstrip()[-1:] in tuple('.!?:;。！？：…”"')
    return room > (1.5 * word_width + 1.5 * row.height if ends else 3 * word_width + 6 * row.height)


def _items(rows: Sequence[Row]) -> list[list[Row]]:
    """Gives the rows of a list item by item."""
    items: list[list[Row]] = []
    for row in rows:
        if items and not _begins_item(row):
            items[-1].append(row)
        else:
            items.append([row])
    return items


def _with_lists_joined(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Joins neighbouring items whose marks are of one kind."""
    joined: list[Paragraph] = []
    for paragraph in paragraphs:
        before = joined[-1] if joined else None
        both_lists = before is not None and before.label == paragraph.label == "list"
        if before and both_lists and item_kind(before.rows[0].text) == item_kind(paragraph.rows[0].text):
            joined[-1] = Paragraph((*before.rows, *paragraph.rows), "list")
        else:
            joined.append(paragraph)
    return joined


def _with_code_joined(groups: Sequence[list[Row]]) -> list[list[Row]]:
    """Joins neighbouring groups that are source code: every line of it looks like a paragraph of its own."""
    joined: list[list[Row]] = []
    for group in groups:
        both = [*joined[-1], *group] if joined and not is_caption(joined[-1][0].text) else []
        close = bool(both) and group[0].box[1] - joined[-1][-1].box[3] < 2 * group[0].height
        if close and _code_lines(group) and _code_lines(both) >= 0.5 * len(both):
            joined[-1] = both
        else:
            joined.append(list(group))
    return joined


def _code_lines(rows: Sequence[Row]) -> int:
    return sum(looks_like_code(row.text) for row in rows)


def _code_text(rows: Sequence[Row]) -> str:
    """Gives code line by line, indented as it stands on the page."""
    widths = [(row.box[2] - row.box[0]) / len(row.text) for row in rows if row.text]
    step = max(median(widths, 1.0), 1.0)
    left = min(row.box[0] for row in rows)
    return "\n".join(" " * round((row.box[0] - left) / step) + row.text for row in rows)


def _labelled(rows: Sequence[Row], body: float, exact_heights: bool) -> Paragraph:
    if len(rows) >= 3 and _code_lines(rows) >= 0.5 * len(rows):
        return Paragraph(tuple(rows), "algorithm")
    level = heading_level(rows, body, exact_heights=exact_heights)
    if level is not None:
        return Paragraph(tuple(rows), "paragraph_title", level)
    if _begins_item(rows[0]):
        return Paragraph(tuple(rows), "list")
    return Paragraph(tuple(rows))


def heading_level(rows: Sequence[Row], body: float, *, exact_heights: bool) -> int | None:
    """Gives the level of a heading by its numbering or size, None for running text."""
    text = " ".join(row.text for row in rows).strip()
    letters = sum(character.isalpha() for character in text)
    # A stamp along the page's edge is no heading, however big.
    if any(row.box[3] - row.box[1] > 2 * (row.box[2] - row.box[0]) for row in rows):
        return None
    if len(rows) > 3 or len(text) > 160 or letters < 2 or text[-1:] in tuple(",;:"):
        return None
    ratio = median([row.height for row in rows], body) / body
    bold = all(row.bold for row in rows)
    numbered = _NUMBERED.match(text)
    bigger = ratio >= (1.12 if exact_heights else 1.3)
    least = 0.95 if exact_heights and not numbered else 0.8
    plain = bool(_SECTION.match(text)) and len(rows) == 1 and len(text) <= 80 and text[-1] not in ".。"
    if not bigger and not plain and not (bold and ratio >= least and len(rows) <= 2 and text[-1:] not in tuple(".。")):
        return None
    if starts_item(text) and not numbered:
        return None
    if numbered:
        return min(6, numbered[1].count(".") + 2)
    # Detected boxes are not exact enough to tell slightly bigger headings from bold ones.
    for level, size in ((1, 1.9), (2, 1.35), (3, 1.05 if exact_heights else 0.0)):
        if ratio >= size:
            return level
    return 4
