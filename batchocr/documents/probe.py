"""What the prober wants to know of a file: its content's hash, its format, how many pages. Runs in a document child."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import BinaryIO

from batchocr.datatypes import Limits, Probe
from batchocr.documents.reader import closed_on_error, identity_of, open_file, read_document
from batchocr.errors import DocumentError, FailureKind

CHUNK_BYTES = 1 << 20
PROGRESS_BYTES = 64 << 20


def probe_document(path: str, password: str | None, limits: Limits, progress: Callable[[], None]) -> Probe:
    """Gives hash, format and page count of one file, all read from one open file.

    Args:
        path: of the file.
        password: for an encrypted PDF.
        limits: a larger file is refused before it is read.
        progress: called now and then while a large file is hashed: a slow disk is no hang.

    Raises:
        DocumentError: `document_unreadable`, `document_encrypted`, `document_too_large` or `document_changed`.
    """
    file, identity = open_file(path, limits)
    with closed_on_error(file):
        sha256 = _hash(file, identity.size_bytes, progress)
        reader = read_document(file, identity, password, limits)
    try:
        if identity_of(file) != identity:
            raise _changed()
        return Probe(sha256, identity, reader.format, reader.page_count)
    finally:
        reader.close()


def _changed() -> DocumentError:
    return DocumentError(
        "the file changed while it was read; run again when it is complete", FailureKind.DOCUMENT_CHANGED
    )


def _hash(file: BinaryIO, size_bytes: int, progress: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    hashed_bytes = 0
    try:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            hashed_bytes += len(chunk)
            if hashed_bytes > size_bytes:
                raise _changed()  # what is written as fast as it is read has no end
            if hashed_bytes % PROGRESS_BYTES < len(chunk):
                progress()
    except OSError as err:
        raise DocumentError(f"the file cannot be read: {err.strerror}; check the disk and copy it again") from err
    return digest.hexdigest()
