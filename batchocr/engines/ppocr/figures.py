"""Figures of a page: raster images that a PDF places, and big inked regions that are neither text nor table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from batchocr.engines.ppocr.geometry import overlap

if TYPE_CHECKING:
    from batchocr.datatypes import BBox, Pixels

MAX_FIGURES = 60
MIN_SIDE_IN = 0.4
MIN_INKED_SIDE_IN = 0.7
FULL_PAGE = 0.85
WORK_DPI = 50


def find_figures(
    pixels: Pixels,
    dpi: float,
    text_boxes: Sequence[BBox],
    table_boxes: Sequence[BBox],
    image_boxes: Sequence[BBox],
    *,
    placed_only: bool = False,
) -> tuple[BBox, ...]:
    """Gives the boxes of a page's figures, px, from top to bottom.

    Args:
        pixels: page image, BGR uint8.
        dpi: pixels per inch.
        text_boxes: the page's lines; what they cover is no figure's ink.
        table_boxes: the page's tables; what they cover is no figure's ink.
        image_boxes: raster images placed on the page; one that fills the page is a scan's background and no figure.
        placed_only: look for no others.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 8:
        return ()
    scale = min(1.0, WORK_DPI / max(dpi, 1.0))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    placed = _merged(_clipped(image_boxes, width, height), size, scale)
    figures = [box for box in placed if _is_big(box, MIN_SIDE_IN * dpi) and not _fills(box, width, height)]
    figures = [box for box in figures if not _is_in_any(box, table_boxes)]
    inked = [] if placed_only else _inked(pixels, scale, size, dpi, text_boxes, [*table_boxes, *figures])
    for box in inked:
        if not _is_in_any(box, figures):
            figures.append(box)
    figures.sort(key=lambda box: (box[1], box[0], box[3], box[2]))
    return tuple(figures[:MAX_FIGURES])


def _clipped(boxes: Sequence[BBox], width: int, height: int) -> list[BBox]:
    clipped = [(max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1)) for x0, y0, x1, y1 in boxes]
    return [box for box in clipped if box[2] > box[0] and box[3] > box[1]]


def _is_big(box: BBox, side: float) -> bool:
    return box[2] - box[0] >= side and box[3] - box[1] >= side


def _fills(box: BBox, width: int, height: int) -> bool:
    return (box[2] - box[0]) * (box[3] - box[1]) >= FULL_PAGE * width * height


def _is_in_any(box: BBox, others: Sequence[BBox]) -> bool:
    area = (box[2] - box[0]) * (box[3] - box[1])
    return any(
        overlap(box[0], box[2], other[0], other[2]) * overlap(box[1], box[3], other[1], other[3]) > 0.5 * area
        for other in others
    )


def _merged(boxes: Sequence[BBox], size: tuple[int, int], scale: float) -> list[BBox]:
    """Joins images that touch: programs cut one picture into tiles or stripes."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    small = []
    for box in boxes:
        x0, y0 = int(box[0] * scale), int(box[1] * scale)
        corner = (min(max(x0, int(box[2] * scale)), size[0] - 1), min(max(y0, int(box[3] * scale)), size[1] - 1))
        cv2.rectangle(mask, (x0, y0), corner, 255, -1)
        small.append((min(x0, size[0] - 1), min(y0, size[1] - 1)))
    _, labels = cv2.connectedComponents(mask)
    merged: dict[int, BBox] = {}
    for box, (x, y) in zip(boxes, small, strict=True):
        label = int(labels[y, x])
        known = merged.get(label, box)
        merged[label] = (min(known[0], box[0]), min(known[1], box[1]), max(known[2], box[2]), max(known[3], box[3]))
    return list(merged.values())


def _inked(
    pixels: Pixels,
    scale: float,
    size: tuple[int, int],
    dpi: float,
    text_boxes: Sequence[BBox],
    known_boxes: Sequence[BBox],
) -> list[BBox]:
    """Gives big regions of ink that no text, table or placed image explains."""
    gray = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
    text = _painted(text_boxes, size, scale, 0.02 * dpi)
    if _is_photo(gray, text):
        return [(0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))]
    paper = float(np.percentile(gray, 90))
    ink = cv2.compare(gray, max(paper - 25.0, 1.0), cv2.CMP_LT)
    ink[(text > 0) | (_painted(known_boxes, size, scale, 0.05 * dpi) > 0)] = 0
    unit = max(3, round(0.12 * WORK_DPI))
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((unit, unit), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    side = MIN_INKED_SIDE_IN * dpi * scale
    big = (stats[1:, cv2.CC_STAT_WIDTH] >= side) & (stats[1:, cv2.CC_STAT_HEIGHT] >= side)
    found: list[BBox] = []
    for label in np.nonzero(big)[0] + 1:
        x, y, width, height = (int(value) for value in stats[label][:4])
        patch = np.where(labels[y : y + height, x : x + width] == label, ink[y : y + height, x : x + width], 0)
        covered = float(np.mean(text[y : y + height, x : x + width] > 0))
        if covered <= 0.25 and _is_drawn(patch.astype(np.uint8)):
            found.append((x / scale, y / scale, (x + width) / scale, (y + height) / scale))
    found.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
    outer: list[BBox] = []
    for box in found:
        if not _is_in_any(box, outer):
            outer.append(box)
    return outer


def _painted(boxes: Sequence[BBox], size: tuple[int, int], scale: float, margin: float) -> Pixels:
    mask = np.zeros((size[1], size[0]), np.uint8)
    for x0, y0, x1, y1 in boxes:
        left, top = max(0, int((x0 - margin) * scale)), max(0, int((y0 - margin) * scale))
        mask[top : max(top, round((y1 + margin) * scale)) + 1, left : max(left, round((x1 + margin) * scale)) + 1] = 255
    return mask


def _is_photo(gray: Pixels, text: Pixels) -> bool:
    """Tells whether the whole image is a picture: no colour of paper prevails, and text covers little of it."""
    histogram = np.bincount(gray.ravel(), minlength=256).astype(np.float64)
    near = np.convolve(histogram, np.ones(41), mode="same")
    return float(near.max()) < 0.55 * gray.size and float(np.mean(text > 0)) < 0.15


def _is_drawn(ink: Pixels) -> bool:
    """Tells whether ink is more than a frame or single rules."""
    run = max(8, min(ink.shape) // 3)
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    plumb = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((run, 1), np.uint8))
    filled = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((4, 4), np.uint8))
    thin = cv2.bitwise_and(cv2.bitwise_or(level, plumb), cv2.bitwise_not(filled))
    thin = cv2.dilate(thin, np.ones((3, 3), np.uint8))
    rest = cv2.bitwise_and(ink, cv2.bitwise_not(cv2.bitwise_and(thin, cv2.bitwise_not(filled))))
    return float(np.mean(rest > 0)) >= 0.02
