"""Small documents made on the spot; those that cost more than they should are in document_bombs.py."""

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
