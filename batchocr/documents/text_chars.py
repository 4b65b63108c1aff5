"""The characters of a PDF page as PDFium knows them: what they are, where they stand, in what style.

Asks PDFium for every character by itself: its ready-made rectangles carry neither words nor fonts. What is asked of
each character takes half the time of a page, so that is little, and by plain addresses; all else is done on arrays.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from math import hypot, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium_c

if TYPE_CHECKING:
    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.int64]

SPACES = (*range(9, 14), 32, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
HYPHEN = ord("-")
# PDFium's own signs for a hyphen at the end of a line: of a character, and in a text.
_LINE_HYPHEN, _LINE_HYPHEN_IN_TEXT = 2, 0xFFFE
BOLD_WEIGHT = 650
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi|cmbx|[-,]bd\b", re.IGNORECASE)
_ADDRESS, _INT = ctypes.c_size_t, ctypes.c_int


def _plain(function: Any, result: Any, *arguments: Any) -> Any:
    """Gives a function of PDFium that takes and gives addresses as numbers: cheaper by half, and addresses compare."""
    return ctypes.CFUNCTYPE(result, *arguments)(_address(function))


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


_code_of = _plain(pdfium_c.FPDFText_GetUnicode, ctypes.c_uint, _ADDRESS, _INT)
_has_map_error = _plain(pdfium_c.FPDFText_HasUnicodeMapError, _INT, _ADDRESS, _INT)
_text_object_of = _plain(pdfium_c.FPDFText_GetTextObject, _ADDRESS, _ADDRESS, _INT)
_put_loose_box = _plain(pdfium_c.FPDFText_GetLooseCharBox, _INT, _ADDRESS, _INT, _ADDRESS)
_put_matrix = _plain(pdfium_c.FPDFText_GetMatrix, _INT, _ADDRESS, _INT, _ADDRESS)
_font_size_of = _plain(pdfium_c.FPDFText_GetFontSize, ctypes.c_double, _ADDRESS, _INT)
_font_of = _plain(pdfium_c.FPDFTextObj_GetFont, _ADDRESS, _ADDRESS)
_put_text = _plain(pdfium_c.FPDFText_GetText, _INT, _ADDRESS, _INT, _INT, _ADDRESS)
_render_mode_of = _plain(pdfium_c.FPDFTextObj_GetTextRenderMode, _INT, _ADDRESS)


@dataclass(frozen=True)
class Chars:
    """The characters of a page, those included that PDFium makes up between words; one entry of every array for each.

    Attributes:
        codes: Unicode values.
        boxes: shape (n, 4), two opposite corners in points.
        sizes: height of the font, points.
        bold, invisible, unmapped: flags; `unmapped` where the PDF gives no Unicode value.
    """

    codes: Numbers
    boxes: Floats
    sizes: Floats
    bold: Flags
    invisible: Flags
    unmapped: Flags


@dataclass(frozen=True)
class _Styles:
    """Height in points, boldness and invisibility of each character, and a number for its font."""

    sizes: Floats
    bold: Flags
    invisible: Flags
    fonts: Numbers


def read_chars(text_page: Any, count: int) -> Chars:
    """Gives the first `count` characters of an open pypdfium2 text page."""
    handle = _address(text_page.raw)
    codes = _read_codes(handle, count)
    styles = _read_styles(handle, count)
    boxes = _read_boxes(handle, styles.sizes, ~np.isin(codes, SPACES))
    unmapped = _read_unmapped(handle, codes, styles.fonts)
    return Chars(codes, boxes, styles.sizes, styles.bold, styles.invisible, unmapped)


def _of_each(function: Any, handle: int, count: int, *arguments: Iterable[int]) -> Numbers:
    """Gives what a function of PDFium says of each character."""
    return np.fromiter(map(function, repeat(handle, count), range(count), *arguments), np.int64, count)


def _read_codes(handle: int, count: int) -> Numbers:
    """Gives the characters' Unicode values: from the page's whole text, if it has one unit for each of them."""
    units = np.zeros(2 * count + 2, np.uint16)
    with_end = _put_text(handle, 0, count, units.ctypes.data)
    if with_end != count + 1:
        codes = _of_each(_code_of, handle, count)
        codes[codes == _LINE_HYPHEN] = HYPHEN
        return codes
    codes = units[:count].astype(np.int64)
    codes[codes == _LINE_HYPHEN_IN_TEXT] = HYPHEN
    return codes


def _read_boxes(handle: int, sizes: Floats, inked: Flags) -> Floats:
    """Gives the boxes of all characters in points, shape (n, 4).

    The loose box (advance width, height of the font) makes words of one line equally high, whatever their letters. It
    is useless for turned text and for fonts that lie about their height; there the box of the ink takes its place.
    """
    rects = np.zeros((len(sizes), 4), np.float32)
    start, step = rects.ctypes.data, rects.itemsize * 4
    _of_each(_put_loose_box, handle, len(sizes), range(start, start + len(sizes) * step, step))
    points = rects.astype(np.float64)
    heights = np.abs(points[:, 1] - points[:, 3])
    doubtful = ~np.isfinite(points).all(axis=1) | (heights < 0.25 * sizes) | (heights > 3 * sizes)
    text_page = ctypes.cast(handle, pdfium_c.FPDF_TEXTPAGE)
    for index in np.flatnonzero(doubtful & inked).tolist():
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        if pdfium_c.FPDFText_GetCharBox(text_page, index, left, right, bottom, top):
            points[index] = (left.value, top.value, right.value, bottom.value)
    return np.nan_to_num(points, nan=-1e6, posinf=1e6, neginf=-1e6)


def _read_styles(handle: int, count: int) -> _Styles:
    """Gives the characters' styles, looked up once for each text object."""
    addresses = _of_each(_text_object_of, handle, count)
    # Characters that PDFium made up (spaces, line ends) belong to no object; they go with those before them.
    owners = np.maximum.accumulate(np.where(addresses != 0, np.arange(count), 0))
    objects, firsts, numbers = np.unique(addresses[owners], return_index=True, return_inverse=True)
    fonts: dict[int, tuple[int, bool]] = {0: (0, False)}
    styles = [
        _style(handle, index, address, fonts) if address else (0.0, False, False, 0)
        for address, index in zip(objects.tolist(), firsts.tolist(), strict=True)
    ]
    table = np.array(styles, np.float64).reshape(-1, 4)[numbers]
    return _Styles(table[:, 0], table[:, 1] > 0, table[:, 2] > 0, table[:, 3].astype(np.int64))


def _style(
    handle: int, index: int, text_object: int, fonts: dict[int, tuple[int, bool]]
) -> tuple[float, bool, bool, int]:
    matrix = pdfium_c.FS_MATRIX()
    size = _font_size_of(handle, index)
    # The font's own size says little: many a PDF sets size 1 and scales by the matrix.
    if _put_matrix(handle, index, ctypes.addressof(matrix)):
        size *= hypot(matrix.c, matrix.d)
    font = _font_of(text_object)
    if font not in fonts:
        fonts[font] = len(fonts), _is_bold(ctypes.cast(font, pdfium_c.FPDF_FONT))
    number, bold = fonts[font]
    invisible = _render_mode_of(text_object) == pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE
    return (size if isfinite(size) else 0.0), bold, invisible, number


def _is_bold(font: Any) -> bool:
    if pdfium_c.FPDFFont_GetWeight(font) >= BOLD_WEIGHT:
        return True
    name = ctypes.create_string_buffer(256)
    length = pdfium_c.FPDFFont_GetBaseFontName(font, name, len(name))
    return 0 < length <= len(name) and _BOLD_NAME.search(name.value) is not None


def _read_unmapped(handle: int, codes: Numbers, fonts: Numbers) -> Flags:
    """Tells which characters have no Unicode value in the PDF, asked once for each value and font."""
    _, firsts, numbers = np.unique(fonts << 32 | codes, return_index=True, return_inverse=True)
    return np.array([_has_map_error(handle, index) == 1 for index in firsts.tolist()], np.bool_)[numbers]
