"""Writes the visualizations of a document as PDFs, one per kind, with a page for each page that has one.

The pictures are JPEG files that the worker made; they go into the PDF as they are.
"""

from __future__ import annotations

from pathlib import Path

import img2pdf

from batchocr.outputs.spool import StoredPage


class VisualizationWriter:
    """Notes where the visualizations of each kind stand; writes the PDFs when closed.

    img2pdf holds the pictures of one PDF in memory until it is written: the only output that grows with the document.

    Args:
        folder: where `<stem>_<kind>.pdf` is written.
        stem: of the file names.
        dpi: of the pictures; gives the size of the PDF's pages.
    """

    def __init__(self, folder: Path, stem: str, dpi: int) -> None:
        self._folder = folder
        self._stem = stem
        self._dpi = dpi
        self._pictures: dict[str, list[_Picture]] = {}

    def add_page(self, page: StoredPage) -> None:
        """Notes the page's visualizations; their bytes stay in the spool."""
        for kind, name in page.meta["visualizations"].items():
            self._pictures.setdefault(kind, []).append(_Picture(page, name))

    def close(self) -> None:
        """Writes the PDFs; raises OSError as `open` does, StorageError where the spool cannot be read."""
        layout = img2pdf.get_fixed_dpi_layout_fun((self._dpi, self._dpi))
        for kind, pictures in sorted(self._pictures.items()):
            with (self._folder / f"{self._stem}_{kind}.pdf").open("wb") as file:
                img2pdf.convert(
                    pictures, engine=img2pdf.Engine.internal, nodate=True, layout_fun=layout, outputstream=file
                )


class _Picture:
    """A picture in the spool that looks like a file to img2pdf."""

    def __init__(self, page: StoredPage, name: str) -> None:
        # Without the page's content, which would pile up.
        self._page = StoredPage(page.path, page.offset, {}, {name: page.places[name]})
        self._name = name

    def read(self) -> bytes:
        return self._page.blob(self._name)
