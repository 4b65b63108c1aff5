"""Marks in cells of a table that the detector of lines passed over: dashes, single digits, crosses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from batchocr.engines.ppocr.geometry import median, union
from batchocr.engines.ppocr.table_text import FilledTable

if TYPE_CHECKING:
    from batchocr.datatypes import BBox, Pixels
    from batchocr.engines.ppocr.lines import Line

ReadBoxes = Callable[[Sequence["BBox"]], Sequence[str]]

# Of the height of the table's lines. Smaller spots are dirt; what is higher or wider is no mark but a drawing.
MIN_WIDTH = 0.15
MAX_HEIGHT = 1.6
MAX_WIDTH = 4.0
# Widths of dashes.
EM_DASH = 0.55
EN_DASH = 0.3
# Grey levels between a mark and its paper.
CONTRAST = 60
# A cell's rules stand this near to its edges, px; marks that touch the edge are parts of something else.
INSET_PX = 3
MAX_CELLS = 400


def with_marks(table: FilledTable, pixels: Pixels, lines: Sequence[Line], read_boxes: ReadBoxes) -> FilledTable:
    """Gives the table with the marks in its empty cells read.

    Args:
        table: as the page's lines fill it.
        pixels: the page, BGR, uint8.
        lines: of the page.
        read_boxes: gives what is written in boxes of the page, px; "" where nothing can be read.
    """
    height = median([lines[index].height_px for index in table.lines], 0.0)
    texts = list(table.texts)
    boxes: dict[int, BBox] = {}
    for index, cell in enumerate(table.grid.cells):
        box = None if texts[index] else _mark(pixels, cell.bbox, height)
        if box is None:
            continue
        texts[index] = _dash(box, height)
        if not texts[index] and len(boxes) < MAX_CELLS:
            boxes[index] = _as_line(box, height)
    for index, read in zip(boxes, read_boxes(list(boxes.values())), strict=True):
        texts[index] = read
    return replace(table, texts=tuple(texts))


def _mark(pixels: Pixels, cell: BBox, height: float) -> BBox | None:
    """Gives the box of the mark in a cell, px of the page, None if there is none or it is too big to be one."""
    x0, y0 = (max(0, round(edge) + INSET_PX) for edge in cell[:2])
    x1, y1 = (round(edge) - INSET_PX for edge in cell[2:])
    inside = pixels[y0:y1, x0:x1]
    if min(inside.shape[:2]) < INSET_PX:
        return None
    grey = cv2.cvtColor(inside, cv2.COLOR_BGR2GRAY)
    ink = (np.abs(grey.astype(np.int16) - int(np.median(grey))) > CONTRAST).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    spots: list[BBox] = []
    for left, top, width, tall, _area in stats[1:].tolist():
        whole = left > 0 and top > 0 and left + width < ink.shape[1] and top + tall < ink.shape[0]
        if whole and max(width, tall) >= MIN_WIDTH * height:
            spots.append((x0 + left, y0 + top, x0 + left + width, y0 + top + tall))
    if not spots:
        return None
    box = union(spots)
    if box[2] - box[0] > MAX_WIDTH * height or box[3] - box[1] > MAX_HEIGHT * height:
        return None
    return box


def _dash(mark: BBox, height: float) -> str:
    """Gives the dash that a mark is, "" for another mark. A recognizer, which sees no word around it, often errs."""
    width = mark[2] - mark[0]
    if mark[3] - mark[1] > min(0.5 * width, 0.2 * height):
        return ""
    return "—" if width > EM_DASH * height else "–" if width > EN_DASH * height else "-"


def _as_line(mark: BBox, height: float) -> BBox:
    """Gives the box of a line that holds nothing but a mark."""
    pad, middle = 0.2 * height, (mark[1] + mark[3]) / 2
    top, bottom = min(mark[1] - pad, middle - height / 2), max(mark[3] + pad, middle + height / 2)
    return mark[0] - pad, top, mark[2] + pad, bottom
