"""Draws the sample documents.

    python samples/draw_samples.py --cjk-font /usr/share/fonts/truetype/wqy/wqy-microhei.ttc

Needs the `dev` extra (reportlab) and the fonts that README.md names. The same versions of the fonts and of Pillow give
the same bytes.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import img2pdf
import words
from paper import SCAN_DPI, Paper, Typeface, landscape, photographed, scanned
from PIL import Image
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    Flowable,
    ListFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus import Image as Picture

EXIF_ORIENTATION = 0x0112
TURN_CLOCKWISE_TO_VIEW = 6


def draw_scan(path: Path, typeface: Typeface) -> None:
    """Writes four pages that come from a scanner: pictures alone, crooked by up to 0.8 degrees."""
    first = Paper(typeface)
    first.line("Ten Thousand Pages by Morning", "serif_bold", 22, center=True)
    first.line("How a quiet machine reads an archive", "serif", 12, center=True, after=2)
    first.columns([words.SCAN_LEFT, words.SCAN_RIGHT])

    second = Paper(typeface)
    second.line("1  What the settings cost", "serif_bold", 15)
    second.paragraph(words.TABLE_INTRO)
    second.y += 30
    second.table(words.TABLE_HEAD, words.TABLE_ROWS, left_share=0.32)
    for text in words.TABLE_AFTER:
        second.paragraph(text)

    third = Paper(typeface)
    third.line("2  The first week", "serif_bold", 15)
    third.paragraph(words.CHART_INTRO)
    third.y += 24
    third.bar_chart(words.CHART)
    third.line(words.CHART_CAPTION, "sans", 9, center=True, after=3)
    third.place(landscape(900, 520, seed=5))
    third.line(words.PICTURE_CAPTION, "sans", 9, center=True)

    fourth = Paper(typeface)
    fourth.line("3  Before you go home", "serif_bold", 15)
    fourth.paragraph(words.LIST_INTRO)
    fourth.items(words.LIST_ITEMS, [f"{number}." for number in range(1, len(words.LIST_ITEMS) + 1)])
    fourth.y += 30
    fourth.paragraph(words.LIST_AFTER)

    pages = []
    for number, (paper, angle) in enumerate(zip([first, second, third, fourth], [0.4, -0.6, 0.3, 0.8], strict=True), 1):
        paper.folio(str(number))
        pages.append(_jpeg(scanned(paper.picture, angle=angle, seed=number), quality=38))
    path.write_bytes(img2pdf.convert(pages, nodate=True, engine=img2pdf.Engine.internal))


def draw_report(path: Path, typeface: Typeface) -> None:
    """Writes a born-digital report: headings, list, ruled table and a picture on two pages with a text layer."""
    pdfmetrics.registerFont(TTFont("Serif", typeface.serif))
    pdfmetrics.registerFont(TTFont("Sans-Bold", typeface.sans_bold))
    body = ParagraphStyle("body", fontName="Serif", fontSize=10.5, leading=15, spaceAfter=8)
    title = ParagraphStyle("title", fontName="Sans-Bold", fontSize=22, leading=28, spaceAfter=14)
    heading = ParagraphStyle("heading", fontName="Sans-Bold", fontSize=14, leading=20, spaceBefore=12, spaceAfter=6)
    cell = ParagraphStyle("cell", parent=body, fontSize=9.5, leading=12, spaceAfter=0)
    ruled = TableStyle([("GRID", (0, 0), (-1, -1), 0.8, colors.black), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")])

    steps = [Paragraph(text, body) for text in words.REPORT_STEPS]
    cells = [[Paragraph(text, cell) for text in row] for row in words.REPORT_TABLE]
    picture = io.BytesIO(_jpeg(landscape(720, 432, seed=11), quality=60))
    story: list[Flowable] = [
        Paragraph("From Folder to Folder", title),
        Paragraph(words.REPORT_SUMMARY, body),
        Paragraph("Four steps", heading),
        ListFlowable(steps, bulletType="1", bulletFontName="Serif", bulletFontSize=10.5, leftIndent=24),
        Paragraph("How a document can end", heading),
        Table(cells, colWidths=[70, 190, 179], style=ruled),
        PageBreak(),
        Paragraph("Pictures", heading),
        Paragraph(words.REPORT_PICTURE, body),
        Picture(picture, width=360, height=216),
        Spacer(1, 6),
        Paragraph(words.REPORT_CAPTION, ParagraphStyle("caption", parent=cell, alignment=1)),
        Paragraph("When a run was stopped", heading),
        Paragraph(words.REPORT_END, body),
    ]
    SimpleDocTemplate(str(path), pagesize=A4, invariant=1, title="From Folder to Folder", author="batchocr").build(
        story
    )


def draw_chinese_english(path: Path, typeface: Typeface) -> None:
    """Writes a clean page in Chinese and English, 16 shades of gray."""
    paper = Paper(typeface)
    paper.line(words.CHINESE_TITLE, "cjk", 22, center=True)
    paper.line(words.CHINESE_SUBTITLE, "serif", 12, center=True, after=2)
    for number, text in enumerate(words.CHINESE_ENGLISH):
        paper.paragraph(text, style="serif" if number % 2 else "cjk", points=12)
    shades = paper.picture.point(lambda value: value // 17 * 17)
    shades.convert("P", palette=Image.Palette.ADAPTIVE, colors=16).save(path, "PNG", dpi=(SCAN_DPI,) * 2, optimize=True)


def draw_photo(path: Path, typeface: Typeface) -> None:
    """Writes a photo of a page on a desk, stored on its side with the EXIF orientation that sets it upright."""
    paper = Paper(typeface, size=(1240, 1500))
    paper.line(words.PHOTO_TITLE, "serif_bold", 20, after=1.2)
    for text in words.PHOTO_LINES:
        paper.paragraph(text, points=13, justified=False)
    photo = photographed(paper.picture, (1200, 1500), seed=7)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = TURN_CLOCKWISE_TO_VIEW
    photo.transpose(Image.Transpose.ROTATE_90).save(path, "JPEG", quality=62, exif=exif)


def draw_notice(path: Path, typeface: Typeface) -> None:
    """Writes a TIFF of two pages: a fax-like one of black and white (CCITT G4), and a gray one (JPEG)."""
    front = Paper(typeface)
    front.line(words.NOTICE_TITLE, "sans_bold", 20, after=1.5)
    for text in words.NOTICE_LINES:
        front.paragraph(text, style="sans", points=12, justified=False)
    back = Paper(typeface)
    back.line(words.NOTICE_BACK_TITLE, "sans_bold", 16, after=1)
    back.table(words.NOTICE_BACK_HEAD, words.NOTICE_BACK_ROWS, left_share=0.3)
    back.paragraph(words.NOTICE_BACK_AFTER, style="sans", points=12)

    crooked = front.picture.rotate(-0.5, Image.Resampling.BICUBIC, fillcolor=255)
    gray = scanned(back.picture, angle=0.3, seed=21)
    gray.encoderinfo = {"compression": "jpeg", "quality": 38}
    crooked.convert("1", dither=Image.Dither.NONE).save(
        path, "TIFF", save_all=True, append_images=[gray], compression="group4", dpi=(SCAN_DPI,) * 2
    )


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, dpi=(SCAN_DPI,) * 2, optimize=True)
    return buffer.getvalue()


DRAWINGS: dict[str, Callable[[Path, Typeface], None]] = {
    "scan.pdf": draw_scan,
    "report.pdf": draw_report,
    "chinese_english.png": draw_chinese_english,
    "photo.jpg": draw_photo,
    "notice.tiff": draw_notice,
}


def main() -> None:
    """Draws every sample document and says how large it is."""
    parser = argparse.ArgumentParser(description="Draw the sample documents.")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder to write to")
    parser.add_argument(
        "--dejavu", type=Path, default=Path("/usr/share/fonts/truetype/dejavu"), help="folder of DejaVu"
    )
    parser.add_argument("--cjk-font", type=Path, default=Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"))
    options = parser.parse_args()
    typeface = Typeface(
        serif=options.dejavu / "DejaVuSerif.ttf",
        serif_bold=options.dejavu / "DejaVuSerif-Bold.ttf",
        sans=options.dejavu / "DejaVuSans.ttf",
        sans_bold=options.dejavu / "DejaVuSans-Bold.ttf",
        cjk=options.cjk_font,
    )
    for name, draw in DRAWINGS.items():
        path = options.output / name
        draw(path, typeface)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
