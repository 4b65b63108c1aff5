"""Builders of small documents, written where a test says. Each gives back the path it wrote.

The PDFs are written by hand: a page of text costs microseconds, the bytes are the same every time, and a test can break
them on purpose. Their text is Helvetica in Latin-1.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import img2pdf
from PIL import Image, ImageDraw, ImageFont

A4_POINTS = (595, 842)
BROKEN_KINDS = ("empty", "garbage", "header_only", "truncated", "no_pages")

_CATALOG, _PAGES, _FONT = 1, 2, 3
_FIRST_PAGE = 4


def text_pdf(
    path: Path,
    pages: str | Sequence[str | Sequence[str]],
    *,
    size: tuple[int, int] = A4_POINTS,
    font_size: int = 12,
) -> Path:
    """Writes a born-digital PDF.

    Args:
        path: file to write.
        pages: one text for a PDF of one page, or one entry per page: a text (lines split at newlines) or its lines.
        size: width and height of every page, points.
        font_size: points; lines are one and a half times that apart, from 72 points below the top.
    """
    texts = [pages] if isinstance(pages, str) else pages
    contents = (_text_content(text, size[1], font_size) for text in texts)
    path.write_bytes(_pdf(contents, size))
    return path


def blank_pdf(path: Path, pages: int = 1) -> Path:
    """Writes a PDF whose pages hold nothing."""
    path.write_bytes(_pdf((b"" for _ in range(pages)), A4_POINTS))
    return path


def many_page_pdf(path: Path, pages: int) -> Path:
    """Writes a PDF of many pages (5,000 in well under a second); page 17 says `Page 17`."""
    return text_pdf(path, [f"Page {page_no}" for page_no in range(1, pages + 1)])


def pdf_with_missing_pages(path: Path, pages: int, missing: Iterable[int]) -> Path:
    """Writes a PDF like `many_page_pdf` whose `missing` pages (counted from 1) cannot be loaded; the others can."""
    skipped = {_page_number(page_no) for page_no in missing}
    contents = (_text_content(f"Page {page_no}", A4_POINTS[1], 12) for page_no in range(1, pages + 1))
    path.write_bytes(_pdf(contents, A4_POINTS, skipped))
    return path


def broken_pdf(path: Path, kind: str) -> Path:
    """Writes a file that cannot be read as a PDF.

    Args:
        path: file to write.
        kind: one of `BROKEN_KINDS`: no bytes at all; bytes that are no PDF; a PDF header and nothing else; a PDF cut
            off before its first page; a PDF that is sound but for having no pages.
    """
    makers: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "garbage": lambda: bytes(range(256)) * 4,
        "header_only": lambda: b"%PDF-1.4\n",
        "truncated": lambda: _pdf([b""], A4_POINTS)[:60],
        "no_pages": lambda: _pdf([], A4_POINTS),
    }
    path.write_bytes(makers[kind]())
    return path


def encrypted_pdf(path: Path, password: str, text: str = "Behind a password") -> Path:
    """Writes a PDF of one page that needs `password` to open (128-bit standard encryption)."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=A4_POINTS, invariant=1, encrypt=StandardEncryption(password, strength=128))
    canvas.drawString(72, A4_POINTS[1] - 72, text)
    canvas.save()
    return path


def page_picture(text: str, *, size: tuple[int, int] = (1240, 1754), font_size: int = 48) -> Image.Image:
    """Gives a white page with black text, mode L; the default size is A4 at 150 dpi."""
    picture = Image.new("L", size, 255)
    draw = ImageDraw.Draw(picture)
    draw.multiline_text(
        (size[0] // 10, size[1] // 12), text, fill=0, font=ImageFont.load_default(font_size), spacing=24
    )
    return picture


def png_page(path: Path, text: str, *, size: tuple[int, int] = (1240, 1754), dpi: int = 150) -> Path:
    """Writes `page_picture` as PNG with its resolution."""
    page_picture(text, size=size).save(path, "PNG", dpi=(dpi, dpi))
    return path


def image_pdf(path: Path, texts: Sequence[str], *, size: tuple[int, int] = (1240, 1754), dpi: int = 150) -> Path:
    """Writes a PDF like a scan: each page is one picture of its text, and there is no text layer."""
    pictures = []
    for text in texts:
        buffer = io.BytesIO()
        page_picture(text, size=size).save(buffer, "PNG", dpi=(dpi, dpi))
        pictures.append(buffer.getvalue())
    path.write_bytes(img2pdf.convert(pictures, nodate=True, engine=img2pdf.Engine.internal))
    return path


def _page_number(page_no: int) -> int:
    """Gives the object number of a page; its content has the number after it."""
    return _FIRST_PAGE + 2 * (page_no - 1)


def _text_content(text: str | Sequence[str], height: int, font_size: int) -> bytes:
    lines = text.split("\n") if isinstance(text, str) else text
    head = f"BT /F1 {font_size} Tf {font_size * 1.5} TL 72 {height - 72} Td\n".encode()
    return head + b"\n".join(b"(" + _escaped(line) + b") Tj T*" for line in lines) + b"\nET"


def _escaped(line: str) -> bytes:
    escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return escaped.encode("latin-1")


def _pdf(contents: Iterable[bytes], size: tuple[int, int], skipped: Iterable[int] = ()) -> bytes:
    """Gives a PDF with one page per content stream, leaving out the objects whose numbers are `skipped`."""
    objects = {}
    for page_no, content in enumerate(contents, start=1):
        number = _page_number(page_no)
        objects[number] = (
            f"<</Type/Page/Parent {_PAGES} 0 R/MediaBox[0 0 {size[0]} {size[1]}]"
            f"/Resources<</Font<</F1 {_FONT} 0 R>>>>/Contents {number + 1} 0 R>>"
        ).encode()
        objects[number + 1] = f"<</Length {len(content)}>>stream\n".encode() + content + b"\nendstream"
    kids = " ".join(f"{number} 0 R" for number in range(_FIRST_PAGE, _FIRST_PAGE + len(objects), 2))
    objects[_CATALOG] = f"<</Type/Catalog/Pages {_PAGES} 0 R>>".encode()
    objects[_PAGES] = f"<</Type/Pages/Count {(len(objects) - 1) // 2}/Kids[{kids}]>>".encode()
    objects[_FONT] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    for number in skipped:
        del objects[number]
    return _file(objects)


def _file(objects: dict[int, bytes]) -> bytes:
    """Joins numbered objects into a file with its cross-reference table; numbers that are absent are marked free."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    offsets = {}
    for number in sorted(objects):
        offsets[number] = out.tell()
        out.write(b"%d 0 obj\n" % number + objects[number] + b"\nendobj\n")
    start, count = out.tell(), max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % count)
    for number in range(1, count):
        out.write(b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 00000 f \n")
    out.write(b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, _CATALOG, start))
    return out.getvalue()
