"""Small pictures of pages, drawn by documents' limited child: a hostile document costs its picture, nothing more.

Pillow sees only pixels that the child sent. What pictures may cost is bounded in number, bytes and time; where a bound
is met, that is said.
"""

from __future__ import annotations

import base64
import io
import math
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from PIL import Image

from batchocr.datatypes import DocumentRef, Limits, PageImage
from batchocr.documents.client import DocumentChild
from batchocr.errors import DocumentError

if TYPE_CHECKING:
    from typing_extensions import Self

MAX_PICTURES = 1_000
# Of all pictures together as they stand in the file, base64.
MAX_BYTES = 10_000_000
THUMBNAIL_PX = 240
# Width of a page's picture by how many bytes there are for each.
WIDTHS = ((240_000, 1_000), (130_000, 720), (70_000, 520), (35_000, 380), (0, 260))
QUALITY = 50
# Enough to tell what is on a page; a larger one is drawn smaller by the child.
LIMITS = Limits(render_timeout_s=10.0, max_page_pixels=3_000_000)
_INCHES_WIDE = 8.3


@dataclass(frozen=True)
class Picture:
    """A picture as it stands in the report: a data URL, its width and height in pixels."""

    url: str
    width: int
    height: int


class Pictures:
    """Draws pages as long as number, bytes and time allow.

    Args:
        pages: how many pages will be asked for; the more, the smaller each.
        deadline: monotonic time after which nothing more is drawn, s; None for no limit.
    """

    def __init__(self, pages: int, deadline: float | None = None) -> None:
        self._child = DocumentChild(LIMITS, "renderer of pictures")
        self._deadline = deadline
        self._bytes_left = MAX_BYTES
        self._left = MAX_PICTURES
        self._share = MAX_BYTES // max(1, min(pages, MAX_PICTURES))
        self.width = next(width for bytes_, width in WIDTHS if self._share >= bytes_)
        self.left_out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._child.close()

    def page(self, document: DocumentRef, page_no: int, width: int | None = None) -> Picture | str:
        """Gives a page's picture, or in words why there is none.

        Args:
            document: what to open; if the file changed since, there is no picture of it.
            page_no: counts from 1.
            width: at most so many pixels wide; as many as there is room for unless given.
        """
        over = self._deadline is not None and time.monotonic() > self._deadline
        if over or self._left <= 0 or self._bytes_left <= 0:
            self.left_out += 1
            return "the report's limit is reached"
        wanted = width or self.width
        try:
            image = self._child.render(document, page_no, max(36, round(wanted / _INCHES_WIDE)), want_text=False)
        except DocumentError as err:
            return str(err)
        picture = _fitting(image, wanted, self._share)
        self._left -= 1
        self._bytes_left -= len(picture.url)
        return picture


def _fitting(image: PageImage, width: int, url_chars: int) -> Picture:
    """Gives a picture of about so many characters; one that comes out larger is made once more, smaller."""
    whole = Image.fromarray(image.pixels[:, :, ::-1])
    # A strip of paper many times as long as wide is bounded by its length.
    scale = min(1.0, width / whole.width, 3 * width / whole.height)
    picture = _encoded(whole, scale)
    if len(picture.url) > url_chars:
        picture = _encoded(whole, scale * math.sqrt(url_chars / len(picture.url)))
    return picture


def _encoded(whole: Image.Image, scale: float) -> Picture:
    size = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
    smaller = whole if size == whole.size else whole.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    smaller.save(file, "JPEG", quality=QUALITY, optimize=True)
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    return Picture(url, *size)
