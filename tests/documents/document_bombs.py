"""Documents made to cost more than they should: memory, time, or the patience of whoever opens them.

All are small on the disk and made at once. They are for a document child with limits or for the command, never for the
process that a test runs in.
"""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from documents.document_builders import HELVETICA, pdf, pdf_of_objects, stream

HELLO = b"BT /F1 12 Tf 72 700 Td (Hello) Tj ET"
CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"


def deflated_run(value: int, count: int) -> bytes:
    """Gives the zlib stream of `count` equal bytes without ever holding them; `count` is a multiple of 64 KiB."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes([value]) * 65536) + packer.flush(zlib.Z_FULL_FLUSH)
    # Each block stands by itself after a full flush.
    body = head + block * (count // 65536)
    low = (1 + count * value) % 65521
    high = (count + value * count * (count + 1) // 2) % 65521
    return body + b"\x03\x00" + struct.pack(">HH", high, low)


def memory_bomb() -> bytes:
    """A few kilobytes that unfold into a content stream of 3 GB."""
    twice = zlib.compress(deflated_run(0x20, 3 << 30), 9)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>"
    content = stream(twice, b"/Filter[/FlateDecode/FlateDecode]")
    return pdf_of_objects([CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content])


def time_bomb(good_pages: int = 0) -> bytes:
    """A last page that draws a hundred million rectangles by forms within forms; `good_pages` plain ones before it."""
    depth, width = 8, 10
    contents = [HELLO] * good_pages + [b"/X0 Do"]
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
    """A form that draws itself twice: PDFium follows it down until its memory ends."""
    form = stream(b"/Fm Do /Fm Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</Fm 5 0 R>>>>")
    return pdf([b"/Fm Do"], resources=b"<</XObject<</Fm 5 0 R>>>>", more_objects=[form])


def self_drawing_pattern() -> bytes:
    """A tiling pattern that fills itself with itself."""
    fill = b"/Pattern cs /P scn 0 0 612 792 re f"
    resources = b"<</Pattern<</P 5 0 R>>>>"
    entries = (
        b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 1/YStep 1/Resources" + resources
    )
    return pdf([fill], resources=resources, more_objects=[stream(fill, entries)])


def self_drawing_glyph() -> bytes:
    """A Type 3 font whose one glyph shows text in that font."""
    show = b"BT /T 12 Tf (aaaaaaaaaa) Tj ET"
    resources = b"<</Font<</T 5 0 R>>>>"
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/CharProcs<</a 6 0 R>>/FirstChar 97"
        b"/LastChar 97/Widths[1]/Encoding<</Type/Encoding/Differences[97/a]>>/Resources %s>>" % resources
    )
    return pdf([show], resources=resources, more_objects=[font, stream(b"1 0 d0 " + show)])


def dense_pattern() -> bytes:
    """A page filled with tiles a ten-thousandth of a point apart."""
    entries = (
        b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep .0001/YStep .0001/Resources<<>>"
    )
    fill = b"/Pattern cs /P scn 0 0 612 792 re f"
    return pdf([fill], resources=b"<</Pattern<</P 5 0 R>>>>", more_objects=[stream(b"0 0 5 5 re f", entries)])


def page_tree_cycle() -> bytes:
    """Page tree nodes that are their own children."""
    nodes = [b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 9>>", b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 2 0 R]/Count 7>>"]
    return pdf_of_objects([CATALOG, *nodes])


def shared_page_tree() -> bytes:
    """A million pages of five objects: every node has a hundred times the same child."""
    levels = [
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (b"%d 0 R " % (number + 1) * 100, 100 ** (5 - number))
        for number in (2, 3, 4)
    ]
    return pdf_of_objects([CATALOG, *levels, b"<</Type/Page/Parent 4 0 R/MediaBox[0 0 9 9]>>"])


def claimed_pages(count: bytes) -> bytes:
    """A document of one page that claims to have `count`."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources %s>>" % HELVETICA
    return pdf_of_objects([CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count %s>>" % count, page, stream(HELLO)])


def damaged_table() -> bytes:
    """A cross-reference table of nonsense in front of objects that can still be found."""
    whole = pdf([HELLO])
    table = whole.index(b"xref\n")
    return whole[:table] + b"xref\n0 6\n" + b"9999999999 00000 n \n" * 6 + whole[whole.index(b"trailer") :]


def table_cycle() -> bytes:
    """Cross-reference tables that name each other as the one before."""
    whole = pdf([HELLO])
    table = whole.index(b"xref\n")
    return whole.replace(b"/Root", b"/Prev %d/Root" % table)


def object_stream_cycle() -> bytes:
    """Object streams that extend each other and hold themselves."""
    holder = b"/Type/ObjStm/N 1/First 4/Extends %d 0 R"
    return pdf([HELLO], more_objects=[stream(b"5 0 5 0 R", holder % 6), stream(b"6 0 6 0 R", holder % 5)]).replace(
        b"/Type/Catalog", b"/Type/Catalog/Metadata 5 0 R"
    )


def huge_bitmap() -> bytes:
    """A picture of 60,000 x 60,000 px of one bit each, half a megabyte on the disk."""
    row_bytes = 60_000 // 8
    data = deflated_run(0, (60_000 * row_bytes // 65536 + 1) * 65536)
    entries = (
        b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 1/ColorSpace/DeviceGray"
        b"/Filter/FlateDecode"
    )
    draw = b"600 0 0 780 0 0 cm /Im Do"
    return pdf([draw], resources=b"<</XObject<</Im 5 0 R>>>>", more_objects=[stream(data, entries)])


def soft_mask_cycle() -> bytes:
    """A picture that is its own soft mask."""
    entries = b"/Type/XObject/Subtype/Image/Width 9/Height 9/BitsPerComponent 8/ColorSpace/DeviceGray/SMask 5 0 R"
    image = stream(bytes(81), entries)
    return pdf([b"99 0 0 99 0 0 cm /Im Do"], resources=b"<</XObject<</Im 5 0 R>>>>", more_objects=[image])


def long_text() -> bytes:
    """A page whose text layer has a million characters."""
    lines = b"".join(b"1 0 0 1 20 %d Tm (%s) Tj " % (y % 780, b"word " * 200) for y in range(1000))
    return pdf([b"BT /F1 1 Tf %sET" % lines])


def many_annotations() -> bytes:
    """A page with a hundred thousand annotations, each with an appearance of its own."""
    look = stream(b"0 0 9 9 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    note = b"<</Type/Annot/Subtype/Square/Rect[%d %d %d %d]/AP<</N 5 0 R>>>>"
    notes = b"".join(note % (x, y, x + 9, y + 9) for y in range(0, 790, 8) for x in range(1000))
    return pdf([HELLO], page_entries=b"/Annots[%s]" % notes, more_objects=[look])


def many_fonts() -> bytes:
    """A page that writes in 5,000 fonts."""
    count = 5000
    names = b"".join(b"/F%d %d 0 R" % (number, 5 + number) for number in range(count))
    fonts = [b"<</Type/Font/Subtype/TrueType/BaseFont/Made%d>>" % number for number in range(count)]
    text = b"".join(b"/F%d 9 Tf (x) Tj " % number for number in range(count))
    return pdf([b"BT 20 700 Td %s ET" % text], resources=b"<</Font<<%s>>>>" % names, more_objects=fonts)


def deep_content() -> bytes:
    """Arrays, dictionaries and saved states a hundred thousand deep in the content of a page."""
    deep = b"[" * 100_000 + b"]" * 100_000
    nested = b"<</A" * 100_000 + b" 0" + b">>" * 100_000
    return pdf([b"%s TJ /Span %s BDC %s" % (deep, nested, b"q " * 100_000)])


def deep_objects() -> bytes:
    """Arrays and dictionaries a hundred thousand deep in the catalog and the page."""
    deep = b"[" * 100_000 + b"]" * 100_000
    nested = b"<</A" * 100_000 + b" 0" + b">>" * 100_000
    return pdf([HELLO], page_entries=b"/Deep " + deep).replace(b"/Type/Catalog", b"/Type/Catalog/Deep " + nested)


def encrypted_garbage() -> bytes:
    """A PDF that says it is encrypted, with nonsense for keys."""
    keys = b"<</Filter/Standard/V 5/R 6/Length 256/O(%s)/U(%s)/OE(x)/UE(x)/P -1/Perms(x)>>" % (b"o" * 48, b"u" * 48)
    whole = pdf([HELLO], more_objects=[keys])
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt 5 0 R/ID[(a)(a)]")


def missing_pages(count: int) -> bytes:
    """Pages that are named in the page tree and are not in the file."""
    kids = b" ".join(b"%d 0 R" % number for number in range(10, 10 + count))
    return pdf_of_objects([CATALOG, b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_zeros(width: int, height: int, *, depth: int = 1, colour: int = 0) -> bytes:
    """A black PNG of `width` x `height` px; `colour` is PNG's own number (0 grey, 2 RGB, 6 RGBA)."""
    row_bytes = 1 + -(-width * depth * {0: 1, 2: 3, 6: 4}[colour] // 8)
    data = deflated_run(0, -(-row_bytes * height // 65536) * 65536)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def png_text_bomb() -> bytes:
    """A PNG of one pixel whose compressed comment unfolds to 3 GB."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    comment = _chunk(b"zTXt", b"Comment\0\0" + deflated_run(0x20, 3 << 30))
    pixels = _chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + header + comment + pixels + _chunk(b"IEND", b"")


def jpeg_header(side: int, *, progressive: bool = False) -> bytes:
    """A JPEG that claims `side` x `side` px and holds a handful of bytes of them."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", progressive=progressive)
    data = bytearray(buffer.getvalue())
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def _frame(offset: int, tags: Iterable[tuple[int, int, int, int]], following: int) -> bytes:
    entries = [struct.pack("<HHII", *tag) for tag in tags]
    assert offset % 2 == 0
    return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


def _frame_tags(
    width: int, height: int, data_offset: int, data_bytes: int, compression: int = 1
) -> list[tuple[int, int, int, int]]:
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1),
        (273, 4, 1, data_offset), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, data_bytes),
    ]  # fmt: skip


def tiff_of_frames(count: int, *, cyclic: bool = False) -> bytes:
    """A TIFF of `count` frames of one pixel; `cyclic`: the last one names the first as the next."""
    out = bytearray(struct.pack("<2sHI", b"II", 42, 10) + b"\0\0")
    for number in range(count):
        size = 2 + 12 * 9 + 4
        last = number + 1 == count
        following = (10 if cyclic else 0) if last else len(out) + size
        out += _frame(len(out), _frame_tags(1, 1, 8, 1), following)
    return bytes(out)


def tiff_bomb(width: int, height: int) -> bytes:
    """A TIFF of one deflated strip of zeros."""
    data = deflated_run(0, -(-width * height // 65536) * 65536)
    data += b"\0" * (len(data) % 2)
    tags = _frame_tags(width, height, 8, len(data), compression=8)
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + _frame(8 + len(data), tags, 0)


def tiff_of_tag(count: int) -> bytes:
    """A TIFF that says one of its tags has `count` values."""
    tags = [*_frame_tags(1, 1, 8, 1), (33432, 2, count, 8)]
    return struct.pack("<2sHI", b"II", 42, 10) + b"\0\0" + _frame(10, tags, 0)


def bmp_header(width: int, height: int) -> bytes:
    """A BMP that claims a size and holds 64 bytes of pixels."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + 64, 0, 0, 54) + info + b"\0" * 64


def truncated_webp() -> bytes:
    """A WebP without its second half."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise((300, 300), 90).convert("RGB").save(buffer, "WEBP")
    return buffer.getvalue()[: len(buffer.getvalue()) // 2]


def webp_header() -> bytes:
    """A WebP that claims 16,383 x 16,383 px and holds none."""
    frame = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + b"\0" * 10
    chunk = b"VP8 " + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


# File name to what makes its bytes.
BOMBS: dict[str, Callable[[], bytes]] = {
    "memory.pdf": memory_bomb,
    "time.pdf": partial(time_bomb, 2),
    "form-in-itself.pdf": self_drawing_form,
    "pattern-in-itself.pdf": self_drawing_pattern,
    "glyph-in-itself.pdf": self_drawing_glyph,
    "dense-pattern.pdf": dense_pattern,
    "page-tree-cycle.pdf": page_tree_cycle,
    "page-tree-shared.pdf": shared_page_tree,
    "count-million.pdf": partial(claimed_pages, b"1000000"),
    "count-three.pdf": partial(claimed_pages, b"3"),
    "count-thirty.pdf": partial(claimed_pages, b"30"),
    "count-negative.pdf": partial(claimed_pages, b"-5"),
    "count-zero.pdf": partial(claimed_pages, b"0"),
    "count-overflow.pdf": partial(claimed_pages, b"4294967297"),
    "count-itself.pdf": partial(claimed_pages, b"2 0 R"),
    "box-giant.pdf": partial(pdf, [HELLO], b"0 0 1000000000 1000000000"),
    "box-long.pdf": partial(pdf, [HELLO], b"0 0 1 1000000000"),
    "box-zero.pdf": partial(pdf, [HELLO], b"0 0 0 0"),
    "box-line.pdf": partial(pdf, [HELLO], b"0 0 612 0"),
    "box-reversed.pdf": partial(pdf, [HELLO], b"612 792 0 0"),
    "box-negative.pdf": partial(pdf, [HELLO], b"-612 -792 -1 -1"),
    "box-nan.pdf": partial(pdf, [HELLO], b"NaN NaN NaN NaN"),
    "box-infinite.pdf": partial(pdf, [HELLO], b"0 0 %s %s" % (b"9" * 400, b"9" * 400)),
    "unit-giant.pdf": partial(pdf, [HELLO], page_entries=b"/UserUnit 1000000000"),
    "table-damaged.pdf": damaged_table,
    "table-cycle.pdf": table_cycle,
    "object-stream-cycle.pdf": object_stream_cycle,
    "bitmap-huge.pdf": huge_bitmap,
    "mask-in-itself.pdf": soft_mask_cycle,
    "text-million.pdf": long_text,
    "annotations.pdf": many_annotations,
    "fonts.pdf": many_fonts,
    "deep-content.pdf": deep_content,
    "deep-objects.pdf": deep_objects,
    "encrypted-garbage.pdf": encrypted_garbage,
    "pages-missing.pdf": partial(missing_pages, 5000),
    "zeros-60000.png": partial(png_of_zeros, 60_000, 60_000),
    "zeros-bits.png": partial(png_of_zeros, 31_000, 31_000),
    "zeros-rgb.png": partial(png_of_zeros, 19_000, 19_000, depth=8, colour=2),
    "zeros-rgba.png": partial(png_of_zeros, 19_000, 19_000, depth=8, colour=6),
    "zeros-16bit.png": partial(png_of_zeros, 27_000, 27_000, depth=16),
    "zeros-long.png": partial(png_of_zeros, 1, 900_000_000),
    "zeros-wide.png": partial(png_of_zeros, 900_000_000, 1),
    "comment.png": png_text_bomb,
    "header-65500.jpg": partial(jpeg_header, 65_500),
    "header-20000.jpg": partial(jpeg_header, 20_000),
    "progressive-30000.jpg": partial(jpeg_header, 30_000, progressive=True),
    "frames.tif": partial(tiff_of_frames, 100_000),
    "frames-200.tif": partial(tiff_of_frames, 200),
    "frames-cyclic.tif": partial(tiff_of_frames, 3, cyclic=True),
    "zeros-900-megapixels.tif": partial(tiff_bomb, 30_000, 30_000),
    "tag-giant.tif": partial(tiff_of_tag, 0x7FFFFFFF),
    "header-giant.bmp": partial(bmp_header, 0x7FFFFFFF, 0x7FFFFFFF),
    "header-negative.bmp": partial(bmp_header, -5, -0x7FFFFFFF),
    "header-30000.bmp": partial(bmp_header, 30_000, 30_000),
    "truncated.webp": truncated_webp,
    "header-16383.webp": webp_header,
}

# Names of sound documents.
ODD_NAMES = ("n" * 251 + ".pdf", "new\nline.pdf", "-rf.pdf")


def write_bombs(folder: Path) -> None:
    """Writes every bomb into `folder`, and beside them what has a document's name and is none, or a name of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in BOMBS.items():
        (folder / name).write_bytes(make())
    for name in ODD_NAMES:
        (folder / name).write_bytes(pdf([HELLO]))
    (folder / "folder.pdf").mkdir(exist_ok=True)
    write_oddities(folder)


def write_oddities(folder: Path) -> list[str]:
    """Makes what must never be opened, all named like documents; gives their names. For POSIX systems."""
    os.mkfifo(folder / "fifo.pdf")
    # The path of a socket may have a hundred bytes; its name in the current folder is short.
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket.pdf")
    finally:
        os.chdir(here)
    (folder / "device.pdf").symlink_to("/dev/zero")
    (folder / "loop.pdf").symlink_to("loop.pdf")
    (folder / "loop-a.pdf").symlink_to("loop-b.pdf")
    (folder / "loop-b.pdf").symlink_to("loop-a.pdf")
    (folder / "around").symlink_to(folder, target_is_directory=True)
    names = ["fifo.pdf", "socket.pdf", "device.pdf", "loop.pdf", "loop-a.pdf", "loop-b.pdf"]
    try:
        os.mknod(folder / "node.pdf", 0o020600, os.makedev(1, 5))  # /dev/zero once more; only root may
    except PermissionError:
        return names
    return [*names, "node.pdf"]
