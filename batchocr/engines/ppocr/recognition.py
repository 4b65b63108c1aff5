"""Reads lines of text: crops each from the page, runs PP-OCR's recognizer, and decodes its answer (CTC).

One line per call: what is read of it depends on its own pixels alone, never on the padding that longer neighbours ask
for. On one or two CPU cores that is also as fast as batches are (2.2 s against 2.6 s for a page of 27 full lines).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from batchocr.engines.ppocr.detection import Quad
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
    """

    text: str
    score: float


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
        return [max(map(self.read, _variants(crop(pixels, quad))), key=lambda found: found.score) for quad in quads]

    def read(self, strip: Pixels) -> Reading:
        """Gives what is written in one upright crop of a line: BGR, uint8, shape (height, width, 3), any size.

        Raises:
            EngineError: the network failed.
        """
        return self._decode(self._network(_tensor(strip))[0])

    def _decode(self, answer: Floats) -> Reading:
        """Decodes the probabilities of one line, shape (steps, classes); class 0 is the blank between characters."""
        best = answer.argmax(axis=1)
        starts = np.ones(len(best), bool)
        starts[1:] = best[1:] != best[:-1]
        steps = np.flatnonzero(starts & (best != 0))
        text = "".join(self._classes[best[step]] for step in steps).strip()
        score = float(answer[steps, best[steps]].mean(dtype=np.float64)) if text else 0.0
        return Reading(text, round(score, 5))


def crop(pixels: Pixels, quad: Quad) -> Pixels:
    """Cuts a quadrilateral out of a page and straightens it; its first side becomes the top."""
    width, height = _size(quad)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    straight: Pixels = cv2.warpPerspective(
        pixels,
        cv2.getPerspectiveTransform(quad, corners),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return straight


def _size(quad: Quad) -> tuple[int, int]:
    top, right, bottom, left = (float(np.linalg.norm(quad[i] - quad[(i + 1) % 4])) for i in range(4))
    return max(1, int(max(top, bottom))), max(1, int(max(left, right)))


def _variants(strip: Pixels) -> list[Pixels]:
    height, width = strip.shape[:2]
    if height < TALL * width:
        return [strip]
    turned = [np.rot90(strip), np.rot90(strip, -1)]
    return [strip, *turned] if height < SINGLE_CHARACTER * width else turned


def _tensor(strip: Pixels) -> Floats:
    """Gives a strip as the network wants it: float32, shape (1, 3, 48, width), -1 to 1, padded with 0 to its bucket."""
    height, width = strip.shape[:2]
    columns = min(MAX_WIDTH_PX, max(1, -(-HEIGHT_PX * width // height)))
    shrinks = height > 2 * HEIGHT_PX
    resized = cv2.resize(
        np.ascontiguousarray(strip), (columns, HEIGHT_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    tensor = np.zeros((1, 3, HEIGHT_PX, -(-columns // BUCKET_PX) * BUCKET_PX), np.float32)
    tensor[0, :, :, :columns] = resized.transpose(2, 0, 1) * np.float32(1 / 127.5) - 1
    return tensor
