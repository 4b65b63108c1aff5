"""Rules of a page: the straight lines that are drawn, found in the page image alone.

Own code on OpenCV morphology, because table libraries read PDFs instead of page images or need another OpenCV build.
Short runs of ink survive an opening however the page is turned by a degree or two; their ends tell the slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from batchocr.engines.ppocr.geometry import Frame, median

if TYPE_CHECKING:
    from batchocr.datatypes import BBox, Pixels

MAX_SLOPE = math.radians(2.5)
MAX_RULES = 1500
# A larger page is searched at half its size or less: the search takes ten bytes a pixel.
MAX_SEARCHED_PX = 16_000_000


@dataclass(frozen=True)
class Rule:
    """A straight rule in upright coordinates, px.

    Attributes:
        at: where it stands across its direction (v of a horizontal rule, u of a vertical one).
        start, end: where it begins and ends along its direction.
    """

    at: float
    start: float
    end: float


@dataclass(frozen=True)
class Rules:
    """All rules of a page.

    Attributes:
        frame: in which they are level and plumb.
        unit: a hundredth of the page's long side, px: about half the height of a table row.
        horizontal, vertical: sorted by position, then start.
    """

    frame: Frame
    unit: float
    horizontal: tuple[Rule, ...]
    vertical: tuple[Rule, ...]


def find_rules(pixels: Pixels) -> Rules:
    """Gives the rules of a page image (BGR uint8), thin ones and those in or around dark rows included."""
    height, width = pixels.shape[:2]
    times = math.ceil((height * width / MAX_SEARCHED_PX) ** 0.5)
    if times > 1:
        return _enlarged(
            find_rules(cv2.resize(pixels, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA)), times
        )
    unit = max(height, width) / 100
    if min(height, width) < 30:
        return no_rules(height, width)
    ink = _ink(pixels, max(15, int(0.9 * unit) | 1))
    level = _strokes(ink, unit)
    plumb = _strokes(np.ascontiguousarray(ink.T), unit)
    slopes = [(end - start, math.atan2(at1 - at0, end - start)) for start, at0, end, at1 in level]
    slopes += [(end - start, -math.atan2(at1 - at0, end - start)) for start, at0, end, at1 in plumb]
    angle = median([slope for length, slope in slopes if length > 10 * unit], 0.0)
    frame = Frame(angle if abs(angle) <= MAX_SLOPE else 0.0)
    horizontal = []
    for start, at0, end, at1 in level:
        (u0, v0), (u1, v1) = frame.upright(start, at0), frame.upright(end, at1)
        horizontal.append(Rule((v0 + v1) / 2, u0, u1))
    vertical = []
    for start, at0, end, at1 in plumb:
        (u0, v0), (u1, v1) = frame.upright(at0, start), frame.upright(at1, end)
        vertical.append(Rule((u0 + u1) / 2, v0, v1))
    return Rules(frame, unit, _joined(horizontal, unit), _joined(vertical, unit))


def no_rules(height: int, width: int) -> Rules:
    """Gives the rules of a page of this size, px, that has none."""
    return Rules(Frame(), max(height, width) / 100, (), ())


def rules_of(boxes: Sequence[BBox], height: int, width: int) -> Rules:
    """Gives the rules of a page of this size, px, that draws them as these boxes (`TextLayer.rules`)."""
    nothing = no_rules(height, width)
    unit = nothing.unit
    level = [Rule((y0 + y1) / 2, x0, x1) for x0, y0, x1, y1 in boxes if x1 - x0 >= y1 - y0]
    plumb = [Rule((x0 + x1) / 2, y0, y1) for x0, y0, x1, y1 in boxes if x1 - x0 < y1 - y0]
    horizontal, vertical = (
        tuple(rule for rule in _joined(rules, unit) if rule.end - rule.start >= _shortest(unit))
        for rules in (level, plumb)
    )
    return replace(nothing, horizontal=horizontal, vertical=vertical)


def _shortest(unit: float) -> float:
    """Gives the length of a rule, px, that a stroke of a letter does not have."""
    return max(1.3 * unit, 16)


def _enlarged(rules: Rules, times: int) -> Rules:
    """Gives the rules of a page that was searched at 1 / `times` its size."""

    def enlarge(found: Sequence[Rule]) -> tuple[Rule, ...]:
        return tuple(Rule(rule.at * times, rule.start * times, rule.end * times) for rule in found)

    return Rules(rules.frame, rules.unit * times, enlarge(rules.horizontal), enlarge(rules.vertical))


def _ink(pixels: Pixels, window: int) -> Pixels:
    """Gives 255 where a pixel is darker than its surroundings, or lighter amid dark ones (rules in a dark row)."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    mean = cv2.blur(gray, (window, window))
    dark = cv2.compare(cv2.subtract(mean, gray), 12, cv2.CMP_GT)
    light = cv2.bitwise_and(cv2.compare(cv2.subtract(gray, mean), 12, cv2.CMP_GT), cv2.compare(mean, 110, cv2.CMP_LT))
    ink: Pixels = cv2.bitwise_or(dark, light)
    return ink


def _strokes(ink: Pixels, unit: float) -> list[tuple[float, float, float, float]]:
    """Gives (x0, y0, x1, y1) of level strokes, the y's being the stroke's middle at its two ends."""
    run = max(12, round(unit))
    thick = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    runs = cv2.dilate(runs, np.ones((1, max(3, run // 4)), np.uint8))
    strokes = []
    # Outlines cost a twentieth of labelling every pixel of the page. Those of holes have a parent.
    outlines, tree = cv2.findContours(runs, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for number, outline in enumerate(outlines):
        x, y, length, height = cv2.boundingRect(outline)
        slim = height <= length * math.tan(MAX_SLOPE) + max(0.7 * unit, 11.0)
        if tree[0, number, 3] >= 0 or length < _shortest(unit) or not slim:
            continue
        patch = np.zeros((height, length), np.uint8)
        cv2.drawContours(patch, [outline], 0, 1, cv2.FILLED, offset=(-x, -y))
        patch[runs[y : y + height, x : x + length] == 0] = 0
        if cv2.countNonZero(patch) <= max(0.6 * unit, 10.0) * length:
            strokes.append((x, y, patch))
    strokes.sort(key=lambda stroke: (-stroke[2].shape[1], stroke[1], stroke[0]))
    return [_ends(*stroke) for stroke in strokes[:MAX_RULES]]


def _ends(x: int, y: int, patch: Pixels) -> tuple[float, float, float, float]:
    width = patch.shape[1]
    part = max(1, width // 10)
    first = float(np.mean(np.nonzero(patch[:, :part])[0]))
    last = float(np.mean(np.nonzero(patch[:, -part:])[0]))
    # The means stand half a part inside the ends.
    drift = (last - first) * part / max(1, 2 * (width - part))
    return float(x), y + first - drift, float(x + width), y + last + drift


def _joined(rules: Sequence[Rule], unit: float) -> tuple[Rule, ...]:
    """Joins pieces of one rule: neighbours at the same position with a small gap between them."""
    near, gap = max(0.2 * unit, 3.0), 0.5 * unit
    levels: list[list[Rule]] = []
    for rule in sorted(rules, key=lambda rule: (rule.at, rule.start, rule.end)):
        if levels and rule.at - levels[-1][-1].at <= near and rule.at - levels[-1][0].at <= 2 * near:
            levels[-1].append(rule)
        else:
            levels.append([rule])
    joined: list[Rule] = []
    for level in levels:
        level.sort(key=lambda rule: (rule.start, rule.end, rule.at))
        pieces = [level[0]]
        for rule in level[1:]:
            last = pieces[-1]
            if rule.start - last.end <= gap:
                longer = last if last.end - last.start >= rule.end - rule.start else rule
                pieces[-1] = Rule(longer.at, last.start, max(last.end, rule.end))
            else:
                pieces.append(rule)
        joined += pieces
    return tuple(sorted(joined, key=lambda rule: (rule.at, rule.start, rule.end)))
