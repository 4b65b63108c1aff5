"""The straight rules that a PDF page draws, if it draws nothing else but text and images: nothing else is to be found.

Whatever is doubtful counts as something else: what is pale, dashed, see-through, half hidden or on a layer of its own
may look different from what the path says, and the image must be searched.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pypdfium2.raw as pdfium_c

from batchocr.documents.page_geometry import MAX_OBJECTS, Matrix, matrix_of

if TYPE_CHECKING:
    from batchocr.datatypes import BBox
    from batchocr.documents.page_geometry import Geometry

Point: TypeAlias = tuple[float, float]

MAX_RULES = 1_500
MAX_LINKS = 2_000
# Of one path; a table's grid may be a single one.
MAX_SEGMENTS = 2_000
# A thicker bar is an area.
MAX_THICKNESS_PT = 3.0
# Off level or plumb.
MAX_SLANT_PT = 0.1
# A lighter rule may not be seen at all.
MAX_GREY = 225
WHITE = 255
_OPTIONAL_CONTENT = "OC"


class _MoreThanRulesError(Exception):
    """The page draws something else."""


def drawn_rules(page: Any, geometry: Geometry) -> tuple[BBox, ...] | None:
    """Gives the boxes of the rules that an open pypdfium2 page draws, px, or None if it draws other things.

    Text and images do not count, nor does an area in white that is drawn first: it is not seen.
    """
    count = pdfium_c.FPDFPage_CountObjects(page)
    if count > MAX_OBJECTS or _has_notes(page):
        return None
    boxes: list[BBox] = []
    blank = True
    try:
        for index in range(count):
            page_object = pdfium_c.FPDFPage_GetObject(page, index)
            kind = pdfium_c.FPDFPageObj_GetType(page_object)
            if kind == pdfium_c.FPDF_PAGEOBJ_PATH:
                boxes += _rules_of(page_object, blank=blank)
            elif kind != pdfium_c.FPDF_PAGEOBJ_TEXT and not _is_picture(page_object, kind):
                return None
            blank = blank and not boxes and kind == pdfium_c.FPDF_PAGEOBJ_PATH
            if len(boxes) > MAX_RULES:
                return None
    except _MoreThanRulesError:
        return None
    if not boxes:
        return ()
    found = geometry.to_px(np.array(boxes, np.float64))
    found[:, 0::2] = found[:, 0::2].clip(0, geometry.size_px[0])
    found[:, 1::2] = found[:, 1::2].clip(0, geometry.size_px[1])
    seen = (found[:, 2] > found[:, 0]) & (found[:, 3] > found[:, 1])
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in found[seen].round(2).tolist())


def _is_picture(page_object: Any, kind: int) -> bool:
    """Tells whether an object is an image, and not one that is drawn as a rule."""
    edges = [ctypes.c_float() for _ in range(4)]
    if kind != pdfium_c.FPDF_PAGEOBJ_IMAGE or not pdfium_c.FPDFPageObj_GetBounds(page_object, *edges):
        return False
    left, bottom, right, top = (edge.value for edge in edges)
    return min(right - left, top - bottom) > MAX_THICKNESS_PT


def _has_notes(page: Any) -> bool:
    """Tells whether notes, stamps or form fields are drawn on a page; plain links are not drawn."""
    count = pdfium_c.FPDFPage_GetAnnotCount(page)
    return count > MAX_LINKS or any(_is_drawn(page, index) for index in range(count))


def _is_drawn(page: Any, index: int) -> bool:
    note = pdfium_c.FPDFPage_GetAnnot(page, index)
    try:
        # Without an appearance the answer is an empty string in UTF-16: two bytes.
        appearance = pdfium_c.FPDFAnnot_GetAP(note, pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0)
        return bool(pdfium_c.FPDFAnnot_GetSubtype(note) != pdfium_c.FPDF_ANNOT_LINK or appearance > 2)
    finally:
        pdfium_c.FPDFPage_CloseAnnot(note)


def _rules_of(path: Any, *, blank: bool) -> list[BBox]:
    """Gives the rules that a path draws, in points of the page.

    Raises:
        _MoreThanRulesError: it draws something else.
    """
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium_c.FPDFPath_GetDrawMode(path, fill, stroke) or (fill.value and stroke.value):
        raise _MoreThanRulesError
    if not fill.value and not stroke.value:
        return []
    if pdfium_c.FPDFPageObj_HasTransparency(path) or _is_optional(path):
        raise _MoreThanRulesError
    lines = list(_lines_of(path, pdfium_c.FPDFPath_CountSegments, pdfium_c.FPDFPath_GetPathSegment, matrix_of(path)))
    if stroke.value:
        rules = _stroked(path, lines)
    elif blank and _grey(path, pdfium_c.FPDFPageObj_GetFillColor) == WHITE:
        return []
    else:
        rules = _filled(path, lines)
    hidden_beyond = _clip_of(path)
    return rules if hidden_beyond is None else [_cut(rule, hidden_beyond) for rule in rules]


def _stroked(path: Any, lines: list[list[Point]]) -> list[BBox]:
    width = ctypes.c_float()
    dashes = pdfium_c.FPDFPageObj_GetDashCount(path)
    if dashes > 0 or not pdfium_c.FPDFPageObj_GetStrokeWidth(path, width):
        raise _MoreThanRulesError
    a, b, c, d, _, _ = matrix_of(path)
    half = width.value * abs(a * d - b * c) ** 0.5 / 2
    if not 2 * half <= MAX_THICKNESS_PT or _grey(path, pdfium_c.FPDFPageObj_GetStrokeColor) > MAX_GREY:
        raise _MoreThanRulesError
    half = max(half, 0.1)  # of no width: one pixel
    rules = []
    for line in lines:
        for (x0, y0), (x1, y1) in pairwise(line):
            if abs(y1 - y0) <= MAX_SLANT_PT:
                rules.append((min(x0, x1), min(y0, y1) - half, max(x0, x1), max(y0, y1) + half))
            elif abs(x1 - x0) <= MAX_SLANT_PT:
                rules.append((min(x0, x1) - half, min(y0, y1), max(x0, x1) + half, max(y0, y1)))
            else:
                raise _MoreThanRulesError
    return rules


def _filled(path: Any, lines: list[list[Point]]) -> list[BBox]:
    if _grey(path, pdfium_c.FPDFPageObj_GetFillColor) > MAX_GREY:
        raise _MoreThanRulesError
    rules = [_rectangle(line) for line in lines if len(line) > 1]
    if any(min(x1 - x0, y1 - y0) > MAX_THICKNESS_PT for x0, y0, x1, y1 in rules):
        raise _MoreThanRulesError
    return rules


def _rectangle(line: list[Point]) -> BBox:
    """Gives the box that a line encloses.

    Raises:
        _MoreThanRulesError: it is not a level rectangle.
    """
    xs, ys = [x for x, _ in line], [y for _, y in line]
    box = (min(xs), min(ys), max(xs), max(ys))
    corners = [(round((x - box[0]) / 1e-2), round((y - box[1]) / 1e-2)) for x, y in line[:-1]]
    width, height = round((box[2] - box[0]) / 1e-2), round((box[3] - box[1]) / 1e-2)
    if len(corners) != 4 or set(corners) != {(0, 0), (width, 0), (width, height), (0, height)}:
        raise _MoreThanRulesError
    return box


def _lines_of(owner: Any, count: Any, get: Any, matrix: Matrix) -> Iterator[list[Point]]:
    """Gives the corners of each line of a path, in points of the page; a closed line ends where it begins.

    Raises:
        _MoreThanRulesError: it has curves, countless corners, or some beyond all numbers.
    """
    a, b, c, d, e, f = matrix
    segments = count(owner)
    if not 0 <= segments <= MAX_SEGMENTS:
        raise _MoreThanRulesError
    line: list[Point] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(segments):
        segment = get(owner, index)
        kind = pdfium_c.FPDFPathSegment_GetType(segment)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            if len(line) > 1:
                yield line
            line = []
        elif kind != pdfium_c.FPDF_SEGMENT_LINETO:
            raise _MoreThanRulesError
        if not pdfium_c.FPDFPathSegment_GetPoint(segment, x, y):
            raise _MoreThanRulesError
        point = (a * x.value + c * y.value + e, b * x.value + d * y.value + f)
        if not (isfinite(point[0]) and isfinite(point[1])):
            raise _MoreThanRulesError
        line.append(point)
        if pdfium_c.FPDFPathSegment_GetClose(segment) and line[-1] != line[0]:
            line.append(line[0])
    if len(line) > 1:
        yield line


def _clip_of(path: Any) -> BBox | None:
    """Gives the rectangle in which a path is seen, in points of the page; None if it is seen everywhere.

    Raises:
        _MoreThanRulesError: it is seen in parts of another shape.
    """
    clip = pdfium_c.FPDFPageObj_GetClipPath(path)
    x0, y0, x1, y1 = -np.inf, -np.inf, np.inf, np.inf
    for number in range(max(0, pdfium_c.FPDFClipPath_CountPaths(clip))):
        lines = list(
            _lines_of(
                clip,
                lambda clip, number=number: pdfium_c.FPDFClipPath_CountPathSegments(clip, number),
                lambda clip, index, number=number: pdfium_c.FPDFClipPath_GetPathSegment(clip, number, index),
                (1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
            )
        )
        if len(lines) != 1:
            raise _MoreThanRulesError
        left, bottom, right, top = _rectangle(lines[0])
        x0, y0, x1, y1 = max(x0, left), max(y0, bottom), min(x1, right), min(y1, top)
    return None if x0 == -np.inf else (x0, y0, x1, y1)


def _cut(rule: BBox, box: BBox) -> BBox:
    """Gives the part of a rule that lies in a box; one without area if none does."""
    x0, y0 = max(rule[0], box[0]), max(rule[1], box[1])
    return x0, y0, max(x0, min(rule[2], box[2])), max(y0, min(rule[3], box[3]))


def _grey(path: Any, colour_of: Any) -> float:
    """Gives how light a path is, 0 to 255.

    Raises:
        _MoreThanRulesError: it has no plain colour.
    """
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not colour_of(path, red, green, blue, alpha) or alpha.value != 255:
        raise _MoreThanRulesError
    return 0.299 * red.value + 0.587 * green.value + 0.114 * blue.value


def _is_optional(path: Any) -> bool:
    """Tells whether a path belongs to a layer that may be hidden."""
    name = (ctypes.c_uint16 * 16)()
    length = ctypes.c_ulong()
    for index in range(max(0, pdfium_c.FPDFPageObj_CountMarks(path))):
        mark = pdfium_c.FPDFPageObj_GetMark(path, index)
        if pdfium_c.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length):
            text = bytes(name)[: max(0, length.value - 2)].decode("utf-16-le", "replace")
            if text == _OPTIONAL_CONTENT:
                return True
    return False
