"""What a PDF page says of itself: its words, where they stand on the page image, and where its pictures are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from batchocr.datatypes import TextLayer, TextWord
from batchocr.documents.drawn_rules import drawn_rules
from batchocr.documents.page_geometry import Geometry, image_boxes
from batchocr.documents.text_chars import HYPHEN, SPACES, Chars, read_chars

if TYPE_CHECKING:
    Flags = npt.NDArray[np.bool_]

MAX_CHARS = 200_000
# Of the font's height. A word's letters stand closer; PDFium itself sees a space in less.
WORD_GAP = 0.5
_DROPPED = (*range(32), *range(0x7F, 0xA0), *range(0x200B, 0x2010), 0x2060, 0xFEFF)
_SOFT_HYPHEN = 0xAD
_NEWLINE = 10


def read_text_layer(page: Any, width_px: int, height_px: int) -> tuple[TextLayer | None, tuple[str, ...]]:
    """Gives the text layer of an open pypdfium2 page that was drawn as `width_px` x `height_px`, and warnings.

    Raises:
        pypdfium2.PdfiumError: the page's text cannot be loaded.
    """
    geometry = Geometry.of(page, width_px, height_px)
    text_page = page.get_textpage()
    try:
        count = text_page.count_chars()
        if count > MAX_CHARS:
            return None, (f"text layer not used: it has {count:,} characters, more than {MAX_CHARS:,}",)
        chars = _on_image(read_chars(text_page, count), geometry)
    finally:
        text_page.close()
    layer = _text_layer(chars, geometry)
    return replace(layer, rules=drawn_rules(page, geometry), image_boxes=image_boxes(page, geometry)), ()


def _on_image(chars: Chars, geometry: Geometry) -> Chars:
    """Gives the characters with boxes and sizes in px, and with what words are made of."""
    codes = chars.codes.copy()
    ends_line = np.isin(np.append(codes[1:], _NEWLINE), (10, 13))
    codes[(codes == _SOFT_HYPHEN) & ends_line] = HYPHEN
    private = ((codes >= 0xE000) & (codes <= 0xF8FF)) | (codes == 0xFFFD) | (codes >= 0xF0000)
    no_text = np.isin(codes, sorted(set(_DROPPED) - set(SPACES)))
    return replace(
        chars,
        codes=codes,
        boxes=geometry.to_px(chars.boxes),
        sizes=chars.sizes * geometry.px_per_point,
        unmapped=chars.unmapped | private | no_text,
    )


def _text_layer(chars: Chars, geometry: Geometry) -> TextLayer:
    spaces = np.isin(chars.codes, SPACES)
    dropped = ~spaces & (np.isin(chars.codes, _DROPPED) | (chars.codes == _SOFT_HYPHEN))
    said = ~spaces & (chars.codes != _SOFT_HYPHEN)
    kept = np.flatnonzero(~spaces & ~dropped)
    return TextLayer(
        words=_words(chars, kept, spaces, geometry) if len(kept) else (),
        invisible_share=float(chars.invisible[kept].mean()) if len(kept) else 0.0,
        unmapped_share=float(chars.unmapped[said].mean()) if said.any() else 0.0,
        image_boxes=(),
    )


def _words(chars: Chars, kept: npt.NDArray[np.intp], spaces: Flags, geometry: Geometry) -> tuple[TextWord, ...]:
    lines = np.cumsum(chars.codes == _NEWLINE)[kept]
    starts = np.flatnonzero(_begins_word(chars, kept, spaces, lines))
    boxes, sizes = chars.boxes[kept], chars.sizes[kept]
    mins = np.minimum.reduceat(boxes[:, :2], starts)
    maxs = np.maximum.reduceat(boxes[:, 2:], starts)
    heights = np.maximum.reduceat(sizes, starts).round(2).tolist()
    lengths = np.diff(np.append(starts, len(kept)))
    bold = (np.add.reduceat(chars.bold[kept].astype(np.int64), starts) * 2 > lengths).tolist()
    middles = (mins + maxs) / 2
    on_page: Flags = np.all((middles >= 0) & (middles <= geometry.size_px), axis=1)
    edges = np.hstack((np.clip(mins, 0, geometry.size_px), np.clip(maxs, 0, geometry.size_px))).round(2).tolist()
    codes = chars.codes[kept]
    letters = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    mend = _mended if ((codes >= 0xD800) & (codes <= 0xDFFF)).any() else str
    ends = [*starts[1:].tolist(), len(kept)]
    return tuple(
        TextWord(mend(letters[start:end]), tuple(edges[number]), heights[number], bold[number], line)
        for number, (start, end, line) in enumerate(zip(starts.tolist(), ends, lines[starts].tolist(), strict=True))
        if on_page[number]
    )


def _begins_word(chars: Chars, kept: npt.NDArray[np.intp], spaces: Flags, lines: npt.NDArray[np.int64]) -> Flags:
    """Tells for each kept character whether a word begins with it."""
    boxes, sizes = chars.boxes[kept], chars.sizes[kept]
    before, after = boxes[:-1], boxes[1:]
    # How far apart two boxes are in x or in y, whatever way the text runs; negative where they overlap.
    apart = np.maximum(after[:, :2] - before[:, 2:], before[:, :2] - after[:, 2:]).max(axis=1)
    far = apart > WORD_GAP * np.maximum(sizes[:-1], sizes[1:])
    spaced = np.diff(np.cumsum(spaces)[kept]) > 0
    # Chinese and Japanese put no space between words; what stands there is letter-spacing.
    cjk = _is_cjk(chars.codes[kept])
    begins = np.ones(len(kept), np.bool_)
    begins[1:] = far | (spaced & ~(cjk[:-1] & cjk[1:])) | (np.diff(lines) > 0)
    return begins


def _is_cjk(codes: npt.NDArray[np.int64]) -> Flags:
    ranges = ((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))
    found = np.zeros(len(codes), np.bool_)
    for first, last in ranges:
        found |= (codes >= first) & (codes <= last)
    return found


def _mended(text: str) -> str:
    """Gives a text in which halves of surrogate pairs are one character; a half by itself becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
