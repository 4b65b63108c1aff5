"""Pages on their way through an engine. Coordinates: see the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from batchocr.errors import FailureKind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels: TypeAlias = npt.NDArray[np.uint8]


BBox: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class TextWord:
    """One word of a PDF's text layer.

    Attributes:
        text: its characters, as Unicode.
        bbox: where it stands, px of the page image.
        font_size_px: height of the font in px of the page image.
        bold: the font is bold.
        line: words with the same number belong to one line of the content stream.
    """

    text: str
    bbox: BBox
    font_size_px: float
    bold: bool
    line: int


@dataclass(frozen=True)
class TextLayer:
    """What a PDF page says of itself.

    Attributes:
        words: in the order of the content stream.
        invisible_share: share of characters drawn in the invisible render mode (a scan's hidden OCR text), 0 to 1.
        unmapped_share: share of characters without a trustworthy Unicode value, 0 to 1.
        image_boxes: raster images placed on the page, px of the page image.
        rules: the straight, level or plumb lines that the page draws, px of the page image, if it draws nothing but
            them, text and raster images; None if there is more on it: curves, coloured areas, notes, form fields.
    """

    words: tuple[TextWord, ...]
    invisible_share: float
    unmapped_share: float
    image_boxes: tuple[BBox, ...]
    rules: tuple[BBox, ...] | None = None


@dataclass(frozen=True)
class PageImage:
    """One page as an engine gets it.

    Attributes:
        page_no: counts from 1.
        pixels: BGR, uint8, shape (height, width, 3), C-contiguous. Valid until the engine asks for the next page.
        dpi: pixels per inch of `pixels`.
        source: the document's name, for messages.
        text_layer: of a PDF page when the engine wants it, else None.
        warnings: what was done to the page on its way (for example scaled down).
        page_count: pages of its document, None if unknown.
        thumbnail_of: width and height, px, of the page that `dpi` and the text layer refer to, where `pixels` only give
            an idea of it because the engine reads the page without them (`Engine.needs_pixels`); else None.
    """

    page_no: int
    pixels: Pixels
    dpi: float
    source: str
    text_layer: TextLayer | None = None
    warnings: tuple[str, ...] = ()
    page_count: int | None = None
    thumbnail_of: tuple[int, int] | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the page, px."""
        return self.thumbnail_of or (self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True)
class Block:
    """One region of a page.

    Attributes:
        label: as PaddleOCR's layout models spell them: doc_title, paragraph_title, text, table, image, chart, formula,
            figure_title, header, footer, number, footnote, algorithm, list, seal …
        bbox: px of the page image.
        order: place in the reading order, from 1; None for what is not read in line (page headers, footers, numbers).
        text: plain text, lines separated by newlines.
        html: `<table>…</table>` of a table, else empty.
        score: confidence 0 to 1, or None.
        level: heading level 1 to 6 for titles, else None.
        image: key in `PageResult.images` of the crop that shows this block, or None.
    """

    label: str
    bbox: BBox
    order: int | None
    text: str = ""
    html: str = ""
    score: float | None = None
    level: int | None = None
    image: str | None = None


@dataclass(frozen=True)
class PageResult:
    """What an engine read on one page.

    Attributes:
        page_no: counts from 1.
        width_px, height_px: size of the page image that `bbox`es refer to.
        blocks: regions; none at all means the page is blank.
        markdown: the page as Markdown with links to keys of `images`; None lets batchocr write it from the blocks.
        images: key (a plain file stem such as `image_1`) to BGR uint8 pixels.
        visualizations: kind (such as `ocr`) to BGR uint8 pixels; `layout` is drawn from the blocks if not given.
        raw: the engine's own JSON-safe data about the page.
        warnings: what the reader should know about this page.
        source: the page's document, from engines that work on several pages at once (`PageImage.source`).
    """

    page_no: int
    width_px: int
    height_px: int
    blocks: tuple[Block, ...]
    markdown: str | None = None
    images: Mapping[str, Pixels] = field(default_factory=dict)
    visualizations: Mapping[str, Pixels] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class PageFailure:
    """Why a page has no result.

    Attributes:
        page_no: counts from 1.
        kind: from the closed list.
        message: what happened, for a person.
        fatal: the device is no longer usable, so the worker must be replaced.
        detail: traceback or the like, for the log.
        source: as in `PageResult`.
        blameless: the page has nothing to do with it (a server that is gone): it is as if it had not been tried.
    """

    page_no: int
    kind: FailureKind
    message: str
    fatal: bool = False
    detail: str = ""
    source: str = ""
    blameless: bool = False


PageOutcome: TypeAlias = PageResult | PageFailure
