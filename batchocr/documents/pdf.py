"""Pages of PDFs, drawn by PDFium. Only ever loaded in a document child."""

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from batchocr.datatypes import DocumentFormat, FileIdentity, Limits
from batchocr.documents.reader import RenderedPage, shrinkage, shrunk_warning
from batchocr.documents.text_layer import read_text_layer
from batchocr.errors import DocumentError, FailureKind

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

POINTS_PER_INCH = 72
PAGE_FAILED = FailureKind.PAGE_RENDER_FAILED


class PdfReader:
    """One open PDF.

    After a page that PDFium cannot load, it may fail on others that it can load in a file just opened. What becomes of
    a page must not depend on which were read before, so such a file is opened again.
    """

    format = DocumentFormat.PDF

    def __init__(self, file: BinaryIO, identity: FileIdentity, password: str | None, limits: Limits) -> None:
        self.identity = identity
        self._limits = limits
        self._file = file
        self._password = password
        self._pdf = self._open()
        self._pages_loaded = 0
        self.page_count = len(self._pdf)

    def _open(self) -> Any:
        # PDFium keeps its last error, and for an empty page tree sets none: that of the document before would be told.
        pdfium_c.FPDF_LoadMemDocument(b"", 0, None)
        try:
            pdf = pdfium.PdfDocument(self._file, password=self._password)
        except pdfium.PdfiumError as err:
            raise _opening_error(err.err_code, self._password is not None) from err
        try:
            # Before any page is loaded: only then are filled-in form fields drawn.
            pdf.init_forms()
        except pdfium.PdfiumError as err:
            pdf.close()
            raise DocumentError("PDFium cannot read the form fields of this PDF; print it to a new PDF") from err
        return pdf

    def _load(self, page_no: int) -> Any:
        """Gives a page, as a file just opened would give it."""
        try:
            page = self._pdf.get_page(page_no - 1)
        except pdfium.PdfiumError:
            fresh = self._pages_loaded == 0
            self._pdf.close()
            self._pdf, self._pages_loaded = self._open(), 0
            if fresh:
                raise
            return self._load(page_no)
        self._pages_loaded += 1
        return page

    def render(self, page_no: int, dpi: int, want_text: bool, thumbnail_dpi: int | None = None) -> RenderedPage:
        """Gives page `page_no` drawn at `dpi`, or lower where it would be larger than `max_page_pixels`.

        With `thumbnail_dpi`, a page that draws nothing but text and rules comes as a thumbnail of that resolution, a
        single pixel if it is 0.

        Raises:
            DocumentError: `page_render_failed`.
        """
        try:
            page = self._load(page_no)
        except pdfium.PdfiumError as err:
            raise DocumentError("PDFium cannot load this page: the PDF is damaged", PAGE_FAILED) from err
        try:
            return self._draw(page, dpi, want_text, thumbnail_dpi)
        except pdfium.PdfiumError as err:
            raise DocumentError(f"PDFium cannot draw this page: {err}", PAGE_FAILED) from err
        finally:
            page.close()

    def _draw(self, page: Any, dpi: int, want_text: bool, thumbnail_dpi: int | None) -> RenderedPage:
        width, height = page.get_size()
        if not (isfinite(width) and isfinite(height) and width > 0 and height > 0):
            raise DocumentError(f"this page has no usable size ({width} x {height} points)", PAGE_FAILED)
        wanted = dpi / POINTS_PER_INCH
        scale = wanted * shrinkage(width * wanted, height * wanted, self._limits.max_page_pixels)
        warnings = []
        if scale < wanted:
            warnings.append(shrunk_warning(width * wanted, height * wanted, scale * POINTS_PER_INCH))
        size_px = ceil(width * scale), ceil(height * scale)
        text_layer = None
        if want_text:
            text_layer, text_warnings = read_text_layer(page, *size_px)
            warnings.extend(text_warnings)
        if thumbnail_dpi is None or text_layer is None or text_layer.rules is None or text_layer.image_boxes:
            return RenderedPage(_pixels(page, scale), scale * POINTS_PER_INCH, text_layer, tuple(warnings))
        pixels = _pixels(page, scale * min(1.0, thumbnail_dpi / dpi))
        return RenderedPage(pixels, scale * POINTS_PER_INCH, text_layer, tuple(warnings), size_px)

    def close(self) -> None:
        """Lets go of the file and of all memory."""
        self._pdf.close()
        self._file.close()


def _pixels(page: Any, scale: float) -> Pixels:
    """Draws a page: BGR uint8, C-contiguous since a bitmap of PDFium's native kind has rows without padding."""
    if scale == 0:
        return np.full((1, 1, 3), 255, np.uint8)
    pixels: Pixels = page.render(scale=scale, rev_byteorder=False).to_numpy()
    return pixels


def _opening_error(code: int | None, with_password: bool) -> DocumentError:
    if code == pdfium_c.FPDF_ERR_PASSWORD:
        fault = "the password given for this PDF is wrong" if with_password else "the PDF needs a password"
        return DocumentError(f"{fault}; name it in the file given with --password-file", FailureKind.DOCUMENT_ENCRYPTED)
    if code == pdfium_c.FPDF_ERR_SECURITY:
        return DocumentError(
            "the PDF is encrypted in a way that PDFium cannot open (certificate or rights management); "
            "save it without protection first",
            FailureKind.DOCUMENT_ENCRYPTED,
        )
    # PDFium gives the same code for a page tree that is empty and for one that it cannot follow.
    return DocumentError(
        "the PDF is damaged or has no pages: PDFium cannot open it; check it in a viewer and repair it"
    )
