"""Reads lines of text: crops each from the page, runs PP-OCR's recognizer, and decodes its answer (CTC).

One line per call: what is read of it depends on its own pixels alone, never on the padding that longer neighbours ask
for. On one or two CPU cores that is also as fast as batches are (2.2 s against 2.6 s for a page of 27 full lines).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from batchocr.engines.ppocr.detection import Quad
from batchocr.engines.ppocr.ink import Span, inked_columns, parted, stroke_weight
from batchocr.engines.ppocr.runtime import Floats, Network
from batchocr.errors import SetupError

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

HEIGHT_PX = 48
# The runtime keeps a plan for every width that it meets.
BUCKET_PX = 32
# A wider line is squeezed: this is 67 times as wide as high, and the answer for it takes 30 MB.
MAX_WIDTH_PX = 3200
TALL = 1.5
# Up to this shape a tall crop may also be one upright character, such as the digit 1.
SINGLE_CHARACTER = 3.0


@dataclass(frozen=True)
class Reading:
    """What was read in one quadrilateral.

    Attributes:
        text: empty if nothing was recognized.
        score: mean confidence of its characters, 0 to 1.
        words: where its words stand, from left to right; empty for text that does not run along the first side.
        weight: width of its letters' stems as a share of the height of its crop.
    """

    text: str
    score: float
    words: tuple[Span, ...] = ()
    weight: float = 0.0


class Recognizer:
    """Reads lines with PP-OCR's recognizer."""

    def __init__(self, network: Network) -> None:
        """Takes the dictionary from the network's metadata.

        Raises:
            SetupError: the metadata hold no dictionary.
        """
        if not network.characters:
            raise SetupError("engine ppocr: the recognizer's weights carry no dictionary; reinstall rapidocr")
        self._network = network
        self._classes = ("", *network.characters, " ")

    def __call__(self, pixels: Pixels, quads: Sequence[Quad]) -> list[Reading]:
        """Gives what is written in each quadrilateral, in the order given.

        Args:
            pixels: BGR, uint8, shape (height, width, 3).
            quads: corners clockwise from the top left. Tall ones are also read turned by a quarter either way, and the
                best reading counts.

        Raises:
            EngineError: the network failed.
        """
        return [self._best(crop(pixels, quad)) for quad in quads]

    def read(self, strip: Pixels) -> Reading:
        """Gives what is written in one upright crop of a line: BGR, uint8, shape (height, width, 3), any size.

        Raises:
            EngineError: the network failed.
        """
        tensor, columns = _tensor(strip)
        return self._decode(self._network(tensor)[0], tensor[0, :, :, :columns], tensor.shape[3])

    def _best(self, strip: Pixels) -> Reading:
        height, width = strip.shape[:2]
        if height < TALL * width:
            return self.read(strip)
        # Words of a line that runs up or down have no place along the first side.
        best = max(map(self.read, _variants(strip)), key=lambda found: found.score)
        return replace(best, words=())

    def _decode(self, answer: Floats, strip: Floats, padded_px: int) -> Reading:
        """Decodes the probabilities of one line, shape (steps, classes); class 0 is the blank between characters.

        Args:
            answer: of the network for the padded strip.
            strip: as the network saw it, shape (3, height, width), without its padding.
            padded_px: width that the steps share equally.
        """
        best = answer.argmax(axis=1)
        starts = np.ones(len(best), bool)
        starts[1:] = best[1:] != best[:-1]
        steps = np.flatnonzero(starts & (best != 0))
        characters = [self._classes[best[step]] for step in steps]
        centres = [(float(step) + 0.5) * padded_px / len(best) for step in steps]
        text, words = parted(characters, centres, inked_columns(strip), HEIGHT_PX)
        score = float(answer[steps, best[steps]].mean(dtype=np.float64)) if text else 0.0
        return Reading(text, round(score, 5), words, stroke_weight(strip))


def crop(pixels: Pixels, quad: Quad) -> Pixels:
    """Cuts a quadrilateral out of a page and straightens it; its first side becomes the top."""
    width, height = crop_size(quad)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    straight: Pixels = cv2.warpPerspective(
        pixels,
        cv2.getPerspectiveTransform(quad, corners),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return straight


def crop_size(quad: Quad) -> tuple[int, int]:
    """Gives width and height, px, of what `crop` cuts out."""
    top, right, bottom, left = (float(np.linalg.norm(quad[i] - quad[(i + 1) % 4])) for i in range(4))
    return max(1, int(max(top, bottom))), max(1, int(max(left, right)))


def _variants(strip: Pixels) -> list[Pixels]:
    """Gives the ways to read a tall strip: turned either way, and as it is if that can be one character."""
    height, width = strip.shape[:2]
    turned = [np.rot90(strip), np.rot90(strip, -1)]
    return [strip, *turned] if height < SINGLE_CHARACTER * width else turned


def _tensor(strip: Pixels) -> tuple[Floats, int]:
    """Gives a strip as the network wants it, and its width, px, without padding.

    The tensor is float32, shape (1, 3, 48, width), -1 to 1, padded with 0 to its bucket.
    """
    height, width = strip.shape[:2]
    columns = min(MAX_WIDTH_PX, max(1, -(-HEIGHT_PX * width // height)))
    shrinks = height > 2 * HEIGHT_PX
    resized = cv2.resize(
        np.ascontiguousarray(strip), (columns, HEIGHT_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    tensor = np.zeros((1, 3, HEIGHT_PX, -(-columns // BUCKET_PX) * BUCKET_PX), np.float32)
    tensor[0, :, :, :columns] = resized.transpose(2, 0, 1) * np.float32(1 / 127.5) - 1
    return tensor, columns
