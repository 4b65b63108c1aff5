"""Pages drawn as pictures: text, tables and charts on paper, and what a scanner or a camera makes of them.

Lengths are pixels of the page unless a name says points. Every random number has a fixed seed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SCAN_DPI = 200
A4_PX = (1654, 2339)
MARGIN = 170
INK = 25

# A line may not begin with a closing mark, so it stays with the character in front of it.
_PIECE = re.compile(r"[\u4e00-\u9fff《（“][，。、；：！？）》”]*\s*|[^\s\u4e00-\u9fff《（“]+\s*")


@dataclass(frozen=True)
class Typeface:
    """The font files of one drawing.

    Attributes:
        serif, serif_bold, sans, sans_bold: TrueType files of a Latin family.
        cjk: TrueType file or collection with Chinese and Latin characters.
    """

    serif: Path
    serif_bold: Path
    sans: Path
    sans_bold: Path
    cjk: Path

    def at(self, style: str, points: float, dpi: int = SCAN_DPI) -> ImageFont.FreeTypeFont:
        """Gives the font of one `style` (a name of the attributes) in a size of `points` on paper of `dpi`."""
        return ImageFont.truetype(getattr(self, style), round(points * dpi / 72), layout_engine=ImageFont.Layout.BASIC)


@dataclass
class Paper:
    """One page, filled from the top; `y` is where the next line goes.

    Attributes:
        typeface: fonts to write with.
        size: width and height.
    """

    typeface: Typeface
    size: tuple[int, int] = A4_PX
    y: float = MARGIN
    picture: Image.Image = field(init=False)
    draw: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        self.picture = Image.new("L", self.size, 255)
        self.draw = ImageDraw.Draw(self.picture)

    @property
    def width(self) -> int:
        """Width between the margins."""
        return self.size[0] - 2 * MARGIN

    def line(self, text: str, style: str, points: float, *, center: bool = False, after: float = 0.6) -> None:
        """Writes one line; `after` is the space below it, in heights of the line."""
        font = self.typeface.at(style, points)
        x = (self.size[0] - font.getlength(text)) / 2 if center else MARGIN
        self.draw.text((x, self.y), text, INK, font)
        self.y += (1.25 + after) * font.size

    def paragraph(
        self,
        text: str,
        *,
        style: str = "serif",
        points: float = 12,
        x: float = MARGIN,
        width: float | None = None,
        justified: bool = True,
    ) -> None:
        """Writes a paragraph in lines of `width` from `x` on; all but the last are justified unless told otherwise."""
        font = self.typeface.at(style, points)
        measure = self.width if width is None else width
        lines = _broken_into_lines(text, font, measure)
        for number, pieces in enumerate(lines, start=1):
            slack = measure - font.getlength("".join(pieces))
            gap = slack / max(len(pieces) - 1, 1) if justified and number < len(lines) else 0.0
            left = x
            for piece in pieces:
                self.draw.text((left, self.y), piece, INK, font)
                left += font.getlength(piece) + gap
            self.y += 1.38 * font.size
        self.y += 0.6 * font.size

    def columns(self, columns: Sequence[Sequence[str]], gutter: int = 64) -> None:
        """Writes columns of paragraphs side by side."""
        width = (self.width - gutter * (len(columns) - 1)) / len(columns)
        top, bottom = self.y, self.y
        for number, paragraphs in enumerate(columns):
            self.y = top
            for text in paragraphs:
                self.paragraph(text, x=MARGIN + number * (width + gutter), width=width)
            bottom = max(bottom, self.y)
        self.y = bottom

    def items(self, items: Sequence[str], marks: Sequence[str]) -> None:
        """Writes a list, each item behind its mark."""
        font = self.typeface.at("serif", 12)
        for mark, text in zip(marks, items, strict=True):
            self.draw.text((MARGIN + 20, self.y), mark, INK, font)
            self.paragraph(text, x=MARGIN + 100, width=self.width - 100, justified=False)

    def table(
        self, head: Sequence[Sequence[tuple[str, int]]], rows: Sequence[Sequence[str]], left_share: float
    ) -> None:
        """Draws a ruled table over the whole width.

        Args:
            head: heading rows of (text, columns it spans).
            rows: body cells; the first of a row is set left, the others are centred.
            left_share: width of the first column as a share of the table.
        """
        count = len(rows[0])
        rest = (1 - left_share) / (count - 1)
        edges = [MARGIN + self.width * (0 if i == 0 else left_share + rest * (i - 1)) for i in range(count + 1)]
        body = [[(text, 1) for text in row] for row in rows]
        for number, cells in enumerate([*head, *body]):
            column = 0
            for text, span in cells:
                style = "sans_bold" if number < len(head) else "sans"
                self._cell(text, style, (edges[column], edges[column + span]), left=column == 0)
                column += span
            self.y += 58
        self.y += 40

    def _cell(self, text: str, style: str, edges: tuple[float, float], *, left: bool) -> None:
        self.draw.rectangle((edges[0], self.y, edges[1], self.y + 58), outline=INK, width=3)
        font = self.typeface.at(style, 9.5)
        x = edges[0] + 16 if left else (edges[0] + edges[1] - font.getlength(text)) / 2
        self.draw.text((x, self.y + 13), text, INK, font)

    def bar_chart(self, values: Sequence[tuple[str, int]], height: int = 560) -> None:
        """Draws a framed chart of labelled bars, the tallest as high as the frame allows."""
        left, top, right, bottom = MARGIN + 120, self.y, MARGIN + self.width - 60, self.y + height
        font = self.typeface.at("sans", 9)
        self.draw.rectangle((left, top, right, bottom), outline=INK, width=2)
        scale = (height - 90) / max(value for _, value in values)
        step = (right - left) / len(values)
        for number, (label, value) in enumerate(values):
            x0, x1 = left + step * (number + 0.22), left + step * (number + 0.78)
            shade = 90 + 110 * (number % 2)
            self.draw.rectangle((x0, bottom - value * scale, x1, bottom), fill=shade, outline=INK, width=2)
            self._centred(str(value), (x0 + x1) / 2, bottom - value * scale - 40, font)
            self._centred(label, (x0 + x1) / 2, bottom + 10, font)
        self.y = bottom + 70

    def _centred(self, text: str, x: float, y: float, font: ImageFont.FreeTypeFont) -> None:
        self.draw.text((x - font.getlength(text) / 2, y), text, INK, font)

    def place(self, picture: Image.Image) -> None:
        """Puts a picture in the middle of the page."""
        self.picture.paste(picture.convert("L"), ((self.size[0] - picture.width) // 2, round(self.y)))
        self.y += picture.height + 24

    def folio(self, text: str) -> None:
        """Writes the page number at the foot."""
        self._centred(text, self.size[0] / 2, self.size[1] - 130, self.typeface.at("serif", 9.5))


def _broken_into_lines(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[list[str]]:
    """Gives lines of pieces that may not be broken: a word with the space behind it, or a Chinese character."""
    lines: list[list[str]] = [[]]
    for piece in _PIECE.findall(text):
        if lines[-1] and font.getlength("".join([*lines[-1], piece]).rstrip()) > width:
            lines.append([])
        lines[-1].append(piece)
    return [[*line[:-1], line[-1].rstrip()] for line in lines]


def landscape(width: int, height: int, seed: int) -> Image.Image:
    """Gives a picture of hills under the sun, mode RGB, all shades and no text."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    picture = np.stack([120 + 110 * y, 170 + 60 * y, 235 - 20 * y], axis=2)
    sun = (x - 0.74) ** 2 * (width / height) ** 2 + (y - 0.27) ** 2
    picture[sun < 0.012] = (255, 236, 170)
    for layer, shade in enumerate([(120, 140, 120), (84, 118, 78), (46, 84, 52)]):
        waves = random.uniform(0, 2 * np.pi, 3)
        ridge = 0.48 + 0.15 * layer + sum(0.05 / (k + 1) * np.sin((3 + 4 * k) * x + waves[k]) for k in range(3))
        picture[y > ridge] = shade
    picture += random.normal(0, 4, (height, width, 1))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def scanned(page: Image.Image, *, angle: float, seed: int) -> Image.Image:
    """Gives the page as a scanner would: a little crooked, on shaded paper, soft and noisy; mode L, same size.

    Args:
        page: clean page, mode L.
        angle: degrees, counter-clockwise.
        seed: of the noise.
    """
    random = np.random.default_rng(seed)
    turned = page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.7))
    ink = np.asarray(turned, dtype=np.float32) / 255
    height, width = ink.shape
    x, y = np.meshgrid(np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32))
    sheet = 240 - 7 * x**2 - 6 * y - 14 * np.exp(-(x + 1) * 25)
    picture = 26 + ink * (sheet - 26) + random.normal(0, 2.2, ink.shape)
    for _ in range(60):
        row, column = random.integers(0, height - 3), random.integers(0, width - 3)
        picture[row : row + random.integers(1, 4), column : column + random.integers(1, 4)] -= 70
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def photographed(page: Image.Image, size: tuple[int, int], seed: int) -> Image.Image:
    """Gives the page lying on a desk, as a hand-held camera sees it; mode RGB.

    Args:
        page: clean page, mode L.
        size: width and height of the photo.
        seed: of the desk's grain and the noise.
    """
    random = np.random.default_rng(seed)
    width, height = size
    grain = (
        np.cumsum(random.normal(0, 1, (height, 1)), axis=0) * 0.4
        + random.normal(0, 2.5, (height, 40)).repeat(-(-width // 40), axis=1)[:, :width]
    )
    desk = np.array([126, 88, 58], dtype=np.float32) + grain[:, :, None]
    corners = [(0.12 * width, 0.09 * height), (0.90 * width, 0.065 * height)]
    corners += [(0.955 * width, 0.94 * height), (0.05 * width, 0.925 * height)]
    coefficients = _perspective(corners, page.size)
    sheet = page.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    cover = Image.new("L", page.size, 255).transform(size, Image.Transform.PERSPECTIVE, coefficients)
    shadow = np.asarray(cover.filter(ImageFilter.GaussianBlur(18)), dtype=np.float32)[:, :, None] / 255
    mask = np.asarray(cover.filter(ImageFilter.GaussianBlur(1)), dtype=np.float32)[:, :, None] / 255
    paper = np.asarray(sheet, dtype=np.float32)[:, :, None] / 255 * np.array([238, 234, 224]) * 0.96 + 8
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    light = (1.04 - 0.24 * x - 0.14 * y)[:, :, None]
    photo = (desk * (1 - 0.5 * shadow) * (1 - mask) + paper * mask) * light
    photo += random.normal(0, 1.6, (height, width, 1))
    return Image.fromarray(photo.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))


def _perspective(corners: Sequence[tuple[float, float]], size: tuple[int, int]) -> list[float]:
    """Gives Pillow's eight coefficients that lay a page of `size` on four `corners` (clockwise from the top left)."""
    width, height = size
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, [(0, 0), (width, 0), (width, height), (0, height)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows), np.array(values))]
