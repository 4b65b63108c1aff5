"""Makes the pages that the benchmarks read: made-up documents with an exact truth, clean or as if scanned.

    python benchmarks/pages.py FOLDER [--pages 50] [--seed 5]

writes FOLDER/clean.pdf (with a text layer), FOLDER/scan.pdf (images only, 200 dpi) and FOLDER/truth.json: for each page
its kind and its text in reading order. The same seed gives the same text on the same lines; the pictures are the same
as long as the libraries that draw them are.

Kinds of page, in turn: English, Chinese or both; one column, two columns, or prose with a ruled table; 8 to 20 pt.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import img2pdf
import numpy as np
import pypdfium2
from PIL import Image, ImageFilter
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
MARGIN, GUTTER = 56.0, 24.0
DPI = 200
SIZES = (8, 9, 10, 11, 12, 14, 16, 20)
LANGUAGES, LAYOUTS = ("en", "zh", "mixed"), ("one column", "two columns", "table")
# Debian: fonts-dejavu-core and fonts-wqy-microhei. Vera comes with reportlab.
FONTS = {
    "sans": ("Vera.ttf",),
    "serif": ("DejaVuSerif.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"),
    "zh": ("wqy-microhei.ttc", "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
}

HERE = Path(__file__).parent
EN, ZH = ((HERE / name).read_text("utf-8").split() for name in ("words_en.txt", "words_zh.txt"))
# Every other word of an English sentence.
EN_SMALL = ("the", "a", "of", "and", "to", "in", "for", "with", "on", "by", "from", "at", "as", "is", "was", "are")


@dataclass(frozen=True)
class Page:
    """One page as it was drawn.

    Attributes:
        kind: language, layout and size.
        lines: its text in reading order; a row of a table is one line, its cells parted by a space.
    """

    kind: str
    lines: list[str] = field(repr=False)


def register_fonts() -> None:
    """Makes the fonts known to reportlab, or ends the program and says what to install."""
    for name, places in FONTS.items():
        for place in places:
            try:
                pdfmetrics.registerFont(TTFont(name, place))
                break
            except TTFError:
                continue
        else:
            sys.exit(f"no font {places[0]}: apt-get install fonts-dejavu-core fonts-wqy-microhei")


def sentence(chance: random.Random, language: str) -> str:
    """Gives a made-up sentence with its full stop."""
    if language == "mixed":
        language = chance.choice(("en", "zh"))
    count = chance.randint(6, 14)
    if language == "en":
        words = [chance.choice(EN_SMALL) if place % 2 else chance.choice(EN) for place in range(count)]
        if chance.random() < 0.3:
            words.insert(chance.randrange(len(words)), number(chance))
        if chance.random() < 0.4:
            words[len(words) // 2] += chance.choice((",", ";", ":"))
        return f"{words[0].capitalize()} {' '.join(words[1:])}{chance.choice('...?!')}"
    words = [chance.choice(ZH) for _ in range(count)]
    if chance.random() < 0.3:
        words.insert(
            chance.randrange(1, len(words)),
            chance.choice((f"{chance.randint(1990, 2026)}年", f"{chance.randint(2, 98)}%")),
        )
    words[len(words) // 2] += chance.choice("，，、；")
    return "".join(words) + chance.choice("。。。？！")


def number(chance: random.Random) -> str:
    """Gives a number as tables and prose have them."""
    whole, part = chance.randint(2, 999), chance.randint(0, 99)
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1990, 2026)
    return chance.choice(
        (f"{whole}", f"{whole}.{part:02}", f"{whole % 9 + 1},{part:03}", f"{part}%", f"{day}/{month}/{year}")
    )


def runs_of(text: str, latin: str) -> Iterator[tuple[str, str]]:
    """Gives the stretches of a line that take the same font, each with its font."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or is_wide(text[place]) != is_wide(text[start]):
            yield text[start:place], "zh" if is_wide(text[start]) else latin
            start = place


def is_wide(character: str) -> bool:
    """Tells whether a character takes the Chinese font."""
    return ord(character) >= 0x2E80


def width_of(text: str, latin: str, size: float) -> float:
    """Gives the width of a line in points."""
    return sum(pdfmetrics.stringWidth(run, font, size) for run, font in runs_of(text, latin)) if text else 0.0


def draw(canvas: Canvas, x: float, y: float, text: str, latin: str, size: float) -> None:
    """Draws a line with its baseline at y."""
    for run, font in runs_of(text, latin):
        canvas.setFont(font, size)
        canvas.drawString(x, y, run)
        x += pdfmetrics.stringWidth(run, font, size)


def wrapped(text: str, width: float, latin: str, size: float) -> list[str]:
    """Breaks text into lines, at spaces and between Chinese characters."""
    units: list[str] = []
    for character in text:
        if units and not is_wide(character) and not is_wide(units[-1][-1]) and units[-1][-1] != " ":
            units[-1] += character
        elif units and character in "，、；。？！":
            units[-1] += character  # none of these begins a line
        else:
            units.append(character)
    lines = [""]
    for unit in units:
        if lines[-1] and width_of((lines[-1] + unit).rstrip(), latin, size) > width:
            lines.append("")
        lines[-1] += unit
    return [line.strip() for line in lines if line.strip()]


def paragraphs(
    canvas: Canvas, chance: random.Random, language: str, latin: str, size: float, x: float, top: float, width: float,
    bottom: float,
) -> list[str]:  # fmt: skip
    """Fills a column with paragraphs from top to bottom, and gives its lines."""
    drawn: list[str] = []
    y, leading = top - size, size * 1.4
    while y > bottom + 3 * leading:
        glue = "" if language == "zh" else " "
        text = glue.join(sentence(chance, language) for _ in range(chance.randint(2, 5)))
        for line in wrapped(text, width, latin, size):
            if y < bottom:
                return drawn
            draw(canvas, x, y, line, latin, size)
            drawn.append(line)
            y -= leading
        y -= leading * 0.8
    return drawn


def table(
    canvas: Canvas, chance: random.Random, language: str, latin: str, size: float, top: float
) -> tuple[list[str], float]:
    """Draws a ruled table and gives its rows and where it ends."""
    columns, rows = chance.randint(3, 4), chance.randint(5, 9)
    step, height = (WIDTH - 2 * MARGIN) / columns, size * 1.9
    drawn = []
    for row in range(rows):
        cells = []
        for column in range(columns):
            name = (
                chance.choice(ZH)
                if language == "zh" or (language == "mixed" and chance.random() < 0.5)
                else chance.choice(EN)
            )
            cell = name if row == 0 or column == 0 else number(chance)
            draw(canvas, MARGIN + column * step + 6, top - (row + 1) * height + size * 0.6, cell, latin, size)
            cells.append(cell)
        drawn.append(" ".join(cells))
    canvas.setLineWidth(0.8)
    canvas.grid(
        [MARGIN + step * column for column in range(columns + 1)], [top - height * row for row in range(rows + 1)]
    )
    return drawn, top - rows * height


def draw_page(canvas: Canvas, chance: random.Random, index: int) -> Page:
    """Draws page number `index` (from 0) and gives its truth."""
    language = LANGUAGES[index % 3]
    layout = LAYOUTS[index // 3 % 3]
    size = SIZES[(index + index // 9) % len(SIZES)]
    latin = ("sans", "serif")[index // 2 % 2]
    top, lines = HEIGHT - MARGIN, []
    if layout == "two columns":
        size = min(size, 12)
        width = (WIDTH - 2 * MARGIN - GUTTER) / 2
        for x in (MARGIN, MARGIN + width + GUTTER):
            lines += paragraphs(canvas, chance, language, latin, size, x, top, width, MARGIN)
    else:
        if layout == "table":
            lines += paragraphs(canvas, chance, language, latin, size, MARGIN, top, WIDTH - 2 * MARGIN, top - 12 * size)
            rows, top = table(canvas, chance, language, latin, min(size, 14), top - 13.5 * size)
            lines += rows
            top -= 2 * size
        lines += paragraphs(canvas, chance, language, latin, size, MARGIN, top, WIDTH - 2 * MARGIN, MARGIN)
    return Page(f"{language}, {layout}, {size} pt", lines)


def scanned(image: Image.Image, chance: random.Random) -> Image.Image:
    """Gives a page as a scanner might: skewed, shaded, faded, blurred and noisy; grey."""
    noise = np.random.default_rng(chance.getrandbits(32))
    paper = chance.randint(228, 250)
    turned = image.convert("L").rotate(chance.uniform(-1.2, 1.2), Image.Resampling.BICUBIC, fillcolor=255)
    soft = turned.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 0.8)))
    pixels = np.asarray(soft, np.float32)
    ink = chance.randint(10, 60)
    pixels = ink + pixels * (paper - ink) / 255
    height, width = pixels.shape
    shade = (
        np.linspace(chance.uniform(-12, 0), chance.uniform(-12, 0), width)[None]
        + np.linspace(0, chance.uniform(-12, 0), height)[:, None]
    )
    pixels += shade + noise.normal(0, chance.uniform(3, 8), pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def make_pages(folder: Path, pages: int, seed: int, *, scans: bool = True) -> list[Page]:
    """Writes `clean.pdf`, `truth.json` and, if wanted, `scan.pdf` into a folder, and gives the truths.

    Args:
        folder: is made if it is not there.
        pages: how many.
        seed: of all that is left to chance; each page has a chance of its own, so fewer pages are a part of more.
        scans: make the pages as if scanned, too.
    """
    register_fonts()
    folder.mkdir(parents=True, exist_ok=True)
    clean = folder / "clean.pdf"
    canvas = Canvas(str(clean), pagesize=A4, invariant=1)
    truth = []
    for index in range(pages):
        truth.append(draw_page(canvas, random.Random(f"{seed} page {index}"), index))
        canvas.showPage()
    canvas.save()
    (folder / "truth.json").write_text(json.dumps([asdict(page) for page in truth], ensure_ascii=False), "utf-8")
    if scans:
        images = list(scanned_pages(clean, seed))
        (folder / "scan.pdf").write_bytes(img2pdf.convert(images, engine=img2pdf.Engine.internal, nodate=True))
    return truth


def scanned_pages(clean: Path, seed: int) -> Iterator[bytes]:
    """Gives the pages of a PDF as the JPEG files that a scanner might make of them."""
    with pypdfium2.PdfDocument(clean) as document:
        for index, page in enumerate(document):
            chance = random.Random(f"{seed} scan {index}")
            image = scanned(page.render(scale=DPI / 72).to_pil(), chance)
            file = io.BytesIO()
            image.save(file, "JPEG", quality=chance.randint(45, 75), dpi=(DPI, DPI))
            yield file.getvalue()


def main() -> None:
    """Makes pages from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    made = make_pages(arguments.folder, arguments.pages, arguments.seed)
    print(f"{len(made)} pages, {sum(len(line) for page in made for line in page.lines)} characters")


if __name__ == "__main__":
    main()
