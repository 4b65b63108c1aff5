"""Decides whether a page lies on its side or on its head, by reading a few of its lines each way.

The orientation classifier that comes with PP-OCR takes upright long lines for turned ones; the recognizer itself is
sure of upright text (0.97 on average) and unsure of turned text (0.7 at most).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from batchocr.engines.ppocr.detection import Quad
from batchocr.engines.ppocr.recognition import Recognizer, crop, crop_size

if TYPE_CHECKING:
    from batchocr.datatypes import BBox, Pixels

SAMPLES = 6
# A sampled line is at least this many times as long as high, and its first part of another shape is read.
LONG = 4
WINDOW = 6
SURE_SCORE = 0.9
MARGIN = 0.2


def quarter_turns(pixels: Pixels, quads: Sequence[Quad], recognizer: Recognizer) -> int:
    """Gives by how many quarter turns counterclockwise (0 to 3) the page must be turned to stand upright.

    A page without long lines stays as it is; so does one that reads about as well as it is.

    Args:
        pixels: BGR, uint8, shape (height, width, 3).
        quads: its lines, as detected.
        recognizer: reads the samples.

    Raises:
        EngineError: the network failed.
    """
    sizes = [crop_size(quad) for quad in quads]
    long = [place for place, size in enumerate(sizes) if max(size) >= LONG * min(size)]
    longest = sorted(long, key=lambda place: -max(sizes[place]))[:SAMPLES]
    samples = [crop(pixels, quads[place]) for place in longest]
    sideways = sum(strip.shape[0] > strip.shape[1] for strip in samples)
    if not samples:
        return 0
    if 2 * sideways > len(samples):
        samples = [strip for strip in samples if strip.shape[0] > strip.shape[1]]
        return max((1, 3), key=lambda turns: _score(samples, turns, recognizer))
    samples = [strip for strip in samples if strip.shape[0] <= strip.shape[1]]
    upright = _score(samples, 0, recognizer)
    return 2 if upright < SURE_SCORE and _score(samples, 2, recognizer) > upright + MARGIN else 0


def turned_pixels(pixels: Pixels, turns: int) -> Pixels:
    """Gives the page after `turns` quarter turns counterclockwise, C-contiguous."""
    return np.ascontiguousarray(np.rot90(pixels, turns))


def turned_box(box: BBox, turns: int, width: float, height: float) -> BBox:
    """Gives where a box of a page of this size, px, lies after `turns` quarter turns counterclockwise."""
    x0, y0, x1, y1 = box
    for _ in range(turns % 4):
        x0, y0, x1, y1 = y0, width - x1, y1, width - x0
        width, height = height, width
    return x0, y0, x1, y1


def _score(samples: Sequence[Pixels], turns: int, recognizer: Recognizer) -> float:
    windows = (np.rot90(strip, turns) for strip in samples)
    return float(np.mean([recognizer.read(window[:, : WINDOW * window.shape[0]]).score for window in windows]))
