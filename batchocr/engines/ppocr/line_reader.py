"""Reads the lines of a page image by OCR: detection, cuts at the rules of tables, recognition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from batchocr.datatypes import TextWord
from batchocr.engines.ppocr.detection import Detector, Quad, short_side
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.orientation import quarter_turns, turned_pixels
from batchocr.engines.ppocr.recognition import Reading, Recognizer, crop
from batchocr.engines.ppocr.tables import TableGrid
from batchocr.engines.ppocr.wording import is_wide

if TYPE_CHECKING:
    import numpy.typing as npt

    from batchocr.datatypes import BBox, Pixels

    Grey = npt.NDArray[np.uint8]

# A piece narrower than this, between two rules, holds no character.
MIN_PIECE_PX = 4.0
# A row of a table is at least this many times as high as a line in it; detected boxes are generous.
MIN_ROW_HEIGHT = 0.7
# A rule may lean, fade and break a little.
RULE_REACH_PX = 4
RULE_CONTRAST = 32
RULE_SHARE = 0.9
# A line is bold if its stems are this many times as heavy as those of most characters on its page.
BOLD = 1.3


@dataclass(frozen=True)
class LineReader:
    """Reads lines.

    Attributes:
        detector: finds lines.
        recognizer: reads them.
        drop_score: lines read with a lower mean confidence, 0 to 1, are dropped.
    """

    detector: Detector
    recognizer: Recognizer
    drop_score: float

    def find(self, pixels: Pixels) -> tuple[Pixels, int, list[Quad]]:
        """Gives the page upright, the quarter turns counterclockwise (0 to 3) that this took, and where its lines are.

        Raises:
            EngineError: a network failed.
        """
        quads = self.detector(pixels)
        turns = quarter_turns(pixels, quads, self.recognizer)
        if turns == 0:
            return pixels, 0, quads
        upright = turned_pixels(pixels, turns)
        return upright, turns, self.detector(upright)

    def read(self, pixels: Pixels, quads: Sequence[Quad], grids: Iterable[TableGrid]) -> list[Line]:
        """Gives the lines of an upright page, from top to bottom.

        Args:
            pixels: BGR, uint8, shape (height, width, 3).
            quads: its lines, as detected.
            grids: ruled tables; a line that runs across a rule between two cells is cut there.

        Raises:
            EngineError: a network failed.
        """
        tables = tuple(grids)
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        pieces = [piece for quad in quads for piece in _cut(quad, tables, grey)]
        readings = self.recognizer(pixels, pieces)
        found = [
            (piece, reading)
            for piece, reading in zip(pieces, readings, strict=True)
            if reading.text and reading.score >= self.drop_score
        ]
        usual = _usual_weights([reading for _, reading in found])
        return [_line(piece, reading, bold=_is_bold(reading, usual)) for piece, reading in found]

    def read_boxes(self, pixels: Pixels, boxes: Sequence[BBox]) -> list[str]:
        """Gives what is written in boxes of an upright page, px; "" where nothing can be read.

        Raises:
            EngineError: a network failed.
        """
        readings = (self.recognizer.read(crop(pixels, _corners(box))) for box in boxes)
        return [reading.text if reading.score >= self.drop_score else "" for reading in readings]


def _corners(box: BBox) -> Quad:
    x0, y0, x1, y1 = box
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


def _cut(quad: Quad, grids: Sequence[TableGrid], grey: Grey) -> list[Quad]:
    """Cuts a level quadrilateral at the vertical rules that it crosses."""
    left, right = (float(quad[[0, 3], 0].mean()), float(quad[[1, 2], 0].mean()))
    if right - left <= float(quad[2:, 1].mean() - quad[:2, 1].mean()):
        return [quad]
    box = _bounds(quad)
    tables = [grid for grid in grids if _has_room(grid, short_side(quad))]
    rules = sorted(x for grid in tables for x in grid.vertical_rules(box) if left < x < right)
    rules = [x for x in rules if _runs_through(grey, x, box)]
    if not rules:
        return [quad]
    pieces = []
    for start, end in pairwise([left, *rules, right]):
        if end - start >= MIN_PIECE_PX:
            pieces.append(_between(quad, (start - left) / (right - left), (end - left) / (right - left)))
    return pieces


def _has_room(grid: TableGrid, height_px: float) -> bool:
    """Tells whether a line fits into the rows of a grid; strokes of big letters may cross like rules, too."""
    rows = len(grid.row_edges) - 1
    return grid.bbox[3] - grid.bbox[1] >= MIN_ROW_HEIGHT * height_px * rows


def _runs_through(grey: Grey, x: float, box: BBox) -> bool:
    """Tells whether a rule is drawn at x from top to bottom of a line's box; the strokes of its letters end inside."""
    top, bottom = int(box[1]), int(box[3]) + 1
    background = np.median(grey[top:bottom, int(box[0]) : int(box[2]) + 1])
    near = grey[top:bottom, max(0, round(x) - RULE_REACH_PX) : round(x) + RULE_REACH_PX + 1]
    drawn = (np.abs(near - background) > RULE_CONTRAST).any(axis=1)
    return float(drawn.mean()) >= RULE_SHARE


def _between(quad: Quad, start: float, end: float) -> Quad:
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = (quad[0] + start * top, quad[0] + end * top, quad[3] + end * bottom, quad[3] + start * bottom)
    return np.array(corners, np.float32)


def _bounds(quad: Quad) -> BBox:
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _usual_weights(readings: Sequence[Reading]) -> dict[bool, float]:
    """Gives the weight of most characters in wide (Chinese, Japanese) and in other lines; Chinese is drawn thinner."""
    usual = {}
    for wide in (False, True):
        alike = sorted((reading for reading in readings if _is_wide(reading) == wide), key=lambda line: line.weight)
        half, seen = sum(len(reading.text) for reading in alike) / 2, 0
        for reading in alike:
            seen += len(reading.text)
            if seen >= half:
                usual[wide] = reading.weight
                break
    return usual


def _is_wide(reading: Reading) -> bool:
    return 2 * sum(map(is_wide, reading.text)) > len(reading.text)


def _is_bold(reading: Reading, usual: Mapping[bool, float]) -> bool:
    return reading.weight >= BOLD * usual[_is_wide(reading)] > 0


def _line(quad: Quad, reading: Reading, *, bold: bool) -> Line:
    sides = [float(np.linalg.norm(quad[i] - quad[(i + 1) % 4])) for i in range(4)]
    width, height = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    # A box that is higher than wide is vertical text, unless it is a single character such as the digit 1.
    vertical = height > 1.5 * width and len(reading.text) > 1
    return Line(
        text=reading.text,
        bbox=_bounds(quad),
        polygon=tuple((float(x), float(y)) for x, y in quad),
        score=reading.score,
        height_px=width if vertical else height,
        bold=bold,
        words=tuple(
            TextWord(word.text, _bounds(_between(quad, word.start, word.end)), height, bold, line=0)
            for word in reading.words
        ),
    )
