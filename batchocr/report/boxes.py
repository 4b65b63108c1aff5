"""Draws the blocks of a page over its picture, from the document's JSON: numbers, and labels that are looked up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from markupsafe import Markup

# A page's line holds the engine's own data too; a longer one goes without boxes.
MAX_LINE_CHARS = 8 << 20
MAX_BOXES = 600
# Label to colour class; any other label has `other`.
CLASSES = {
    "text": "text", "doc_title": "title", "paragraph_title": "title", "table": "table", "image": "image",
    "chart": "image", "seal": "image", "formula": "formula", "display_formula": "formula", "list": "list",
    "header": "furniture", "footer": "furniture", "number": "furniture",
}  # fmt: skip


@dataclass(frozen=True)
class PageBoxes:
    """What the JSON says of one page: the drawing of its blocks, and the engine's warnings."""

    svg: Markup
    warnings: tuple[str, ...]


def read_boxes(file: IO[str]) -> Iterator[tuple[int, PageBoxes]]:
    """Gives page number and boxes of every page of a document's JSON, one line in memory at a time.

    A line that is not as `outputs.json_document` writes it is passed over: the file may have been changed since.
    """
    while line := file.readline(MAX_LINE_CHARS):
        if not line.startswith("{") or '"blocks"' not in line:
            continue
        try:
            page = json.loads(line.rstrip().rstrip(","))
            found = int(page["page_no"]), PageBoxes(_drawing(page), tuple(map(str, page["warnings"])))
        except (KeyError, TypeError, ValueError, RecursionError):
            continue
        yield found


def _drawing(page: Mapping[str, Any]) -> Markup:
    width, height = int(page["width_px"]), int(page["height_px"])
    paths: dict[str, list[str]] = {}
    numbers = []
    size = max(1, width // 45)
    for block in page["blocks"][:MAX_BOXES]:
        edges = [float(edge) for edge in block["bbox"]]
        if len(edges) != 4 or not all(map(math.isfinite, edges)):
            continue
        x0, y0, x1, y1 = map(round, edges)
        name = CLASSES.get(str(block["label"]), "other")
        paths.setdefault(name, []).append(f"M{x0} {y0}H{x1}V{y1}H{x0}z")
        if isinstance(block["order"], int):
            numbers.append(f'<text x="{x0}" y="{max(size, y0)}">{block["order"]}</text>')
    body = "".join(f'<path class="b-{name}" d="{"".join(boxes)}"/>' for name, boxes in paths.items())
    # Nothing but numbers and our own words is in it.
    return Markup(
        f'<svg class="boxes" viewBox="0 0 {width} {height}" aria-hidden="true">{body}'
        f'<g font-size="{size}">{"".join(numbers)}</g></svg>'
    )
