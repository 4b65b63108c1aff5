"""The line of text that the reading half of PP-OCR hands to its layout half."""

from __future__ import annotations

from dataclasses import dataclass

from batchocr.datatypes import BBox, TextWord


@dataclass(frozen=True)
class Line:
    """One line of text on a page, read by OCR or taken from a text layer.

    Attributes:
        text: its characters.
        bbox: axis-aligned box, px of the page image.
        polygon: its four corners, px, clockwise from the top left of the text; those of `bbox` for a text-layer line.
        score: mean confidence of the recognizer, 0 to 1; None for a text-layer line.
        height_px: height of the text across its direction, px.
        bold: the text layer says so, or its strokes are far heavier than those of the page's other lines.
        words: its words from left to right; empty where their places are not known (vertical text).
    """

    text: str
    bbox: BBox
    polygon: tuple[tuple[float, float], ...]
    score: float | None
    height_px: float
    bold: bool
    words: tuple[TextWord, ...] = ()
