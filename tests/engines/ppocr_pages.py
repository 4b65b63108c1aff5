"""Small pages to read, and PP-OCR's real networks, loaded once."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from support.missing import missing

from batchocr.datatypes import PageImage, PageResult, TextLayer, TextWord
from batchocr.engines.ppocr.engine import PpOcrEngine
from batchocr.errors import SetupError

Pixels = npt.NDArray[np.uint8]

SENTENCES = (
    "The quick brown fox jumps over the lazy dog",
    "Pack my box with five dozen liquor jugs",
    "Invoice number 20871 is due on 14 March",
    "Sphinx of black quartz, judge my vow",
)


def picture(lines: list[tuple[int, int, str]], *, size: tuple[int, int] = (1000, 500), font_size: int = 32) -> Pixels:
    """Gives a white page, BGR, with each text at its place (x, y)."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for x, y, text in lines:
        draw.text((x, y), text, fill="black", font=ImageFont.load_default(font_size))
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def sentences() -> Pixels:
    """Gives a page with SENTENCES, one on a line."""
    return picture([(60, 60 + 90 * row, text) for row, text in enumerate(SENTENCES)])


def page_of(pixels: Pixels, *, layer: TextLayer | None = None, page_no: int = 1) -> PageImage:
    """Gives a page of `document.pdf` at 150 dpi."""
    return PageImage(page_no=page_no, pixels=pixels, dpi=150.0, source="document.pdf", text_layer=layer)


def words_of(texts: list[str], *, x: float = 60.0, y: float = 60.0, line: int = 0) -> tuple[TextWord, ...]:
    """Gives words of 32 px in a row, 16 px a character and 10 px between words."""
    words = []
    for text in texts:
        words.append(TextWord(text, (x, y, x + 16.0 * len(text), y + 32.0), 32.0, bold=False, line=line))
        x += 16.0 * len(text) + 10.0
    return tuple(words)


def layer_of(
    words: tuple[TextWord, ...],
    *,
    invisible: float = 0.0,
    unmapped: float = 0.0,
    images: tuple[tuple[float, float, float, float], ...] = (),
) -> TextLayer:
    """Gives a text layer of these words."""
    return TextLayer(words=words, invisible_share=invisible, unmapped_share=unmapped, image_boxes=images)


@cache
def loaded_engine(**options: object) -> PpOcrEngine:
    """Gives a loaded engine, the same one for the same options."""
    engine = PpOcrEngine(PpOcrEngine.Options.model_validate(options))
    try:
        engine.load("cpu")
    except SetupError as err:
        missing(str(err))
    return engine


def recognized(page: PageImage, **options: object) -> PageResult:
    """Gives the result of one page, which must not fail."""
    (outcome,) = loaded_engine(**options).recognize([page])
    assert isinstance(outcome, PageResult), outcome
    return outcome


def text_of(result: PageResult) -> str:
    """Gives the text of all blocks in reading order, without line breaks."""
    blocks = sorted(result.blocks, key=lambda block: (block.order is None, block.order))
    return " ".join(block.text for block in blocks).replace("\n", " ")
