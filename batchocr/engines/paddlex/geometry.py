"""Where things stand on a page that a pipeline may have turned before it looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchocr.datatypes import BBox, PageImage


@dataclass(frozen=True)
class Turn:
    """What a pipeline did to a page before it looked, and how to undo it for boxes.

    Attributes:
        width_px, height_px: size of the picture that boxes given by `back` refer to.
        degrees: 0, 90, 180 or 270: how far the page was turned, counterclockwise.
        warnings: for the reader.
    """

    width_px: int
    height_px: int
    degrees: int = 0
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, preprocessed: Mapping[str, Any] | None, page: PageImage) -> Turn:
        """Gives what the result of `doc_preprocessor` tells; None where it did not run."""
        height, width = page.pixels.shape[:2]
        preprocessed = preprocessed or {}
        if (preprocessed.get("model_settings") or {}).get("use_doc_unwarping"):
            height, width = preprocessed["output_img"].shape[:2]
            return cls(width, height, 0, ("the page was flattened; boxes refer to the flattened page",))
        degrees = preprocessed.get("angle", 0)
        # -1 says that nothing was looked at.
        return cls(width, height, degrees if degrees in {90, 180, 270} else 0)

    def back(self, box: BBox) -> BBox:
        """Gives a box of the turned page as a box of the page as it came, inside of it."""
        x0, y0, x1, y1 = box
        width, height = float(self.width_px), float(self.height_px)
        if self.degrees == 90:
            x0, y0, x1, y1 = width - y1, x0, width - y0, x1
        elif self.degrees == 180:
            x0, y0, x1, y1 = width - x1, height - y1, width - x0, height - y0
        elif self.degrees == 270:
            x0, y0, x1, y1 = y0, height - x1, y1, height - x0
        return min(max(x0, 0.0), width), min(max(y0, 0.0), height), min(max(x1, 0.0), width), min(max(y1, 0.0), height)


def bounding_box(shape: Any) -> BBox | None:
    """Gives the box around a shape as PaddleX has them: a box, a list of boxes, corners x y in a row, or points.

    Args:
        shape: numbers, nested in any way; a box and a list of points both have x first.

    Returns:
        None where there are no numbers.
    """
    if shape is None or not len(shape):
        return None
    numbers = np.concatenate([np.asarray(part, dtype=np.float64).reshape(-1) for part in shape])
    if not numbers.size or numbers.size % 2:
        return None
    points = numbers.reshape(-1, 2)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)
