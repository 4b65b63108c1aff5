"""Encodes pixels as picture files and draws the layout of a page. Deterministic: no times, no metadata.

Pixels are BGR uint8 of shape (height, width, 3). This module loads Pillow and is wanted only where pages are encoded.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from batchocr.datatypes import Block

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

CROP_QUALITY = 90
VISUALIZATION_QUALITY = 80
# A picture with at most this many colours is a drawing: JPEG would smear it, PNG is often smaller.
FEW_COLOURS = 256
# JPEG's own limit is 65,535; Pillow's is a little lower.
MAX_JPEG_SIDE_PX = 65_000
FONT_PX = 11
STRIP_ROWS = 256
# The labels seen most differ; any other label takes one of these colours, always the same.
_COLOURS = {
    "text": (31, 119, 180),
    "doc_title": (214, 39, 40),
    "paragraph_title": (200, 90, 0),
    "table": (44, 130, 44),
    "image": (120, 80, 170),
    "formula": (190, 60, 150),
    "list": (0, 125, 140),
    "header": (120, 70, 60),
}
_PALETTE = tuple(_COLOURS.values())
_ORDER_LINE = (150, 150, 150)


def encode_crop(pixels: Pixels) -> tuple[str, bytes]:
    """Gives the file suffix and bytes of a crop: JPEG, or PNG where it has few colours and that is smaller."""
    picture = _picture(pixels)
    fits_jpeg = max(picture.size) <= MAX_JPEG_SIDE_PX
    jpeg = _jpeg(picture, CROP_QUALITY) if fits_jpeg else b""
    if fits_jpeg and picture.getcolors(FEW_COLOURS) is None:
        return ".jpg", jpeg
    png = _saved(picture, "PNG", optimize=False, compress_level=6)
    return (".jpg", jpeg) if fits_jpeg and len(jpeg) <= len(png) else (".png", png)


def encode_visualization(pixels: Pixels, scale: float, limit_px: int) -> bytes:
    """Gives a visualization as JPEG, made smaller by `scale` and to `limit_px` a side; never made larger."""
    return _jpeg(_scaled(pixels, scale, limit_px), VISUALIZATION_QUALITY)


def draw_layout(pixels: Pixels, page_width: int, blocks: Iterable[Block], scale: float, limit_px: int) -> bytes:
    """Gives the page as JPEG with its blocks drawn over it.

    Each box has its label's colour, the label and the place in the reading order; a thin line joins each block to the
    next one.

    Args:
        pixels: the page, or a thumbnail of it.
        page_width: width of the page, px.
        blocks: boxes in px of the page.
        scale: size of the drawing relative to the page; drawn at that size, so that text stays legible.
        limit_px: most that a side of the drawing may have.
    """
    picture = _scaled(pixels, scale * page_width / pixels.shape[1], limit_px)
    ratio = picture.width / page_width
    draw = ImageDraw.Draw(picture)
    boxes = [(block, _box(block, ratio, picture.size)) for block in blocks]
    _draw_order(draw, boxes)
    for block, box in boxes:
        colour = _colour(block.label)
        draw.rectangle(box, outline=colour, width=2)
        label = block.label.encode("ascii", "replace").decode()[:30]
        tag = _tag(label if block.order is None else f"{block.order} {label}", colour)
        # Above the box, or inside it where the page ends.
        picture.paste(tag, (box[0], max(0, box[1] - tag.height + 1)))
    return _jpeg(picture, VISUALIZATION_QUALITY)


def _picture(pixels: Pixels, factor: int = 1) -> Image.Image:
    """Gives the page as a picture of 1 / `factor` its size, made in strips: a copy of a whole page can take 200 MB."""
    height, width = pixels.shape[:2]
    # In its own size the picture is as large as the page, however it is made.
    if factor == 1 and pixels.flags.c_contiguous:
        return Image.frombuffer("RGB", (width, height), pixels, "raw", "BGR", 0, 1)
    picture = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, STRIP_ROWS * factor):
        rows = np.ascontiguousarray(pixels[top : top + STRIP_ROWS * factor])
        strip = Image.frombuffer("RGB", (width, len(rows)), rows, "raw", "BGR", 0, 1)
        picture.paste(strip.reduce(factor), (0, top // factor))
    return picture


def _scaled(pixels: Pixels, scale: float, limit_px: int) -> Image.Image:
    """Gives the page made smaller, first by a whole number, which every strip can be on its own."""
    height, width = pixels.shape[:2]
    scale = min(scale, 1.0, limit_px / max(height, width))
    picture = _picture(pixels, max(1, int(1 / scale)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BOX)


def _colour(label: str) -> tuple[int, int, int]:
    return _COLOURS.get(label) or _PALETTE[zlib.crc32(label.encode(errors="replace")) % len(_PALETTE)]


def _box(block: Block, ratio: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Gives the block's box in px of the drawing, inside it and with its corners in order."""
    # What is no number goes to 0: `max` gives its first argument then.
    xs, ys = (
        sorted(int(min(max(0.0, float(edge) * ratio), side - 1)) for edge in edges)
        for edges, side in ((block.bbox[0::2], size[0]), (block.bbox[1::2], size[1]))
    )
    return xs[0], ys[0], xs[1], ys[1]


def _draw_order(draw: ImageDraw.ImageDraw, boxes: list[tuple[Block, tuple[int, int, int, int]]]) -> None:
    ordered = sorted(((block.order, box) for block, box in boxes if block.order is not None), key=lambda pair: pair[0])
    centres = [((x0 + x1) // 2, (y0 + y1) // 2) for _, (x0, y0, x1, y1) in ordered]
    if len(centres) > 1:
        draw.line(centres, fill=_ORDER_LINE, width=1)


@lru_cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=FONT_PX)


@lru_cache(maxsize=500)
def _tag(text: str, colour: tuple[int, int, int]) -> Image.Image:
    """Gives a label in white on its colour; most pages have the same few."""
    width = int(_font().getbbox(text)[2]) + 5
    tag = Image.new("RGB", (width, FONT_PX + 4), colour)
    ImageDraw.Draw(tag).text((2, 1), text, fill=(255, 255, 255), font=_font())
    return tag


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    return _saved(picture, "JPEG", quality=quality, subsampling=2, optimize=False)


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
