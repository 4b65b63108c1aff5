"""Draws docs/images/side_by_side.png: a scanned page, what batchocr sees on it, and its Markdown as a reader sees it.

    .venv/bin/python docs/make_pictures.py

reads samples/scan.pdf with `batchocr run` and the engine `ppocr` in a folder of its own; nothing else is needed than
what `make setup-dev` installs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pypdfium2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image
from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from batchocr.outputs.html_table import Table as HtmlTable
from batchocr.outputs.html_table import parse_tables

ROOT = Path(__file__).resolve().parent.parent
SCAN = ROOT / "samples" / "scan.pdf"
TARGET = ROOT / "docs" / "images" / "side_by_side.png"
PAGE_NO = 2
PAGE_SIZE_PT = (595, 842)
MARGIN_PT = 42
# The upper part of the page holds all that stands on it.
SHOWN = 0.56
PANEL_WIDTH_PX, GAP_PX = 640, 16
COLORS = 96

TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=13, leading=19, spaceAfter=12)
HEADINGS = {
    f"h{level}": ParagraphStyle(f"h{level}", TEXT, fontName="Helvetica-Bold", fontSize=size, leading=1.3 * size)
    for level, size in ((1, 26), (2, 21), (3, 17), (4, 15), (5, 13), (6, 13))
}
GRID = [
    ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#c8cdd3")),
    ("FONTSIZE", (0, 0), (-1, -1), 12),
    ("TOPPADDING", (0, 0), (-1, -1), 5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
]


def read_scan(folder: Path) -> Path:
    """Runs batchocr on the sample and gives the folder of its results."""
    command = [sys.executable, "-m", "batchocr", "run", str(SCAN), "-o", str(folder)]
    subprocess.run([*command, "--mode", "ocr", "--engine", "ppocr", "--devices", "cpu"], check=True)
    return folder / "scan"


def pdf_panel(file: Path, page_no: int) -> Image.Image:
    """Gives the shown part of a page of a PDF, as wide as a panel; pages count from 1."""
    with pypdfium2.PdfDocument(file) as document:
        page = document[page_no - 1]
        picture = page.render(scale=2 * PANEL_WIDTH_PX / page.get_width()).to_pil().convert("RGB")
    height = round(PANEL_WIDTH_PX * picture.height / picture.width)
    return picture.resize((PANEL_WIDTH_PX, height), Image.Resampling.LANCZOS).crop(
        (0, 0, PANEL_WIDTH_PX, round(height * SHOWN))
    )


def page_markdown(markdown: str, page_no: int) -> str:
    """Gives the part of a document's Markdown that one page gave."""
    return markdown.partition(f"<!-- page: {page_no} -->")[2].partition("<!-- page:")[0]


def flowables(markdown: str) -> list[Flowable]:
    """Gives what a page of Markdown shows: headings, paragraphs and tables."""
    shown: list[Flowable] = []
    style = TEXT
    for token in MarkdownIt().parse(markdown):
        if token.type == "heading_open":
            style = HEADINGS[token.tag]
        elif token.type == "inline":
            shown.append(Paragraph(inline_markup(token), style))
            style = TEXT
        elif token.type == "html_block":
            shown += [drawn for table in parse_tables(token.content) for drawn in (grid(table), Spacer(0, 14))]
    return shown


def inline_markup(token: Token) -> str:
    """Gives the text of a heading or paragraph; the sample's has no markup of its own."""
    text = "".join(child.content if child.type == "text" else " " for child in token.children or ())
    return text.replace("&", "&amp;").replace("<", "&lt;")


def grid(table: HtmlTable) -> Table:
    """Gives a table with its spans."""
    cells = [["" for _ in range(table.columns)] for _ in table.rows]
    style = list(GRID)
    for cell in (cell for row in table.rows for cell in row):
        cells[cell.row][cell.column] = cell.text
        last = (cell.column + cell.colspan - 1, cell.row + cell.rowspan - 1)
        style.append(("SPAN", (cell.column, cell.row), last))
        if cell.colspan > 1:
            style.append(("ALIGN", (cell.column, cell.row), last, "CENTER"))
    return Table(cells, style=style, hAlign="LEFT")


def markdown_panel(markdown: str, folder: Path) -> Image.Image:
    """Gives a page of Markdown as a reader sees it."""
    file = folder / "markdown.pdf"
    margins = {f"{side}Margin": MARGIN_PT for side in ("left", "right", "top", "bottom")}
    SimpleDocTemplate(str(file), pagesize=PAGE_SIZE_PT, invariant=1, **margins).build(flowables(markdown))
    return pdf_panel(file, 1)


def main() -> None:
    """Writes the picture."""
    with tempfile.TemporaryDirectory(prefix="batchocr-pictures-") as name:
        folder = Path(name)
        result = read_scan(folder / "out")
        markdown = page_markdown((result / "scan.md").read_text("utf-8"), PAGE_NO)
        panels = [
            pdf_panel(SCAN, PAGE_NO),
            pdf_panel(result / "scan_layout.pdf", PAGE_NO),
            markdown_panel(markdown, folder),
        ]
    height = min(panel.height for panel in panels)
    picture = Image.new("RGB", (len(panels) * (PANEL_WIDTH_PX + GAP_PX) + GAP_PX, height + 2 * GAP_PX), "#8b949e")
    for index, panel in enumerate(panels):
        picture.paste(panel.crop((0, 0, PANEL_WIDTH_PX, height)), (GAP_PX + index * (PANEL_WIDTH_PX + GAP_PX), GAP_PX))
    TARGET.parent.mkdir(exist_ok=True)
    picture.quantize(COLORS).save(TARGET, optimize=True)
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
