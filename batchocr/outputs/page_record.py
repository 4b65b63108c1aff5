"""Turns what an engine read on a page into a record for the spool. Runs in the worker, page by page.

All encoding happens here, beside the device's work, so that the finisher only copies bytes. What an engine says is not
trusted: keys become safe file names, text loses what no file may hold, numbers become finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchocr.datatypes import Block, PageImage, PageResult, PageState
from batchocr.outputs import drawing
from batchocr.outputs.escaping import clean_text
from batchocr.outputs.html_table import parse_tables
from batchocr.outputs.paths import page_file, safe_key
from batchocr.outputs.spool import PageRecord

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

_MAX_DEPTH = 50
# A PDF page may have 14,400 points, which is 200 inches.
_MAX_PDF_PAGE_INCHES = 199


def encode_page(
    result: PageResult, page: PageImage | None, *, formats: frozenset[str], visualization_dpi: int
) -> PageRecord:
    """Gives the record of one page: `meta` for every writer, `blobs` with its crops and visualizations as files.

    Args:
        result: what the engine read.
        page: the page as the engine got it; a layout is drawn only on an image of the size that the boxes refer to.
        formats: what will be written, as in `Assembly`. Pictures that nobody asked for are left out.
        visualization_dpi: resolution of the visualizations.

    Returns:
        A record whose bytes depend on nothing but the arguments. Pictures that cannot be encoded are left out, and the
        page's warnings say so.
    """
    warnings = [*(page.warnings if page else ()), *result.warnings]
    blobs: dict[str, bytes] = {}
    images = _encode_images(result, blobs, warnings) if formats & {"md", "images", "docx"} else {}
    kinds = _encode_visualizations(result, page, visualization_dpi, blobs, warnings) if "pdf" in formats else {}
    markdown = clean_text(result.markdown) if result.markdown is not None else None
    if any(table.cut for block in result.blocks for table in parse_tables(block.html)):
        warnings.append("a table is too large to be written in full; the JSON holds all of it")
    blank = not (result.blocks or images or (markdown or "").strip())
    meta = {
        "page_no": result.page_no,
        "state": (PageState.BLANK if blank else PageState.DONE).value,
        "width_px": result.width_px,
        "height_px": result.height_px,
        "dpi": _rounded(page.dpi, 2) if page else None,
        "blocks": [_encode_block(block, images) for block in result.blocks],
        "markdown": markdown,
        "warnings": [clean_text(warning) for warning in dict.fromkeys(warnings)],
        "raw": json_safe(result.raw),
        "images": images,
        "visualizations": kinds,
    }
    return PageRecord(meta, blobs)


def json_safe(value: Any, depth: int = 0) -> Any:
    """Gives `value` as plain JSON data: text cleaned, numbers finite, anything else as its text."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return clean_text(value)
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {clean_text(str(key)): json_safe(item, depth + 1) for key, item in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, (list, tuple)):
        return [json_safe(item, depth + 1) for item in value]
    return clean_text(str(value))


def _encode_block(block: Block, images: Mapping[str, str]) -> dict[str, Any]:
    return {
        "label": clean_text(block.label),
        "bbox": [_rounded(edge, 2) or 0.0 for edge in block.bbox],
        "order": block.order,
        "text": clean_text(block.text),
        "html": clean_text(block.html),
        "score": None if block.score is None else _rounded(block.score, 4),
        "level": block.level,
        "image": images.get(block.image) if block.image is not None else None,
    }


def _rounded(number: float, digits: int) -> float | None:
    """Gives a plain finite float (an engine may hand over numpy's), or None."""
    return round(float(number), digits) if math.isfinite(number) else None


def _encode_images(result: PageResult, blobs: dict[str, bytes], warnings: list[str]) -> dict[str, str]:
    """Adds the page's crops to `blobs`; gives the engine's key to the file's name."""
    names = {}
    for key, pixels in result.images.items():
        if not _is_picture(pixels):
            warnings.append(f"image {safe_key(key)} is empty or malformed and was left out")
            continue
        suffix, data = drawing.encode_crop(pixels)
        name = "images/" + page_file(result.page_no, key, suffix)
        blobs[name] = data
        names[clean_text(key)] = name
    return names


def _encode_visualizations(
    result: PageResult, page: PageImage | None, dpi: int, blobs: dict[str, bytes], warnings: list[str]
) -> dict[str, str]:
    """Adds the page's visualizations to `blobs`; gives the kind to the blob's name."""
    scale = dpi / page.dpi if page else 1.0  # of what is given at the page's own size
    limit_px = min(drawing.MAX_JPEG_SIDE_PX, _MAX_PDF_PAGE_INCHES * dpi)
    pictures = {}
    for kind, pixels in result.visualizations.items():
        if _is_picture(pixels):
            pictures[safe_key(kind)] = drawing.encode_visualization(pixels, scale, limit_px)
        else:
            warnings.append(f"visualization {safe_key(kind)} is empty or malformed and was left out")
    if page is not None and "layout" not in pictures and _shows_blocks(page, result):
        pictures["layout"] = drawing.draw_layout(page.pixels, page.size_px[0], result.blocks, scale, limit_px)
    names = {}
    for kind in sorted(pictures):
        names[kind] = f"visualizations/{kind}.jpg"
        blobs[names[kind]] = pictures[kind]
    return names


def _shows_blocks(page: PageImage, result: PageResult) -> bool:
    """Tells whether the blocks' boxes refer to this image: not if it is a stand-in or the engine turned the page."""
    return page.size_px == (result.width_px, result.height_px)


def _is_picture(pixels: Pixels) -> bool:
    return pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size > 0 and pixels.dtype == "uint8"
