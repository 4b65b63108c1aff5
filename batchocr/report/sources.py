"""Where pictures of a document's pages come from: its input, and the layout PDF of its folder."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity
from batchocr.report.pictures import Picture, Pictures


def input_picture(
    pictures: Pictures, output: Path, document: DocumentRef | None, page_no: int, width: int | None = None
) -> Picture | str:
    """Gives a picture of a page of an input, or in words why there is none.

    Args:
        pictures: draws pages.
        output: the output folder, where the ledger's paths begin.
        document: the input as the ledger has it; None if it was never counted.
        page_no: counts from 1.
        width: at most so many pixels wide; as many as there is room for unless given.
    """
    if document is None:
        return "the document could not be opened"
    path = os.path.abspath(os.path.join(output, document.path))  # noqa: PTH100, PTH118 - surrogate escapes
    if not os.path.exists(path):  # noqa: PTH110
        return "the input is gone"
    return pictures.page(replace(document, path=path), page_no, width)


class LayoutPdf:
    """The layout PDF of a document's folder: the pages that were read, with their blocks drawn in.

    Args:
        folder: the document's folder.
        manifest: of the folder; tells which pages the PDF has.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        path = folder.absolute() / f"{Path(manifest['folder']).name}_layout.pdf"
        self._document: DocumentRef | None = None
        self._page_nos: list[int] = []
        if path.name in manifest["files"] and path.is_file():
            status = path.stat()
            read = (*manifest["done"], *manifest["blank"])
            self._page_nos = sorted(page_no for first, last in read for page_no in range(first, last + 1))
            identity = FileIdentity(status.st_size, status.st_mtime_ns, status.st_ino)
            sha256 = manifest["files"][path.name]
            pages = len(self._page_nos)
            self._document = DocumentRef(str(path), path.name, sha256, identity, DocumentFormat.PDF, pages)

    def picture(self, pictures: Pictures, page_no: int, width: int | None = None) -> Picture | str:
        """Gives a picture of a page of the document, or in words why there is none."""
        if self._document is None:
            return "there is no visualization PDF; format pdf writes it"
        index = bisect_left(self._page_nos, page_no)
        if self._page_nos[index : index + 1] != [page_no]:
            return "the page has no result"
        return pictures.page(self._document, index + 1, width)
