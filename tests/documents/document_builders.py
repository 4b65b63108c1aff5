"""Small documents, good and hostile, made on the spot."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

HELVETICA = (
    b"<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    b"/F2<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>>>>>"
)


def pdf_of_objects(objects: Sequence[bytes]) -> bytes:
    """A PDF with these objects, numbered from 1; the first is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def pdf(
    contents: Sequence[bytes] = (b"BT /F1 12 Tf 72 700 Td (Hello) Tj ET",),
    box: bytes = b"0 0 612 792",
    page_entries: bytes = b"",
    more_objects: Sequence[bytes] = (),
    resources: bytes = HELVETICA,
) -> bytes:
    """A PDF with one page for each content stream. `more_objects` are numbered from 3 + 2 * pages."""
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (3 + 2 * index) for index in range(count))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)]
    for index, content in enumerate(contents):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents %d 0 R/Resources %s%s>>"
            % (box, 4 + 2 * index, resources, page_entries)
        )
        objects.append(stream(content))
    return pdf_of_objects([*objects, *more_objects])


def memory_bomb() -> bytes:
    """A few kilobytes that unfold into a content stream of 600 MB."""
    packer = zlib.compressobj(9)
    once = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(600)) + packer.flush()
    twice = zlib.compress(once, 9)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>"
    content = stream(twice, b"/Filter[/FlateDecode/FlateDecode]")
    return pdf_of_objects([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content])


def time_bomb(good_pages: int = 0) -> bytes:
    """A last page that draws a hundred million rectangles by forms within forms; `good_pages` plain ones before it."""
    depth, width = 8, 10
    contents = [b"BT /F1 12 Tf 72 700 Td (Hello) Tj ET"] * good_pages + [b"/X0 Do"]
    first = 3 + 2 * len(contents)
    names = b"".join(b"/X%d %d 0 R" % (level, first + level) for level in range(depth))
    resources = HELVETICA[:-2] + b"/XObject<<%s>>>>" % names
    forms = []
    for level in range(depth):
        body = b"/X%d Do " % (level + 1) * width if level + 1 < depth else b"0 0 600 700 re f "
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<<%s>>>>" % names
        forms.append(stream(body, entries))
    return pdf(contents, resources=resources, more_objects=forms)


def self_drawing_form() -> bytes:
    """A form that draws itself twice: PDFium follows it down until its memory ends. For a child with limits only."""
    form = stream(b"/Fm Do /Fm Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</Fm 5 0 R>>>>")
    return pdf([b"/Fm Do"], resources=b"<</XObject<</Fm 5 0 R>>>>", more_objects=[form])


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims this size and holds no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def written(path: Path, data: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)
