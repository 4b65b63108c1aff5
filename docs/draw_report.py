"""Draws the pictures of docs/report.md: runs the samples, with failures by script, and photographs the report.

Needs the environment of `make setup-dev` and Chromium:

    .venv/bin/python docs/draw_report.py
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.chromium import Tab, chromium  # noqa: E402

import batchocr  # noqa: E402

SAMPLES = ("scan.pdf", "photo.jpg", "notice.tiff", "chinese_english.png", "report.pdf")
# Every kind of trouble that a picture can show in half a minute.
SCRIPT = (
    {"source": "report.pdf", "pages": "2", "do": "crash"},
    {"source": "scan.pdf", "pages": "2", "do": "hang"},
    {"source": "notice.tiff", "do": "error"},
)


def main() -> None:
    """Writes docs/images/report-*.png."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = folder / "in"
        inputs.mkdir()
        for sample in SAMPLES:
            (inputs / sample).write_bytes((ROOT / "samples" / sample).read_bytes())
        good = folder / "good"
        batchocr.run(inputs, output=good, devices="cpu", mode="ocr", formats="md,json,xlsx,images,pdf")
        (inputs / "delivery.pdf").write_bytes(b"cut off")
        failing = folder / "failing"
        batchocr.run(
            inputs, output=failing, engine="fake", devices="cpu:0,cpu:1", page_timeout_s=3,
            engine_options={"content": "rich", "page_seconds": 1.0, "script": SCRIPT},
        )  # fmt: skip
        with chromium(folder / "profile") as tab:
            take(tab, failing / "report.html", "report-failures", height=1230)
            take(tab, failing / "report.html", "report-dark", height=1230, dark=True)
            take(tab, failing / "report.html#workers", "report-workers", height=640)
            take(tab, good / "report.html#d5", "report-document", height=880)
            take(tab, failing / "report.html", "report-narrow", width=400, height=1100)


def take(tab: Tab, page: Path, name: str, *, width: int = 1280, height: int, dark: bool = False) -> None:
    """Writes a picture of 256 colours: a screen has few."""
    path, _, anchor = str(page).partition("#")
    tab.open(Path(path).as_uri() + (f"#{anchor}" if anchor else ""), width=width, height=height, dark=dark)
    # The commands name a temporary folder: a reader has another.
    tab.value(
        "document.querySelectorAll('.command code').forEach(e =>"
        " e.textContent = e.textContent.replace(/retry \\S+/, 'retry out'))"
    )
    tab.value("new Promise(resolve => setTimeout(resolve, 500))")
    target = ROOT / "docs" / "images" / f"{name}.png"
    tab.screenshot(target)
    picture = Image.open(io.BytesIO(target.read_bytes())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
    print(target.relative_to(ROOT), f"{target.stat().st_size // 1000} KB")


if __name__ == "__main__":
    main()
