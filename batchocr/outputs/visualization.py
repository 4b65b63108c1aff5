"""Writes the visualizations of a document as PDFs, one per kind, with a page for each page that has one.

The pictures are JPEG files that the worker made; they go into the PDF as they are, one in memory at a time.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from batchocr.outputs.picture_pdf import PicturePdf
from batchocr.outputs.spool import StoredPage


class VisualizationWriter:
    """Writes a PDF for each kind of visualization. Of a page only numbers are kept.

    Args:
        folder: where `<stem>_<kind>.pdf` is written.
        stem: of the file names.
        dpi: of the pictures; gives the size of the PDF's pages.
        files: closes the files, also after a fault.
    """

    def __init__(self, folder: Path, stem: str, dpi: int, files: ExitStack) -> None:
        self._folder = folder
        self._stem = stem
        self._dpi = dpi
        self._files = files
        self._pdfs: dict[str, PicturePdf] = {}

    def add_page(self, page: StoredPage) -> None:
        """Adds the page's visualizations; raises OSError as `open` does, StorageError if the spool cannot be read."""
        for kind, name in page.meta["visualizations"].items():
            if kind not in self._pdfs:
                file = self._files.enter_context((self._folder / f"{self._stem}_{kind}.pdf").open("wb"))
                self._pdfs[kind] = PicturePdf(file, self._dpi)
            self._pdfs[kind].add_jpeg(page.blob(name))

    def close(self) -> None:
        """Ends the PDFs; raises OSError as `write` does."""
        for pdf in self._pdfs.values():
            pdf.close()
