"""From the points of a PDF page to the pixels of its image, and where on it raster images are placed."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium_c

from batchocr.datatypes import BBox

if TYPE_CHECKING:
    Floats = npt.NDArray[np.float64]

Matrix: TypeAlias = tuple[float, float, float, float, float, float]

# A page of tiles or of hatching: what lies beyond tells nobody more.
MAX_OBJECTS = 20_000
MAX_DEPTH = 5
IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Geometry:
    """How a page's own coordinates (points, y up, before rotation) lie on its image (px, y down).

    Attributes:
        matrix: shape (3, 2); a point `(x, y, 1)` times it is a pixel.
        size_px: width and height of the image.
        px_per_point: mean scale, for lengths such as the height of a font.
    """

    matrix: Floats
    size_px: tuple[int, int]
    px_per_point: float

    @classmethod
    def of(cls, page: Any, width_px: int, height_px: int) -> Geometry:
        """Gives the geometry of an open pypdfium2 page that was drawn as `width_px` x `height_px`.

        `FPDF_PageToDevice` knows the same, but answers in whole pixels.
        """
        left, bottom, right, top = page.get_bbox()
        turned = page.get_rotation()
        # Unit square of the upright page (x right, y up) to the unit square of the image (x right, y down).
        unit = {
            0: [[1, 0], [0, -1], [0, 1]],
            90: [[0, 1], [1, 0], [0, 0]],
            180: [[-1, 0], [0, 1], [1, 0]],
            270: [[0, -1], [-1, 0], [1, 1]],
        }[turned]
        width, height = max(right - left, 1e-9), max(top - bottom, 1e-9)
        normed = np.array([[1 / width, 0, 0], [0, 1 / height, 0], [-left / width, -bottom / height, 1]])
        matrix = normed @ np.array(unit, np.float64) * np.array([width_px, height_px], np.float64)
        return cls(matrix, (width_px, height_px), float(np.sqrt(abs(np.linalg.det(matrix[:2])))))

    def to_px(self, boxes: Floats) -> Floats:
        """Gives boxes in px as `(x0, y0, x1, y1)`; `boxes` has shape (n, 4), any two opposite corners, in points."""
        ones = np.ones((len(boxes), 1))
        first = np.hstack((boxes[:, :2], ones)) @ self.matrix
        second = np.hstack((boxes[:, 2:], ones)) @ self.matrix
        return np.hstack((np.minimum(first, second), np.maximum(first, second)))


def image_boxes(page: Any, geometry: Geometry) -> tuple[BBox, ...]:
    """Gives the boxes of the raster images on an open pypdfium2 page, px, cut at the page's edges."""
    count, get = pdfium_c.FPDFPage_CountObjects, pdfium_c.FPDFPage_GetObject
    budget = iter(range(MAX_OBJECTS))
    corners = list(_image_corners(page.raw, count, get, IDENTITY, 0, budget))
    if not corners:
        return ()
    boxes = geometry.to_px(np.array(corners, np.float64).reshape(-1, 4)).reshape(-1, 8)
    lows = np.clip(np.minimum(boxes[:, 0:2], boxes[:, 4:6]), 0, geometry.size_px)
    highs = np.clip(np.maximum(boxes[:, 2:4], boxes[:, 6:8]), 0, geometry.size_px)
    seen = np.isfinite(boxes).all(axis=1) & (highs > lows).all(axis=1)
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in np.hstack((lows, highs))[seen].round(2).tolist())


def _image_corners(
    parent: Any, count: Any, get: Any, outer: Matrix, depth: int, budget: Iterator[int]
) -> Iterator[tuple[tuple[float, float], ...]]:
    """Gives the four corners of every image below `parent`, in points of the page; opposite ones follow each other."""
    for index in range(max(0, count(parent))):
        if next(budget, None) is None:
            return
        page_object = get(parent, index)
        kind = pdfium_c.FPDFPageObj_GetType(page_object)
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            a, b, c, d, e, f = _combined(matrix_of(page_object), outer)
            yield (e, f), (a + c + e, b + d + f), (a + e, b + f), (c + e, d + f)
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
            form_count, form_get = pdfium_c.FPDFFormObj_CountObjects, pdfium_c.FPDFFormObj_GetObject
            inner = _combined(matrix_of(page_object), outer)
            yield from _image_corners(page_object, form_count, form_get, inner, depth + 1, budget)


def matrix_of(page_object: Any) -> Matrix:
    """Gives how an object's own coordinates lie on its page (or in the form that holds it)."""
    matrix = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFPageObj_GetMatrix(page_object, ctypes.byref(matrix)):
        return IDENTITY
    return (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)


def _combined(inner: Matrix, outer: Matrix) -> Matrix:
    """Gives the matrix that applies `inner` first."""
    a, b, c, d, e, f = inner
    g, h, i, j, k, m = outer
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)
