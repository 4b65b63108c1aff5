"""What a file is, by its first bytes; its name is never trusted. Imports nothing heavy."""

from __future__ import annotations

import os
import re
from pathlib import Path

from batchocr.datatypes import DocumentFormat

HEAD_BYTES = 1024

# A file with such an ending is meant to be a document, so it is never passed over, whatever it holds.
ENDINGS = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})

_PDF_HEADER = re.compile(rb"%PDF-\d")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", DocumentFormat.PNG),
    (b"\xff\xd8\xff", DocumentFormat.JPEG),
    (b"II*\0", DocumentFormat.TIFF),
    (b"MM\0*", DocumentFormat.TIFF),
    (b"II+\0", DocumentFormat.TIFF),
    (b"MM\0+", DocumentFormat.TIFF),
)
# "BM" alone begins many a text, so the length of the header that follows is looked at as well.
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def sniff(head: bytes) -> DocumentFormat | None:
    """Gives what a file is, from its first `HEAD_BYTES` bytes, or None if it is nothing that we read."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return DocumentFormat.WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return DocumentFormat.BMP
    # Scanners and mail gateways put bytes in front of the header; readers look for it in the first 1,024.
    if _PDF_HEADER.search(head, 0, HEAD_BYTES):
        return DocumentFormat.PDF
    return None


def sniff_path(path: str | Path) -> DocumentFormat | None:
    """Gives what the file at `path` is, or None if it is nothing that we read.

    Raises:
        OSError: the file cannot be opened or read.
    """
    with Path(path).open("rb", buffering=0) as file:
        return sniff(file.read(HEAD_BYTES))


def has_document_ending(name: str) -> bool:
    """Tells whether a file name ends like a format that we read."""
    return os.path.splitext(name)[1].lower() in ENDINGS  # noqa: PTH122 - a name, maybe with surrogate escapes
