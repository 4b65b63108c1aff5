"""The smoke run of `batchocr doctor`: one drawn page, read for real on each device, into a folder that goes again."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from batchocr.cli.progress import duration
from batchocr.config import build_settings
from batchocr.devices import Finding, resolve_devices
from batchocr.errors import BatchOcrError

PAGE_SIZE_PX = (1240, 1754)  # A4 at 150 dpi
LINES = ("Smoke test of this machine", "The quick brown fox jumps over the lazy dog.", "Invoice 2024-1187: 1,234.56")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def smoke_findings(engine: str, devices: str, options: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Reads the page on each device, one after the other, all CPU workers being one. Blocks while engines load.

    Args:
        engine: one that can run here.
        devices: where, as the user names them.
        options: of the engine.
    """
    from batchocr import runs

    choice = resolve_devices(devices, runs.describe_engine(engine, options).devices, engine=engine)
    names = dict.fromkeys("cpu" if device.kind == "cpu" else device.name for device in choice.devices)
    found = []
    for name in names:
        click.echo(f"reading a page with {engine} on {name} ...", err=True)
        with tempfile.TemporaryDirectory(prefix="batchocr-smoke-", ignore_cleanup_errors=True) as folder:
            found.append(_read_page(engine, name, options, Path(folder)))
    return tuple(found)


def draw_page(path: Path) -> None:
    """Writes a PNG file with a few lines of large black text on white."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", PAGE_SIZE_PX, "white")
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(LINES):
        draw.text((120, 160 + 120 * number), line, fill="black", font=ImageFont.load_default(40))
    page.save(path)


def _read_page(engine: str, device: str, options: Mapping[str, Any], folder: Path) -> Finding:
    from batchocr import runs

    name = f"smoke {device}"
    page = folder / "in" / "page.png"
    page.parent.mkdir()
    draw_page(page)
    settings = build_settings(
        {
            "inputs": (str(page),),
            "output": folder / "out",
            "engine": engine,
            "engine_options": dict(options),
            "devices": device,
            "formats": ("md", "json"),
            "max_attempts": 1,
            "log_level": "error",
        }
    )
    try:
        summary = runs.run(settings)
    except BatchOcrError as err:
        return Finding(name, "problem", str(err))
    if summary.exit_code:
        failures = [failure for report in summary.failures for failure in report.failures]
        words = "; ".join(f"{failure.kind.value}: {failure.message.partition(chr(10))[0]}" for failure in failures)
        remedy = f"See more of it: batchocr run FILE --engine {engine} --devices {device} --log-level debug"
        return Finding(name, "problem", words or summary.message, remedy)
    text = "".join(COMMENT.sub("", file.read_text(encoding="utf-8")) for file in (folder / "out").rglob("*.md"))
    words = f"{engine} read {len(text.split())} words in {duration(summary.elapsed_s)}, loading and start included"
    if not text.strip():
        return Finding(name, "note", words, "The page has text: look at the weights, or at another device.")
    return Finding(name, "ok", words)
