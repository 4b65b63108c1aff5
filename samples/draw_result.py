"""Draws docs/result.png, the picture in the README, from what `make run` has written to output/.

.venv/bin/python samples/draw_result.py
"""

from __future__ import annotations

from pathlib import Path

import pypdfium2
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "output" / "scan"
HEIGHT = 640
PANEL_WIDTH = 620
MARGIN = 24


def page_picture(page_no: int) -> Image.Image:
    """Gives the upper part of one page of the layout visualization."""
    with pypdfium2.PdfDocument(RESULT / "scan_layout.pdf") as document:
        page = document[page_no - 1].render(scale=1.4).to_pil().convert("RGB")
    cut = page.crop((0, 30, page.width, 30 + int(page.height * 0.62)))
    return cut.resize((cut.width * HEIGHT // cut.height, HEIGHT), Image.Resampling.LANCZOS)


def markdown_picture() -> Image.Image:
    """Gives the table page's Markdown as it stands in the file."""
    text = (RESULT / "scan.md").read_text("utf-8").partition("<!-- page: 2 -->")[2]
    panel = Image.new("RGB", (PANEL_WIDTH, HEIGHT), "#f6f8fa")
    draw = ImageDraw.Draw(panel)
    font = ImageFont.load_default(13)
    y = MARGIN
    for paragraph in ("<!-- page: 2 -->" + text).splitlines():
        line = ""
        for word in [*paragraph.split(" "), None]:
            if word is None or draw.textlength(f"{line} {word}", font=font) > PANEL_WIDTH - 2 * MARGIN:
                draw.text((MARGIN, y), line, fill="#24292f", font=font)
                y += 19
                line = word or ""
            else:
                line = f"{line} {word}" if line else word
    return panel


def main() -> None:
    """Writes the picture."""
    parts = [page_picture(1), page_picture(2), markdown_picture()]
    picture = Image.new("RGB", (sum(part.width for part in parts) + 2 * MARGIN, HEIGHT), "white")
    x = 0
    for part in parts:
        picture.paste(part, (x, 0))
        x += part.width + MARGIN
    picture.quantize(128).save(ROOT / "docs" / "result.png", optimize=True)


if __name__ == "__main__":
    main()
