"""Writes a PDF of pictures, a page each, in the memory of one picture. Deterministic: no times, no ids."""

from __future__ import annotations

import io
from typing import IO

from PIL import Image

_POINTS_PER_INCH = 72
_COLOURS = {"L": "DeviceGray", "RGB": "DeviceRGB"}
_CATALOG, _PAGES, _FIRST_PAGE = 1, 2, 3
_OBJECTS_PER_PAGE = 3


class PicturePdf:
    """A PDF that is written page by page. The JPEG files go into it as they are.

    Args:
        file: open for writing bytes; the caller closes it after `close`.
        dpi: of the pictures; gives the size of the pages.
    """

    def __init__(self, file: IO[bytes], dpi: int) -> None:
        self._file = file
        self._dpi = dpi
        self._offsets: list[int] = []
        # The comment of bytes over 127 tells programs that this is no text.
        self._at = file.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")

    def add_jpeg(self, data: bytes) -> None:
        """Adds a page that a JPEG picture (grey or RGB) covers wholly; raises OSError as `write` does."""
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            (width, height), colour = picture.size, _COLOURS[picture.mode]
        page = _FIRST_PAGE + len(self._offsets)
        box = f"{width * _POINTS_PER_INCH / self._dpi:.4f} {height * _POINTS_PER_INCH / self._dpi:.4f}"
        drawing = "{} 0 0 {} 0 0 cm /Im Do".format(*box.split()).encode()
        self._add(
            page,
            f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {box}] /Contents {page + 1} 0 R "
            f"/Resources << /XObject << /Im {page + 2} 0 R >> >> >>",
        )
        self._add(page + 1, f"<< /Length {len(drawing)} >>", drawing)
        self._add(
            page + 2,
            f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /{colour} "
            f"/BitsPerComponent 8 /Filter /DCTDecode /Length {len(data)} >>",
            data,
        )

    def close(self) -> None:
        """Writes what a reader looks for at the end; raises OSError as `write` does."""
        pages = range(_FIRST_PAGE, _FIRST_PAGE + len(self._offsets), _OBJECTS_PER_PAGE)
        self._add(_CATALOG, f"<< /Type /Catalog /Pages {_PAGES} 0 R >>")
        kids = " ".join(f"{page} 0 R" for page in pages)
        self._add(_PAGES, f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>")
        # Catalog and pages were written last, but have the first numbers.
        offsets = self._offsets[-2:] + self._offsets[:-2]
        start = self._at
        self._write(f"xref\n0 {len(offsets) + 1}\n0000000000 65535 f \n".encode())
        for offset in offsets:
            self._write(b"%010d 00000 n \n" % offset)
        self._write(f"trailer\n<< /Size {len(offsets) + 1} /Root {_CATALOG} 0 R >>\n".encode())
        self._write(b"startxref\n%d\n%%%%EOF\n" % start)

    def _add(self, number: int, entries: str, stream: bytes | None = None) -> None:
        self._offsets.append(self._at)
        self._write(f"{number} 0 obj\n{entries}\n".encode("ascii"))
        if stream is not None:
            self._write(b"stream\n")
            self._write(stream)
            self._write(b"\nendstream\n")
        self._write(b"endobj\n")

    def _write(self, data: bytes) -> None:
        self._at += self._file.write(data)
