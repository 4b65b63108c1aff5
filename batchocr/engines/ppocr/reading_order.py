"""Reading order of boxes: a recursive cut into bands and columns.

Bands are cut where nothing stands at a height. Neighbouring bands that share a gutter with enough on both sides are
columns, read one after the other; all else is read row by row. Boxes must be upright (see `geometry.Frame`), and tables
and figures come as single boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchocr.datatypes import BBox

# In heights of a line. A narrow gutter counts where it runs far, a wide one also beside a few lines.
MIN_GUTTER = 0.3
WIDE_GUTTER = 0.6
MIN_COLUMN_HEIGHT = 2.5
MIN_NARROW_COLUMN_HEIGHT = 7.0
MAX_DEPTH = 24

Strip = list[list[int]]


@dataclass(frozen=True)
class _Columns:
    """A run of bands, the last one included, with a gutter through it that ends at `cut`."""

    last: int
    cut: float
    width: float


def reading_order(boxes: Sequence[BBox], height: float) -> list[Strip]:
    """Gives the boxes in reading order.

    Args:
        boxes: upright boxes; equal boxes keep the order in which they come.
        height: usual height of a line, px.

    Returns:
        Strips, each a list of rows from top to bottom, each a list of indexes from left to right. A strip never reaches
        over several columns. Every index appears exactly once.
    """
    strips: list[Strip] = []
    indexes = sorted(range(len(boxes)), key=lambda index: (boxes[index], index))
    _Cutter(boxes, max(height, 1.0), strips).cut(indexes, 0)
    return strips


class _Cutter:
    """The recursion, with what stays the same on every level."""

    def __init__(self, boxes: Sequence[BBox], height: float, strips: list[Strip]) -> None:
        self.boxes = boxes
        self.height = height
        self.strips = strips

    def cut(self, indexes: Sequence[int], depth: int) -> None:
        """Adds the strips of these boxes in reading order."""
        bands = self._bands(indexes)
        strip: Strip = []
        first = 0
        while first < len(bands):
            columns = self._columns(bands, first) if depth < MAX_DEPTH else None
            if columns is None:
                strip += self._rows(bands[first])
                first += 1
                continue
            run = [index for band in bands[first : columns.last + 1] for index in band]
            left = [index for index in run if self._middle(index) < columns.cut]
            right = [index for index in run if self._middle(index) >= columns.cut]
            if self._is_tabular(left, right):
                for band in bands[first : columns.last + 1]:
                    strip += self._rows(band)
            else:
                self._flush(strip)
                strip = []
                self.cut(left, depth + 1)
                self.cut(right, depth + 1)
            first = columns.last + 1
        self._flush(strip)

    def _flush(self, strip: Strip) -> None:
        if strip:
            self.strips.append(strip)

    def _middle(self, index: int) -> float:
        return (self.boxes[index][0] + self.boxes[index][2]) / 2

    def _centre(self, index: int) -> float:
        return (self.boxes[index][1] + self.boxes[index][3]) / 2

    def _bands(self, indexes: Sequence[int]) -> list[list[int]]:
        """Cuts at heights where nothing stands. Boxes are taken a little flatter: those of close lines overlap."""
        bands: list[list[int]] = []
        reach = 0.0
        spans = []
        for index in indexes:
            _, top, _, bottom = self.boxes[index]
            inset = min(0.15 * (bottom - top), 0.15 * self.height)
            spans.append((top + inset, bottom - inset, index))
        for top, bottom, index in sorted(spans):
            if bands and top < reach:
                bands[-1].append(index)
                reach = max(reach, bottom)
            else:
                bands.append([index])
                reach = bottom
        return bands

    def _rows(self, band: Sequence[int]) -> list[list[int]]:
        rows: list[list[int]] = []
        for index in sorted(band, key=lambda index: (self._centre(index), self.boxes[index], index)):
            if rows and self._centre(index) - self._centre(rows[-1][0]) < 0.5 * self.height:
                rows[-1].append(index)
            else:
                rows.append([index])
        for row in rows:
            row.sort(key=lambda index: (self.boxes[index], index))
        return rows

    def _columns(self, bands: Sequence[Sequence[int]], first: int) -> _Columns | None:
        """Gives the longest run of bands from `first` on that one gutter parts into columns."""
        best: _Columns | None = None
        for gap in self._gaps(self._start(bands, first)):
            columns = self._extend(bands, first, gap)
            if columns and (best is None or (columns.last, columns.width) > (best.last, best.width)):
                best = columns
        return best

    def _start(self, bands: Sequence[Sequence[int]], first: int) -> list[int]:
        """Gives the boxes among which a gutter may begin: lines of two columns need not stand at the same heights."""
        start = list(bands[first])
        for band in bands[first + 1 : first + 3]:
            gap = min(self.boxes[index][1] for index in band) - max(self.boxes[index][3] for index in start)
            if gap > 0.25 * self.height:
                break
            start += band
        return start

    def _gaps(self, band: Sequence[int]) -> list[tuple[float, float]]:
        gaps = []
        ordered = sorted(band, key=lambda index: (self.boxes[index], index))
        reach = self.boxes[ordered[0]][2]
        for index in ordered[1:]:
            left, _, right, _ = self.boxes[index]
            if left - reach >= MIN_GUTTER * self.height:
                gaps.append((reach, left))
            reach = max(reach, right)
        return gaps

    def _extend(self, bands: Sequence[Sequence[int]], first: int, gap: tuple[float, float]) -> _Columns | None:
        low, high = gap
        last = first
        for number in range(first, len(bands)):
            narrowed = self._narrowed(bands[number], low, high)
            if narrowed is None:
                break
            (low, high), last = narrowed, number
        cut = (low + high) / 2
        last = self._trimmed(bands, first, last, cut)
        wide = high - low >= WIDE_GUTTER * self.height
        least = (MIN_COLUMN_HEIGHT if wide else MIN_NARROW_COLUMN_HEIGHT) * self.height
        for side in (True, False):
            boxes = [self.boxes[i] for band in bands[first : last + 1] for i in band if (self._middle(i) < cut) == side]
            if max(box[3] for box in boxes) - min(box[1] for box in boxes) < least:
                return None
        return _Columns(last, cut, high - low)

    def _narrowed(self, band: Sequence[int], low: float, high: float) -> tuple[float, float] | None:
        """Gives what is left of a gutter beside the boxes of a band, None if it is too narrow."""
        for index in sorted(band, key=lambda index: (self.boxes[index], index)):
            left, _, right, _ = self.boxes[index]
            if right <= low or left >= high:
                continue
            low, high = (low, left) if left - low >= high - right else (right, high)
            if high - low < MIN_GUTTER * self.height:
                return None
        return low, high

    def _trimmed(self, bands: Sequence[Sequence[int]], first: int, last: int, cut: float) -> int:
        """Gives the last band of a run without a heading that stands at the left below both columns.

        Bands at the end that hold nothing right of the gutter belong to the left column where that goes on evenly, and
        to what follows where a wide gap parts them from it and the page goes on below.
        """
        if last == len(bands) - 1:
            return last
        tail = last + 1
        while tail - 1 > first and all(self._middle(index) < cut for index in bands[tail - 1]):
            tail -= 1
        for number in range(tail, last + 1):
            above = max(self.boxes[index][3] for band in bands[max(first, number - 3) : number] for index in band)
            if min(self.boxes[index][1] for index in bands[number]) - above > 0.6 * self.height:
                return number - 1
        return last

    def _is_tabular(self, left: Sequence[int], right: Sequence[int]) -> bool:
        """Tells whether two sides are labels with their values, row by row, not two columns of prose."""
        fewer, more = sorted((left, right), key=len)
        centres = sorted(self._centre(index) for index in more)
        paired, at = 0, 0
        for centre in sorted(self._centre(index) for index in fewer):
            while at + 1 < len(centres) and abs(centres[at + 1] - centre) <= abs(centres[at] - centre):
                at += 1
            paired += abs(centres[at] - centre) < 0.3 * self.height
        if paired < max(2, 0.8 * len(fewer)):
            return False
        return any(self._fullness(side) < 0.4 for side in (left, right))

    def _fullness(self, side: Sequence[int]) -> float:
        """Gives the share of lines that are about as wide as the widest: most of them are in prose."""
        widths = sorted(self.boxes[index][2] - self.boxes[index][0] for index in side)
        return sum(width >= 0.8 * widths[int(0.9 * (len(widths) - 1))] for width in widths) / len(widths)
