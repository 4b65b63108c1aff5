"""One page from its image (and text layer) to its blocks: where its text comes from, its lines, its layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from batchocr.datatypes import PageImage, PageResult
from batchocr.engines.ppocr.detection import Detector
from batchocr.engines.ppocr.layer_alone import needs_search
from batchocr.engines.ppocr.layout import analyze
from batchocr.engines.ppocr.line_reader import LineReader
from batchocr.engines.ppocr.orientation import turned_box
from batchocr.engines.ppocr.recognition import Recognizer
from batchocr.engines.ppocr.rulings import find_rules, rules_of
from batchocr.engines.ppocr.runtime import Network, open_network
from batchocr.engines.ppocr.tables import grids_of
from batchocr.engines.ppocr.text_layer import distrust, lines_from_words
from batchocr.errors import EngineError, FailureKind

if TYPE_CHECKING:
    from batchocr.datatypes import BBox, Pixels
    from batchocr.engines.ppocr.cell_marks import ReadBoxes
    from batchocr.engines.ppocr.lines import Line
    from batchocr.engines.ppocr.options import PpOcrOptions
    from batchocr.engines.ppocr.rulings import Rules
    from batchocr.engines.ppocr.tables import TableGrid
    from batchocr.engines.ppocr.weights import Weights


@dataclass(frozen=True)
class TextSource:
    """Where a page's text comes from.

    Attributes:
        kind: `ocr` or `text_layer`.
        reason: why, for a person.
        warning: what the reader should know about it, or None.
    """

    kind: Literal["ocr", "text_layer"]
    reason: str
    warning: str | None = None


class PageReader:
    """Recognizes pages, one at a time."""

    def __init__(self, options: PpOcrOptions, weights: Weights | None) -> None:
        """Opens the networks.

        Args:
            options: of the engine.
            weights: of the networks; None in mode `text`, which needs none.

        Raises:
            SetupError: the runtime or the weights do not load.
        """
        # One worker per core: OpenCV's own threads would only take turns with the other workers.
        cv2.setNumThreads(1)
        self._mode = options.mode
        self._networks: list[Network] = []
        self._line_reader: LineReader | None = None
        if weights is not None:
            self._networks = [
                open_network(path, options.runtime, threads=options.threads, precision=options.precision)
                for path in (weights.detection, weights.recognition)
            ]
            detector = Detector(self._networks[0], options.det_long_side)
            self._line_reader = LineReader(detector, Recognizer(self._networks[1]), options.drop_score)

    def read(self, page: PageImage) -> PageResult:
        """Gives what is on one page.

        Raises:
            EngineError: a network or OpenCV failed.
            MemoryError: memory ran out.
        """
        try:
            source = self._text_source(page)
            if source.kind == "text_layer":
                return _read_layer(page, source)
            return self._read_image(page, source)
        except cv2.error as err:
            kind = FailureKind.ENGINE_OUT_OF_MEMORY if err.code == cv2.Error.StsNoMem else None
            raise EngineError(f"OpenCV: {err.err or err}", kind) from err

    def release_memory(self) -> None:
        """Gives back what the networks keep for the shapes that they have seen."""
        for network in self._networks:
            network.release_memory()

    def _text_source(self, page: PageImage) -> TextSource:
        if self._mode == "ocr":
            return TextSource("ocr", "mode ocr")
        # Of a page whose layer is doubtful no thumbnail comes.
        doubt = None if page.thumbnail_of else distrust(page.text_layer, page.pixels, page.dpi)
        if self._mode == "text":
            warning = None if doubt is None else f"{doubt}; mode auto or ocr reads such a page from its image"
            return TextSource("text_layer", "mode text", warning)
        return TextSource("ocr", doubt) if doubt else TextSource("text_layer", "the text layer can be trusted")

    def _read_image(self, page: PageImage, source: TextSource) -> PageResult:
        assert self._line_reader is not None, "mode text never reads an image"
        upright, turns, quads = self._line_reader.find(page.pixels)
        rules = find_rules(upright)
        grids = grids_of(rules)
        lines = self._line_reader.read(upright, quads, grids)
        read_boxes = partial(self._line_reader.read_boxes, upright)
        return _result(page, upright, turns, source, lines, rules, grids, read_boxes)


def _read_layer(page: PageImage, source: TextSource) -> PageResult:
    layer = page.text_layer
    lines = lines_from_words(layer.words) if layer else []
    if layer is not None and layer.rules is not None and (page.thumbnail_of or not needs_search(page)):
        width, height = page.size_px
        nothing: Pixels = np.broadcast_to(np.uint8(255), (height, width, 3))  # takes no memory
        rules = rules_of(layer.rules, height, width)
        pixels = nothing if page.thumbnail_of else page.pixels
        return _result(page, pixels, 0, source, lines, rules, grids_of(rules), placed_only=True)
    rules = find_rules(page.pixels)
    return _result(page, page.pixels, 0, source, lines, rules, grids_of(rules))


def _result(
    page: PageImage,
    upright: Pixels,
    turns: int,
    source: TextSource,
    lines: Sequence[Line],
    rules: Rules,
    grids: Sequence[TableGrid],
    read_boxes: ReadBoxes | None = None,
    *,
    placed_only: bool = False,
) -> PageResult:
    """Lays the upright page out, and turns the boxes back to where they are on the page as it came."""
    width, height = page.size_px
    image_boxes: list[BBox] = []
    if page.text_layer is not None:
        image_boxes = [turned_box(box, turns, width, height) for box in page.text_layer.image_boxes]
    layout = analyze(
        upright, page.dpi, lines, grids, image_boxes, source.kind, read_boxes, rules, placed_only=placed_only
    )
    blocks = layout.blocks
    raw: dict[str, Any] = {"text_source": source.kind, "reason": source.reason}
    warnings = [source.warning] if source.warning else []
    if turns:
        up_height, up_width = upright.shape[:2]
        blocks = tuple(replace(block, bbox=turned_box(block.bbox, -turns, up_width, up_height)) for block in blocks)
        raw["turned_degrees"] = 90 * turns
        warnings.append(f"the page was turned counterclockwise by {90 * turns} degrees to be read")
    return PageResult(
        page_no=page.page_no,
        width_px=width,
        height_px=height,
        blocks=blocks,
        images=layout.images,
        raw=raw,
        warnings=tuple(warnings),
    )
