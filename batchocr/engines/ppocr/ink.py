"""What the ink of a recognized line tells beside its characters: where words end, and how heavy strokes are.

The recognizer's own steps are a sixth of a line's height wide and drift by one or two; a gap between words or cells is
found exactly as the widest stretch without ink between two characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from batchocr.engines.ppocr.wording import is_wide

# A gap this wide, in heights of the strip, parts two words even if no space was recognized in it.
WIDE_GAP = 0.8
# Of the strongest contrast to the paper; paler marks are shadows.
INK_CONTRAST = 0.35
# Longer runs of ink than this share of the strip's height are bars, underlines and level strokes, not stems.
LONGEST_STEM = 0.25
# Of the strip's height, at top and bottom: there stand parts of the lines above and below.
MARGIN = 0.12
# Of the strongest contrast: the middle of a stroke's blurred edge.
STEM_CONTRAST = 0.5


@dataclass(frozen=True)
class Span:
    """One word of a line.

    Attributes:
        text: its characters, without spaces.
        start, end: where it begins and ends, as shares of the line's width, 0 to 1.
    """

    text: str
    start: float
    end: float


def inked_columns(strip: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Gives for each column of a strip, shape (channels, height, width), whether a stroke stands in it."""
    grey = strip.mean(axis=0)
    margin = round(MARGIN * len(grey))
    contrast = np.abs(grey - np.median(grey))[margin : len(grey) - margin]
    inked: npt.NDArray[np.bool_] = contrast.max(axis=0) > INK_CONTRAST * contrast.max()
    return inked


def stroke_weight(strip: npt.NDArray[np.float32]) -> float:
    """Gives how wide the stems of a strip's letters are on average, as a share of its height; 0 where there is no ink.

    Args:
        strip: shape (channels, height, width).
    """
    grey = strip.mean(axis=0)
    contrast = np.abs(grey - np.median(grey))
    inked = np.zeros((grey.shape[0], grey.shape[1] + 2), np.int8)
    inked[:, 1:-1] = contrast > STEM_CONTRAST * contrast.max()
    rises = np.diff(inked, axis=1).ravel()
    runs = np.flatnonzero(rises == -1) - np.flatnonzero(rises == 1)
    stems = runs[runs <= LONGEST_STEM * len(grey)]
    return float(stems.mean()) / len(grey) if len(stems) else 0.0


def parted(
    characters: Sequence[str], centres: Sequence[float], inked: npt.NDArray[np.bool_], height: int
) -> tuple[str, tuple[Span, ...]]:
    """Gives a line's text, with a space in wide gaps that have none, and its words from left to right.

    Args:
        characters: as recognized, spaces among them.
        centres: about where each stands, px.
        inked: of each column of the strip.
        height: of the strip, px.
    """
    solid = [index for index, character in enumerate(characters) if character.strip()]
    marks = np.flatnonzero(inked)
    if not solid or not len(marks):
        return "".join(characters).strip(), ()
    width = len(inked)
    words: list[Span] = []
    start = min(float(marks[0]), centres[solid[0]])
    text = word = characters[solid[0]]
    for index, following in pairwise(solid):
        before, after = characters[index], characters[following]
        gap_start, gap_end = _widest_gap(inked, centres[index], centres[following])
        if following > index + 1 or gap_end - gap_start >= WIDE_GAP * height:
            words.append(Span(word, start / width, gap_start / width))
            start, word = gap_end, ""
            text += " " if following > index + 1 or not (is_wide(before) and is_wide(after)) else ""
        word += after
        text += after
    end = max(float(marks[-1] + 1), centres[solid[-1]])
    words.append(Span(word, start / width, min(1.0, end / width)))
    return text, tuple(words)


def _widest_gap(inked: npt.NDArray[np.bool_], left: float, right: float) -> tuple[float, float]:
    """Gives where the widest stretch without ink between two places begins and ends; their middle if there is none."""
    first, last = int(max(0.0, left)), int(min(len(inked), right + 1))
    edges = np.flatnonzero(np.diff(np.concatenate(([True], inked[first:last], [True])).astype(np.int8)))
    if not len(edges):
        middle = (left + right) / 2
        return middle, middle
    lengths = edges[1::2] - edges[::2]
    widest = 2 * int(lengths.argmax())
    return float(first + edges[widest]), float(first + edges[widest + 1])
