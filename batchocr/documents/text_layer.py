"""What a PDF page says of itself: its words, where they stand on the page image, and where its pictures are.

Asks PDFium for every character by itself: its ready-made strings and rectangles carry neither words nor fonts. The
loops over characters hold nothing but calls of PDFium (about 3 us a character); all else is done on arrays.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import repeat
from math import hypot, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium_c

from batchocr.datatypes import TextLayer, TextWord
from batchocr.documents.drawn_rules import drawn_rules
from batchocr.documents.page_geometry import Geometry, image_boxes

if TYPE_CHECKING:
    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

MAX_CHARS = 200_000
# Of the font's height. A word's letters stand closer; PDFium itself sees a space in less.
WORD_GAP = 0.5
BOLD_WEIGHT = 650
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi|cmbx|[-,]bd\b", re.IGNORECASE)
_SPACES = (*range(9, 14), 32, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_DROPPED = (*range(32), *range(0x7F, 0xA0), *range(0x200B, 0x2010), 0x2060, 0xFEFF)
# PDFium's own sign for a hyphen at the end of a line.
_LINE_HYPHEN = 2
_SOFT_HYPHEN = 0xAD
_HYPHEN = ord("-")
_NEWLINE = 10


def _plain(function: Any, result: Any, *arguments: Any) -> Any:
    """Gives a function of PDFium that takes and gives addresses as numbers: cheaper by half, and addresses compare."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    return ctypes.CFUNCTYPE(result, ctypes.c_size_t, ctypes.c_int, *arguments)(address or 0)


_code_of = _plain(pdfium_c.FPDFText_GetUnicode, ctypes.c_uint)
_has_map_error = _plain(pdfium_c.FPDFText_HasUnicodeMapError, ctypes.c_int)
_text_object_of = _plain(pdfium_c.FPDFText_GetTextObject, ctypes.c_size_t)
_put_loose_box = _plain(pdfium_c.FPDFText_GetLooseCharBox, ctypes.c_int, ctypes.c_size_t)


@dataclass(frozen=True)
class _Chars:
    """The characters of a page; one entry of every array for each.

    Attributes:
        codes: Unicode values.
        boxes: shape (n, 4), px.
        sizes: height of the font, px.
        bold, invisible, unmapped: flags.
    """

    codes: npt.NDArray[np.int64]
    boxes: Floats
    sizes: Floats
    bold: Flags
    invisible: Flags
    unmapped: Flags


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
        chars = _read_chars(text_page.raw, count, geometry)
    finally:
        text_page.close()
    layer = _text_layer(chars, geometry)
    rules = drawn_rules(page, geometry)
    if rules is not None:
        return replace(layer, rules=rules), ()
    return replace(layer, image_boxes=image_boxes(page, geometry)), ()


def _read_chars(text_page: Any, count: int, geometry: Geometry) -> _Chars:
    codes = _of_each(_code_of, text_page, count)
    errors = _of_each(_has_map_error, text_page, count)
    sizes, bold, invisible = _read_styles(text_page, count)
    codes[codes == _LINE_HYPHEN] = _HYPHEN
    ends_line = np.isin(np.append(codes[1:], _NEWLINE), (10, 13))
    codes[(codes == _SOFT_HYPHEN) & ends_line] = _HYPHEN
    private = ((codes >= 0xE000) & (codes <= 0xF8FF)) | (codes == 0xFFFD) | (codes >= 0xF0000)
    return _Chars(
        codes=codes,
        boxes=geometry.to_px(_read_boxes(text_page, sizes, ~np.isin(codes, _SPACES))),
        sizes=sizes * geometry.px_per_point,
        bold=bold,
        invisible=invisible,
        unmapped=(errors == 1) | private | np.isin(codes, sorted(set(_DROPPED) - set(_SPACES))),
    )


def _of_each(function: Any, text_page: Any, count: int, *arguments: Iterable[int]) -> npt.NDArray[np.int64]:
    """Gives what a function of PDFium says of each character."""
    handle = ctypes.cast(text_page, ctypes.c_void_p).value
    return np.fromiter(map(function, repeat(handle, count), range(count), *arguments), np.int64, count)


def _read_boxes(text_page: Any, sizes: Floats, inked: Flags) -> Floats:
    """Gives the boxes of all characters in points, shape (n, 4).

    The loose box (advance width, height of the font) makes words of one line equally high, whatever their letters. It
    is useless for turned text and for fonts that lie about their height; there the box of the ink takes its place.
    """
    rects = np.zeros((len(sizes), 4), np.float32)
    start, step = rects.ctypes.data, rects.itemsize * 4
    _of_each(_put_loose_box, text_page, len(sizes), range(start, start + len(sizes) * step, step))
    points = rects.astype(np.float64)
    heights = np.abs(points[:, 1] - points[:, 3])
    doubtful = ~np.isfinite(points).all(axis=1) | (heights < 0.25 * sizes) | (heights > 3 * sizes)
    for index in np.flatnonzero(doubtful & inked).tolist():
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        if pdfium_c.FPDFText_GetCharBox(text_page, index, left, right, bottom, top):
            points[index] = (left.value, top.value, right.value, bottom.value)
    return np.nan_to_num(points, nan=-1e6, posinf=1e6, neginf=-1e6)


def _read_styles(text_page: Any, count: int) -> tuple[Floats, Flags, Flags]:
    """Gives font height in points, boldness and invisibility; looked up once for each text object."""
    addresses = _of_each(_text_object_of, text_page, count)
    # Characters that PDFium made up (spaces, line ends) belong to no object; they go with those before them.
    owners = np.maximum.accumulate(np.where(addresses != 0, np.arange(count), 0))
    objects, firsts, numbers = np.unique(addresses[owners], return_index=True, return_inverse=True)
    bold_fonts: dict[int, bool] = {}
    styles = [
        _style(text_page, index, address, bold_fonts) if address else (0.0, False, False)
        for address, index in zip(objects.tolist(), firsts.tolist(), strict=True)
    ]
    table = np.array(styles, np.float64).reshape(-1, 3)[numbers]
    return table[:, 0], table[:, 1] > 0, table[:, 2] > 0


def _style(text_page: Any, index: int, address: int, bold_fonts: dict[int, bool]) -> tuple[float, bool, bool]:
    text_object = ctypes.cast(address, pdfium_c.FPDF_PAGEOBJECT)
    matrix = pdfium_c.FS_MATRIX()
    size = float(pdfium_c.FPDFText_GetFontSize(text_page, index))
    # The font's own size says little: many a PDF sets size 1 and scales by the matrix.
    if pdfium_c.FPDFText_GetMatrix(text_page, index, matrix):
        size *= hypot(matrix.c, matrix.d)
    font = pdfium_c.FPDFTextObj_GetFont(text_object)
    font_address = ctypes.cast(font, ctypes.c_void_p).value or 0
    if font_address not in bold_fonts:
        bold_fonts[font_address] = bool(font_address) and _is_bold(font)
    invisible = pdfium_c.FPDFTextObj_GetTextRenderMode(text_object) == pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE
    return (size if isfinite(size) else 0.0), bold_fonts[font_address], invisible


def _is_bold(font: Any) -> bool:
    if pdfium_c.FPDFFont_GetWeight(font) >= BOLD_WEIGHT:
        return True
    name = ctypes.create_string_buffer(256)
    length = pdfium_c.FPDFFont_GetBaseFontName(font, name, len(name))
    return 0 < length <= len(name) and _BOLD_NAME.search(name.value) is not None


def _text_layer(chars: _Chars, geometry: Geometry) -> TextLayer:
    spaces = np.isin(chars.codes, _SPACES)
    dropped = ~spaces & (np.isin(chars.codes, _DROPPED) | (chars.codes == _SOFT_HYPHEN))
    said = ~spaces & (chars.codes != _SOFT_HYPHEN)
    kept = np.flatnonzero(~spaces & ~dropped)
    return TextLayer(
        words=_words(chars, kept, spaces, geometry) if len(kept) else (),
        invisible_share=float(chars.invisible[kept].mean()) if len(kept) else 0.0,
        unmapped_share=float(chars.unmapped[said].mean()) if said.any() else 0.0,
        image_boxes=(),
    )


def _words(chars: _Chars, kept: npt.NDArray[np.intp], spaces: Flags, geometry: Geometry) -> tuple[TextWord, ...]:
    lines = np.cumsum(chars.codes == _NEWLINE)[kept]
    starts = np.flatnonzero(_begins_word(chars, kept, spaces, lines))
    boxes, sizes = chars.boxes[kept], chars.sizes[kept]
    mins = np.minimum.reduceat(boxes[:, :2], starts)
    maxs = np.maximum.reduceat(boxes[:, 2:], starts)
    heights = np.maximum.reduceat(sizes, starts).tolist()
    lengths = np.diff(np.append(starts, len(kept)))
    bold = (np.add.reduceat(chars.bold[kept].astype(np.int64), starts) * 2 > lengths).tolist()
    middles = (mins + maxs) / 2
    on_page: Flags = np.all((middles >= 0) & (middles <= geometry.size_px), axis=1)
    edges = np.hstack((np.clip(mins, 0, geometry.size_px), np.clip(maxs, 0, geometry.size_px))).tolist()
    letters = list(map(chr, chars.codes[kept].tolist()))
    mend = _mended if any("\ud800" <= letter <= "\udfff" for letter in letters) else str
    ends = [*starts[1:].tolist(), len(kept)]
    return tuple(
        TextWord(mend("".join(letters[start:end])), tuple(edges[number]), heights[number], bold[number], line)
        for number, (start, end, line) in enumerate(zip(starts.tolist(), ends, lines[starts].tolist(), strict=True))
        if on_page[number]
    )


def _begins_word(chars: _Chars, kept: npt.NDArray[np.intp], spaces: Flags, lines: npt.NDArray[np.int64]) -> Flags:
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
