"""Boxes on a page that may lie a little askew.

A `Frame` turns page pixels into upright coordinates, in which rows of text and rules are level. Everything that
compares positions (tables, reading order, paragraphs) does so in such a frame; blocks come back in page pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.lines import Line

MAX_SKEW = math.radians(5)


@dataclass(frozen=True)
class Frame:
    """Upright coordinates of a page whose text climbs or falls by `angle` radians (clockwise is positive)."""

    angle: float = 0.0

    @cached_property
    def _turn(self) -> tuple[float, float]:
        return math.cos(self.angle), math.sin(self.angle)

    def upright(self, x: float, y: float) -> tuple[float, float]:
        """Gives the upright coordinates of a point of the page, px."""
        cos, sin = self._turn
        return x * cos + y * sin, y * cos - x * sin

    def page(self, u: float, v: float) -> tuple[float, float]:
        """Gives the point of the page, px, that has these upright coordinates."""
        cos, sin = self._turn
        return u * cos - v * sin, u * sin + v * cos

    def upright_box(self, bbox: BBox) -> BBox:
        """Gives a box of the page turned about its centre, its size kept."""
        if self.angle == 0.0:
            return bbox
        centre_u, centre_v = self.upright((bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2)
        half_width, half_height = (bbox[2] - bbox[0]) / 2, (bbox[3] - bbox[1]) / 2
        return centre_u - half_width, centre_v - half_height, centre_u + half_width, centre_v + half_height

    def upright_line(self, line: Line) -> BBox:
        """Gives the tight box of a line in upright coordinates."""
        if self.angle == 0.0:
            return line.bbox
        return bounds(self.upright(x, y) for x, y in line.polygon)

    def page_box(self, box: BBox) -> BBox:
        """Gives the axis-aligned box, px of the page, that holds an upright box."""
        u0, v0, u1, v1 = box
        return bounds(self.page(u, v) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1)))


def bounds(points: Iterable[tuple[float, float]]) -> BBox:
    """Gives the axis-aligned box around at least one point."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def union(boxes: Iterable[BBox]) -> BBox:
    """Gives the box around at least one box."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def overlap(a0: float, a1: float, b0: float, b1: float) -> float:
    """Gives the length that two intervals share, 0 where they are apart."""
    return max(0.0, min(a1, b1) - max(a0, b0))


def holds(box: BBox, x: float, y: float, margin: float = 0.0) -> bool:
    """Tells whether a point lies in a box that is widened by `margin`."""
    return box[0] - margin <= x <= box[2] + margin and box[1] - margin <= y <= box[3] + margin


def median(values: Sequence[float], default: float) -> float:
    """Gives the middle value (the upper one of two), or `default` for no values."""
    return sorted(values)[len(values) // 2] if values else default


def text_frame(lines: Sequence[Line]) -> Frame:
    """Gives the frame in which the page's lines are level: the median slope of lines that are long enough to tell."""
    slopes = []
    for line in lines:
        (x0, y0), (x1, y1) = line.polygon[0], line.polygon[1]
        if x1 - x0 > 4 * max(line.height_px, 1.0):
            slopes.append(math.atan2(y1 - y0, x1 - x0))
    angle = median(slopes, 0.0)
    return Frame(angle if abs(angle) <= MAX_SKEW else 0.0)
