"""Finds the lines of text on a page: one quadrilateral per line, from the probability map of PP-OCR's detector.

The way from map to boxes (differentiable binarization) is written here rather than taken from `rapidocr`: its post-
processing is not public API, needs two polygon libraries for what is a rectangle grown on four sides, and stops
silently at a thousand boxes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from batchocr.engines.ppocr.runtime import Floats, Network

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

Quad: TypeAlias = npt.NDArray[np.float32]
"""Four corners, float32, shape (4, 2), px, clockwise from the top left."""

STRIDE_PX = 32
MAP_THRESHOLD = 0.3
BOX_THRESHOLD = 0.5
UNCLIP_RATIO = 1.6
MIN_SIDE_PX = 3.0
A4_ASPECT = 2**0.5
# Lines lower than this at the scale of the search are better found, and better parted, at twice that scale.
SMALL_LINE_PX = 16.0
MAX_ENLARGEMENT = 2.0
# Ordinary print on a page shrunk this much is too low to be found at all.
BLIND_SCALE = 0.3
# What the network sees beyond a band, px at the scale of the search: lines at its edge look as they do on the page.
BAND_MARGIN_PX = 96
# A cut is moved by this share of the page's height at most.
CUT_REACH = 0.06


@dataclass(frozen=True)
class Detector:
    """Finds lines on pages.

    Attributes:
        network: PP-OCR's detector.
        long_side_px: long side at which a page of A4 shape is searched; other shapes get the same area.
    """

    network: Network
    long_side_px: int

    def __call__(self, pixels: Pixels) -> list[Quad]:
        """Gives the lines of a page, from top to bottom.

        A page whose lines turn out small, or a huge one that seems empty, is searched again at twice the scale.

        Args:
            pixels: BGR, uint8, shape (height, width, 3).

        Returns:
            One quadrilateral per line, within the page. The first side runs along the text unless the text is vertical.

        Raises:
            EngineError: the network failed.
        """
        height, width = pixels.shape[:2]
        area = self.long_side_px**2 / A4_ASPECT
        scale = min(1.0, (area / (height * width)) ** 0.5)
        quads = self._search(pixels, scale)
        closer = min(MAX_ENLARGEMENT, 2 * scale, (4 * area / (height * width)) ** 0.5)
        if closer > scale and _deserves_closer_look(quads, scale):
            quads = self._search_in_bands(pixels, closer, quads, bands=math.ceil(closer**2 * height * width / area))
        return sorted(quads, key=lambda quad: (float(quad[:, 1].mean()), float(quad[:, 0].mean())))

    def _search_in_bands(self, pixels: Pixels, scale: float, found: Sequence[Quad], bands: int) -> list[Quad]:
        """Searches a page band by band: the network's memory grows with what it sees at once.

        Lines found before that run through a cut, such as a stamp along the page's edge, stay as they are.
        """
        cuts = [0.0, *_cuts(pixels.shape[0], found, bands), float(pixels.shape[0])]
        margin = BAND_MARGIN_PX / scale
        quads = [quad for quad in found if any(quad[:, 1].min() < cut < quad[:, 1].max() for cut in cuts[1:-1])]
        kept = tuple(quads)
        for top, bottom in pairwise(cuts):
            first, last = int(max(0, top - margin)), int(min(pixels.shape[0], bottom + margin))
            for quad in self._search(pixels[first:last], scale):
                moved = quad + np.array([0, first], np.float32)
                x, y = (float(middle) for middle in moved.mean(axis=0))
                if top <= y < bottom and all(cv2.pointPolygonTest(outline, (x, y), False) < 0 for outline in kept):
                    quads.append(moved)
        return quads

    def _search(self, pixels: Pixels, scale: float) -> list[Quad]:
        height, width = pixels.shape[:2]
        columns, rows = (max(STRIDE_PX, round(side * scale / STRIDE_PX) * STRIDE_PX) for side in (width, height))
        probability = self.network(_tensor(pixels, columns, rows))[0, 0]
        to_page = np.array([width / columns, height / rows], np.float32)
        limit = np.array([width - 1, height - 1], np.float32)
        quads = (np.clip(quad * to_page, 0, limit) for quad in _boxes(probability))
        return [quad for quad in quads if short_side(quad) > MIN_SIDE_PX]


def _cuts(height: int, quads: Sequence[Quad], bands: int) -> list[float]:
    """Gives where a page is cut into bands about as high as one another, between its lines where that can be, px."""
    cuts = []
    spans = np.array([(quad[:, 1].min(), quad[:, 1].max()) for quad in quads], np.float32).reshape(-1, 2)
    for number in range(1, bands):
        ideal = height * number / bands
        places = ideal + np.arange(-CUT_REACH, CUT_REACH, 0.002) * height
        crossed = ((spans[:, :1] < places) & (places < spans[:, 1:])).sum(axis=0)
        cuts.append(float(places[np.lexsort((np.abs(places - ideal), crossed))[0]]))
    return cuts


def _deserves_closer_look(quads: list[Quad], scale: float) -> bool:
    if not quads:
        return scale < BLIND_SCALE
    return float(np.median([short_side(quad) for quad in quads])) * scale < SMALL_LINE_PX


def short_side(quad: Quad) -> float:
    """Gives the length, px, of a quadrilateral's shorter pair of sides."""
    across = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[2] - quad[3]))
    down = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    return float(min(across, down))


def _tensor(pixels: Pixels, columns: int, rows: int) -> Floats:
    shrinks = columns * rows < 0.5 * pixels.shape[0] * pixels.shape[1]
    resized = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    tensor = np.empty((1, 3, rows, columns), np.float32)
    np.multiply(resized.transpose(2, 0, 1), 1 / 127.5, out=tensor[0])
    tensor -= 1.0
    return tensor


def _boxes(probability: Floats) -> list[Quad]:
    """Gives boxes in px of the map, in the order of the contours."""
    mask = cv2.dilate((probability > MAP_THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        centre, (side_a, side_b), angle = cv2.minAreaRect(contour)
        if min(side_a, side_b) < MIN_SIDE_PX:
            continue
        core = cv2.boxPoints((centre, (side_a, side_b), angle))
        if _mean_inside(probability, core) < BOX_THRESHOLD:
            continue
        # The network marks the core of a line; its outline lies this far outside on every side.
        grow = 2 * UNCLIP_RATIO * side_a * side_b / (2 * (side_a + side_b))
        found.append(_clockwise(cv2.boxPoints((centre, (side_a + grow, side_b + grow), angle))))
    return found


def _mean_inside(probability: Floats, quad: Quad) -> float:
    rows, columns = probability.shape
    x0, y0 = np.clip(np.floor(quad.min(axis=0)).astype(int), 0, (columns - 1, rows - 1))
    x1, y1 = np.clip(np.ceil(quad.max(axis=0)).astype(int), 0, (columns - 1, rows - 1))
    inside = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(inside, [(quad - (x0, y0)).astype(np.int32)], 1)
    return float(cv2.mean(np.ascontiguousarray(probability[y0 : y1 + 1, x0 : x1 + 1]), inside)[0])


def _clockwise(quad: Quad) -> Quad:
    """Gives the corners of a rectangle clockwise, the first being the upper one of the two on the left."""
    left, right = np.split(quad[np.argsort(quad[:, 0], kind="stable")], 2)
    top_left, bottom_left = left[np.argsort(left[:, 1], kind="stable")]
    top_right, bottom_right = right[np.argsort(right[:, 1], kind="stable")]
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
