"""Opens one document, whatever its format, and gives pages of it as pixels.

Runs in a document child only: PDFium and image decoders may crash, hang or eat memory on a hostile file.
Messages of errors name neither the document nor the page: both travel beside them, and equal messages let a run of
failed pages be shown as one range.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, BinaryIO, Protocol

from batchocr.datatypes import DocumentFormat, FileIdentity, Limits, TextLayer
from batchocr.documents.formats import HEAD_BYTES, sniff
from batchocr.errors import DocumentError, FailureKind

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

# JPEG, and so every picture that we write, ends at 65,535 px a side.
MAX_SIDE_PX = 65_000


@dataclass(frozen=True)
class RenderedPage:
    """One page as pixels.

    Attributes:
        pixels: BGR, uint8, shape (height, width, 3), C-contiguous.
        dpi: pixels per inch of the page.
        text_layer: of a PDF page, if it was wanted.
        warnings: what was done to the page on its way.
        thumbnail_of: width and height, px, of the page at `dpi` where `pixels` are only a thumbnail of it, else None.
    """

    pixels: Pixels
    dpi: float
    text_layer: TextLayer | None = None
    warnings: tuple[str, ...] = ()
    thumbnail_of: tuple[int, int] | None = None


class DocumentReader(Protocol):
    """One open document. Not thread-safe: PDFium is not."""

    format: DocumentFormat
    page_count: int
    identity: FileIdentity

    def render(self, page_no: int, dpi: int, want_text: bool, thumbnail_dpi: int | None = None) -> RenderedPage:
        """Gives page `page_no` (from 1). PDF pages are drawn at `dpi`; images keep their own pixels.

        With `thumbnail_dpi`, a page that draws nothing but text and rules comes as a thumbnail of that resolution, a
        single pixel if it is 0.

        Raises:
            DocumentError: `page_render_failed`; other pages may still come out.
        """

    def close(self) -> None:
        """Lets go of the file and of all memory."""


def open_document(path: str, password: str | None, limits: Limits) -> DocumentReader:
    """Gives a reader of the document at `path`, which has at least one page.

    Raises:
        DocumentError: `document_unreadable`, `document_encrypted` or `document_too_large`.
    """
    file, identity = open_file(path, limits)
    with closed_on_error(file):
        return read_document(file, identity, password, limits)


def open_file(path: str, limits: Limits) -> tuple[BinaryIO, FileIdentity]:
    """Gives the open file and the identity of the very file that was opened; nothing of it has been read.

    Raises:
        DocumentError: `document_unreadable` or `document_too_large`.
    """
    try:
        # O_NONBLOCK: a FIFO that was put in the file's place must not hang us.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        file = os.fdopen(os.open(path, flags), "rb", buffering=1 << 16)
    except OSError as err:
        raise DocumentError(f"the file cannot be opened: {err.strerror}; check that it exists and may be read") from err
    with closed_on_error(file):
        identity = identity_of(file)
        if identity is None:
            raise DocumentError("it is not a regular file; give batchocr files only")
        if identity.size_bytes == 0:
            raise DocumentError("the file is empty (0 bytes); was it copied completely?")
        if identity.size_bytes > limits.max_file_bytes:
            raise DocumentError(
                f"the file has {identity.size_bytes:,} bytes, more than max_file_bytes ({limits.max_file_bytes:,}); "
                "raise that limit or split the file",
                FailureKind.DOCUMENT_TOO_LARGE,
            )
    return file, identity


def read_document(file: BinaryIO, identity: FileIdentity, password: str | None, limits: Limits) -> DocumentReader:
    """Gives a reader of an open file; it closes the file with itself.

    Raises:
        DocumentError: `document_unreadable`, `document_encrypted` or `document_too_large`.
    """
    try:
        file.seek(0)
        document_format = sniff(file.read(HEAD_BYTES))
        file.seek(0)
    except OSError as err:
        raise DocumentError(f"the file cannot be read: {err.strerror}") from err
    if document_format is None:
        raise DocumentError(
            "it is no PDF, PNG, JPEG, TIFF, WebP or BMP by its content, or its beginning is damaged; "
            "check it in a viewer and copy it again"
        )
    # Each library is loaded when the first document of its kind comes.
    reader: DocumentReader
    if document_format is DocumentFormat.PDF:
        from batchocr.documents.pdf import PdfReader

        reader = PdfReader(file, identity, password, limits)
    else:
        from batchocr.documents.image_file import ImageReader

        reader = ImageReader(file, identity, document_format, limits)
    if reader.page_count > limits.max_pages:
        reader.close()
        raise DocumentError(
            f"the document has {reader.page_count:,} pages, more than max_pages ({limits.max_pages:,}); "
            "raise that limit or split the document",
            FailureKind.DOCUMENT_TOO_LARGE,
        )
    return reader


def identity_of(file: BinaryIO) -> FileIdentity | None:
    """Gives the identity of an open file, or None if it is no regular file."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileIdentity(status.st_size, status.st_mtime_ns, status.st_ino)


def shrinkage(width: float, height: float, max_pixels: int) -> float:
    """Gives the factor, at most 1, that makes an image of `width` x `height` px fit the limits."""
    return min(1.0, sqrt(max_pixels) / sqrt(width) / sqrt(height), MAX_SIDE_PX / max(width, height))


def shrunk_warning(width: float, height: float, dpi: float) -> str:
    """Gives the words for a page that was scaled down from `width` x `height` px to `dpi`."""
    return (
        f"scaled down to {dpi:.0f} dpi: {width:,.0f} x {height:,.0f} px would be more than max_page_pixels; "
        "small print may be lost"
    )


@contextmanager
def closed_on_error(file: BinaryIO) -> Iterator[None]:
    """Closes `file` if the block raises."""
    try:
        yield
    except BaseException:
        file.close()
        raise
