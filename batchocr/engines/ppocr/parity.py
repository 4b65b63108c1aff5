"""Compares the runtimes of PP-OCR on real pages: their numbers, their text, their time.

All of them are open in one process and take turns page by page, so that what else the machine does meets each alike.
First every network gets the very tensors that the first runtime meets on the page, which also lets each runtime prepare
for their shapes; then each reads the page by itself against the clock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, get_args

import cv2
import numpy as np

from batchocr.engines.ppocr.detection import Detector
from batchocr.engines.ppocr.options import PpOcrOptions, Precision, Runtime
from batchocr.engines.ppocr.orientation import quarter_turns, turned_pixels
from batchocr.engines.ppocr.recognition import Recognizer
from batchocr.engines.ppocr.runtime import Floats, Network, open_network
from batchocr.engines.ppocr.weights import Weights
from batchocr.errors import ConfigError

if TYPE_CHECKING:
    from batchocr.datatypes import PageImage, Pixels

_RUNTIMES, _PRECISIONS = ("|".join(get_args(words)) for words in (Runtime, Precision))
VARIANT = re.compile(rf"({_RUNTIMES})(?::({_PRECISIONS}))?(?:@(cpu|gpu:\d{{1,4}}))?")


@dataclass
class NetworkDifference:
    """How far a network's answers are from those of the first runtime, to the same tensors.

    Attributes:
        calls: tensors that were compared.
        max_abs: largest difference of two numbers; answers are probabilities, 0 to 1.
        places: map pixels, or steps of lines, that were compared.
        decided_otherwise: those of them at which another class wins (recognizer), or the other side of 0.3 (detector).
    """

    calls: int = 0
    max_abs: float = 0.0
    places: int = 0
    decided_otherwise: int = 0

    def add(self, reference: Floats, answer: Floats) -> None:
        """Takes one more pair of answers into account."""
        self.calls += 1
        self.max_abs = max(self.max_abs, float(np.abs(reference - answer).max(initial=0.0)))
        one, other = (_decisions(each) for each in (reference, answer))
        self.places += one.size
        self.decided_otherwise += int((one != other).sum())


def _decisions(answer: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    return answer > 0.3 if answer.ndim == 4 else answer.argmax(axis=-1)


@dataclass
class RuntimeReport:
    """What one runtime made of the pages.

    Attributes:
        name: runtime, with its precision and device where they were named.
        seconds: stage (`detect`, `orient`, `recognize`) to wall-clock seconds for all pages.
        networks: network to its difference from the first runtime; empty for the first.
        lines: number of lines read.
        lines_otherwise: lines of the first runtime that read otherwise or are missing, and lines that it lacks.
        characters: of the first runtime's text.
        wrong_characters: edits that turn the first runtime's text into this one.
        examples: a few lines that read otherwise: page, the first runtime's, this one's.
    """

    name: str
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("detect", "orient", "recognize"), 0.0))
    networks: dict[str, NetworkDifference] = field(default_factory=dict)
    lines: int = 0
    lines_otherwise: int = 0
    characters: int = 0
    wrong_characters: int = 0
    examples: list[tuple[int, str, str]] = field(default_factory=list)

    @contextmanager
    def clock(self, stage: str) -> Iterator[None]:
        """Adds the time until its end to a stage."""
        begun = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - begun

    def add_text(self, page_no: int, reference: Sequence[str], lines: Sequence[str]) -> None:
        """Takes the lines of one more page into account."""
        self.lines += len(lines)
        self.characters += sum(map(len, reference))
        self.wrong_characters += edit_distance("\n".join(reference), "\n".join(lines))
        for change, a0, a1, b0, b1 in SequenceMatcher(None, reference, lines, autojunk=False).get_opcodes():
            if change != "equal":
                self.lines_otherwise += max(a1 - a0, b1 - b0)
                if len(self.examples) < 5:
                    self.examples.append((page_no, " | ".join(reference[a0:a1]), " | ".join(lines[b0:b1])))


@dataclass(frozen=True)
class Variant:
    """A runtime as it is to be compared."""

    name: str
    options: PpOcrOptions
    device: str


def parse_variant(text: str, threads: int) -> Variant:
    """Gives what `openvino`, `openvino:bf16` or `torch@gpu:0` means.

    Raises:
        ConfigError: it means nothing.
    """
    match = VARIANT.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"runtimes: {text!r} is none. Write {', '.join(get_args(Runtime))}, with :int8 for that precision, with "
            "@gpu:0 for that device."
        )
    runtime, precision, device = match.groups()
    if precision not in {None, "f32"} and runtime != "openvino":
        raise ConfigError(f"runtimes: {text!r} is none; only openvino knows the precision {precision}.")
    if runtime == "openvino" and device not in {None, "cpu"}:
        raise ConfigError(f"runtimes: {text!r} is none; openvino runs on the CPU.")
    options = PpOcrOptions(runtime=runtime, precision=precision or "f32", threads=threads, mode="ocr")
    return Variant(text, options, device or "cpu")


class Reader:
    """One runtime with its networks open."""

    def __init__(self, variant: Variant, weights: Weights) -> None:
        """Opens the networks.

        Raises:
            SetupError: they cannot be opened.
        """
        options = variant.options
        chosen = weights.on(variant.device)
        self.report = RuntimeReport(variant.name)
        self.networks = {
            name: open_network(file, options.runtime, threads=options.threads, precision=options.precision)
            for name, file in (("detection", chosen.detection), ("recognition", chosen.recognition))
        }
        self.long_side_px = options.det_long_side

    def read(self, pixels: Pixels) -> list[str]:
        """Gives the lines of a page, and keeps the time of each stage.

        Raises:
            EngineError: a network failed.
        """
        return _read(self.networks, self.long_side_px, pixels, self.report)


class _Compared(Network):
    """The first runtime's network, with those of the others listening."""

    def __init__(self, networks: Sequence[Network], differences: Sequence[NetworkDifference]) -> None:
        self._reference, *self._others = networks
        self._differences = differences
        self.characters = self._reference.characters

    def __call__(self, tensor: Floats) -> Floats:
        """Gives the first runtime's answer, and notes how far the others are from it."""
        answer = self._reference(tensor)
        for other, difference in zip(self._others, self._differences, strict=True):
            difference.add(answer, other(tensor))
        return answer

    def release_memory(self) -> None:
        """Does nothing: the networks belong to the readers."""


def compare(pages: Iterable[PageImage], readers: Sequence[Reader]) -> tuple[int, list[RuntimeReport]]:
    """Gives how many pages there were, and a report on each runtime, the first being what the others are held against.

    Raises:
        EngineError: a network failed.
    """
    cv2.setNumThreads(1)
    first, *others = readers
    for other in others:
        other.report.networks = {name: NetworkDifference() for name in first.networks}
    listening: Mapping[str, Network] = {
        name: _Compared(
            [reader.networks[name] for reader in readers], [other.report.networks[name] for other in others]
        )
        for name in first.networks
    }
    count = 0
    for page in pages:
        count += 1
        _read(listening, first.long_side_px, page.pixels, RuntimeReport("warm-up"))
        texts = [reader.read(page.pixels) for reader in readers]
        for reader, lines in zip(readers, texts, strict=True):
            reader.report.add_text(page.page_no, texts[0], lines)
    return count, [reader.report for reader in readers]


def _read(networks: Mapping[str, Network], long_side_px: int, pixels: Pixels, report: RuntimeReport) -> list[str]:
    detector, recognizer = Detector(networks["detection"], long_side_px), Recognizer(networks["recognition"])
    with report.clock("detect"):
        quads = detector(pixels)
    with report.clock("orient"):
        turns = quarter_turns(pixels, quads, recognizer)
    if turns:
        pixels = turned_pixels(pixels, turns)
        with report.clock("detect"):
            quads = detector(pixels)
    with report.clock("recognize"):
        return [reading.text for reading in recognizer(pixels, quads)]


def edit_distance(one: str, other: str) -> int:
    """Gives the fewest insertions, deletions and replacements of characters that turn one text into the other."""
    a, b = (np.array([ord(character) for character in text], np.int64) for text in (one, other))
    places = np.arange(len(b) + 1)
    row = places.copy()
    for number, character in enumerate(a, 1):
        following = np.empty_like(row)
        following[0] = number
        following[1:] = np.minimum(row[1:] + 1, row[:-1] + (b != character))
        # What is left is insertions, which run along the row.
        row = np.minimum.accumulate(following - places) + places
    return int(row[-1])
