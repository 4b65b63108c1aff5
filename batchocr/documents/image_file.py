"""Pages of image files, decoded by Pillow. Only ever loaded in a document child.

Every file is one page, except TIFF, where every frame is one. A page comes out as its viewer would show it: upright by
its EXIF orientation, on white where it is transparent, 8 bits a channel.
"""

from __future__ import annotations

import struct
from math import ceil, floor
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from batchocr.datatypes import DocumentFormat, FileIdentity, Limits
from batchocr.documents.reader import RenderedPage, shrinkage, shrunk_warning
from batchocr.errors import DocumentError, FailureKind

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

# Our own limits are stricter, depend on settings and are checked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

# What Pillow's parsers are seen to raise on damaged files; they promise none of it.
PILLOW_FAULTS = (
    OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, AttributeError, EOFError, RuntimeError,
    AssertionError, struct.error,
)  # fmt: skip

# How it says that its decoders, libtiff among them, got no memory.
PILLOW_SHORT_OF_MEMORY = ("out of memory", "decoder error -9")

OVERSIZE = 20
STRIP_PIXELS = 4_000_000
TRUSTED_DPI = (50, 1200)
EXIF_ORIENTATION = 0x0112
# Quarter turns anticlockwise, after which it is mirrored left to right or not.
_TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}
# Sensors fill 8, 10, 12 or 16 of the bits that hold a grey value.
_FULL_SCALES = (1, 255, 1023, 4095, 65535)


def _reason(err: Exception) -> str:
    """Gives what is wrong with an image; Pillow names our file object, which tells nobody anything."""
    return "its contents are not those of an image" if isinstance(err, UnidentifiedImageError) else str(err)


class ImageReader:
    """One open image file."""

    def __init__(self, file: BinaryIO, identity: FileIdentity, document_format: DocumentFormat, limits: Limits) -> None:
        self.format = document_format
        self.identity = identity
        self._file = file
        self._limits = limits
        try:
            self._image = Image.open(file, formats=[document_format.value])
            self.page_count = self._count_frames() if document_format is DocumentFormat.TIFF else 1
        except PILLOW_FAULTS as err:
            raise DocumentError(
                f"the {document_format.name} image is damaged ({_reason(err)}); check it in a viewer and copy it again"
            ) from err
        if self.page_count == 1:
            self._refuse_oversize(self._image, FailureKind.DOCUMENT_TOO_LARGE)

    def render(self, page_no: int, dpi: int, want_text: bool, thumbnail_dpi: int | None = None) -> RenderedPage:
        """Gives page `page_no` with its own pixels; `dpi` is what it is taken for where the file does not say.

        Raises:
            DocumentError: `page_render_failed`.
            MemoryError: there is not enough for it.
        """
        try:
            image = self._frame(page_no)
            self._refuse_oversize(image, FailureKind.PAGE_RENDER_FAILED)
            return self._decode(image, dpi)
        except PILLOW_FAULTS as err:
            if str(err).startswith(PILLOW_SHORT_OF_MEMORY):
                raise MemoryError(str(err)) from err
            raise DocumentError(
                f"this image is damaged ({err}); check it in a viewer and copy it again", FailureKind.PAGE_RENDER_FAILED
            ) from err

    def close(self) -> None:
        """Lets go of the file and of all memory."""
        self._image.close()
        self._file.close()

    def _count_frames(self) -> int:
        """Gives how many frames a TIFF has, without following a chain of more than `max_pages` to its end."""
        try:
            # One by one: Pillow believes that a frame that it was asked for and did not find is the last.
            for count in range(1, self._limits.max_pages + 1):
                self._image.seek(count)
        except EOFError:
            self._image.seek(0)
            return count
        raise DocumentError(
            f"the document has more than max_pages ({self._limits.max_pages:,}) pages; "
            "raise that limit or split the document",
            FailureKind.DOCUMENT_TOO_LARGE,
        )

    def _frame(self, page_no: int) -> Image.Image:
        if self.format is DocumentFormat.TIFF:
            self._image.seek(page_no - 1)
            return self._image
        # Opened anew, so that no decoded pixels stay behind in it.
        self._file.seek(0)
        return Image.open(self._file, formats=[self.format.value])

    def _refuse_oversize(self, image: Image.Image, kind: FailureKind) -> None:
        """Raises where decoding would take more than limits allow; shrinking on the fly is a JPEG's privilege."""
        width, height = image.size
        eighth = 64 if self.format is DocumentFormat.JPEG else 1
        decoded_bytes = width * height // eighth * _bytes_per_pixel(image)
        if width * height > OVERSIZE * self._limits.max_page_pixels:
            limit = f"{OVERSIZE} times max_page_pixels"
        elif decoded_bytes > self._limits.render_memory_bytes // 4 * 3:
            limit = "what fits into render_memory_bytes"
        else:
            return
        raise DocumentError(
            f"the image has {width:,} x {height:,} px, more than {limit}; scale it down or raise that limit", kind
        )

    def _decode(self, image: Image.Image, dpi: int) -> RenderedPage:
        tag_dpi = _tag_dpi(image) or dpi
        width, height = image.size
        scale = shrinkage(width, height, self._limits.max_page_pixels)
        wanted = (max(1, int(width * scale)), max(1, int(height * scale)))
        warnings: tuple[str, ...] = ()
        if scale < 1:
            warnings = (shrunk_warning(width, height, tag_dpi * scale),)
            image.draft(None, wanted)
        image.load()
        pixels = _to_bgr(image, wanted)
        # Asked after loading: Pillow turns a TIFF while it loads it, and then the tag is gone.
        turn = _TURNS.get(image.getexif().get(EXIF_ORIENTATION, 1))
        if turn is not None:
            pixels = _turned(pixels, *turn)
        return RenderedPage(pixels, tag_dpi * scale, warnings=warnings)


def _bytes_per_pixel(image: Image.Image) -> int:
    """Gives what Pillow spends on a pixel: bilevel images take a byte too, three channels take four."""
    if image.mode in {"1", "L", "P"}:
        return 1
    return 2 if image.mode.startswith("I;16") else 4


def _tag_dpi(image: Image.Image) -> float | None:
    """Gives the resolution that the file claims, or None where it is none or nonsense."""
    tag = image.info.get("dpi")
    try:
        claimed = float(tag[0]) if tag else 0.0
    except (TypeError, ValueError, LookupError, ZeroDivisionError):
        return None
    return claimed if TRUSTED_DPI[0] <= claimed <= TRUSTED_DPI[1] else None


def _turned(pixels: Pixels, quarter_turns: int, mirrored: bool) -> Pixels:
    turned = np.rot90(pixels, quarter_turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def _to_bgr(image: Image.Image, size: tuple[int, int]) -> Pixels:
    """Gives the loaded image as BGR of `size` (width, height); strip by strip, so that no second copy is ever whole."""
    full_scale = _full_scale(image)
    source_width, source_height = image.size
    width, height = size
    pixels = np.empty((height, width, 3), np.uint8)
    ratio = source_height / height
    rows = max(1, int(STRIP_PIXELS / source_width / ratio))
    # A shrinking filter looks a little beyond the strip; without that its seams would show.
    margin = 0 if image.size == size else 2 * ceil(ratio)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        first = max(0, floor(top * ratio) - margin)
        last = min(source_height, ceil(bottom * ratio) + margin)
        strip = _flattened(image.crop((0, first, source_width, last)), full_scale)
        if image.size != size:
            box = (0.0, top * ratio - first, float(source_width), min(bottom * ratio, source_height) - first)
            # Whole pixels are averaged first: half the time of the filter alone, which a gigapixel needs.
            strip = strip.resize((width, bottom - top), Image.Resampling.BILINEAR, box=box, reducing_gap=1.0)
        pixels[top:bottom] = np.asarray(strip.convert("RGB"))[:, :, ::-1]
    return pixels


def _flattened(strip: Image.Image, full_scale: float | None) -> Image.Image:
    """Gives a part of an image as L if it is grey, else as RGB, on white where it is transparent."""
    if full_scale is not None:
        values = np.nan_to_num(np.asarray(strip, np.float32), nan=0.0, posinf=full_scale, neginf=0.0)
        grey = np.clip(values * (255.0 / full_scale) + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(grey)
    if strip.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in strip.info:
        if strip.mode in {"La", "RGBa"}:
            strip = strip.convert({"La": "LA", "RGBa": "RGBA"}[strip.mode])
        layer = strip.convert("RGBA")
        paper = Image.new("RGB", strip.size, (255, 255, 255))
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    return strip.convert("L" if strip.mode in {"1", "L"} else "RGB")


def _full_scale(image: Image.Image) -> float | None:
    """Gives what counts as white in an image of more than 8 bits or of floats; None for all other images."""
    if image.mode not in {"I", "F"} and not image.mode.startswith("I;16"):
        return None
    if image.mode == "F":
        values = np.asarray(image)
        brightest = float(np.max(values, initial=0.0, where=np.isfinite(values)))
    else:
        brightest = float(np.max(np.asarray(image)))
    return next((float(scale) for scale in _FULL_SCALES[image.mode != "F" :] if brightest <= scale), brightest)
