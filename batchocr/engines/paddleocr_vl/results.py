"""What PaddleOCR-VL found on a page, as plain data that holds nothing of Paddle's."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np

from batchocr.datatypes import Block, PageImage, PageResult
from batchocr.engines.paddleocr_vl.checks import MARK, Finding

if TYPE_CHECKING:
    from PIL.Image import Image

    from batchocr.datatypes import BBox, Pixels

# Names of the pipeline's pictures, where ours differ.
_KINDS = {"layout_det_res": "layout", "preprocessed_img": "preprocessed", "spotting_res_img": "spotting"}
_NUMBERING = re.compile(r"\s*\d+((?:\.\d+)*)")


def page_result(result: Any, page: PageImage, *, visualize: bool) -> PageResult:
    """Gives the pipeline's result of a page as plain data; says in it where the page is from.

    Args:
        result: a `PaddleOCRVLResult`, which may be dropped afterwards. Its numbers of the page are set.
        page: what was read.
        visualize: take the pipeline's drawings too.
    """
    result["input_path"] = page.source
    result["page_index"], result["page_count"] = page.page_no - 1, page.page_count
    markdown = result.markdown
    names = {path: f"image_{number}" for number, path in enumerate(markdown["markdown_images"], start=1)}
    drawn = result.img if visualize else {}
    data = result.json["res"]
    found = [(block, getattr(block, MARK, None)) for block in result["parsing_res_list"]]
    return PageResult(
        page_no=page.page_no,
        width_px=int(result["width"]),
        height_px=int(result["height"]),
        blocks=_blocks(result, data, names),
        markdown=_renamed(markdown["markdown_texts"], names),
        images={names[path]: _bgr(image) for path, image in markdown["markdown_images"].items()},
        visualizations={_KINDS.get(name, name): _bgr(image) for name, image in drawn.items()},
        raw={
            "paddlex": data,
            "findings": [_told(number, finding) for number, (_, finding) in enumerate(found) if finding],
        },
        warnings=tuple(_warning(block, finding) for block, finding in found if finding),
        source=page.source,
    )


def _blocks(result: Any, data: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Block, ...]:
    unread = frozenset(data["model_settings"].get("markdown_ignore_labels") or ())
    charts = bool(data["model_settings"].get("use_chart_recognition"))
    scores = {(box["label"], tuple(map(int, box["coordinate"]))): box["score"] for box in _layout(data)}
    blocks = []
    order = 0
    for found in result["parsing_res_list"]:
        order += found.label not in unread
        content = found.content or ""
        table = _table(found.label, content, charts=charts)
        image = names.get(found.image["path"]) if found.image else None
        score = scores.get((found.label, tuple(found.bbox)))
        blocks.append(
            Block(
                label=found.label,
                bbox=_within(found.bbox, data["width"], data["height"]),
                order=None if found.label in unread else order,
                text=table_text(table) if table else content.strip(),
                html=_renamed(table, names),
                score=None if score is None else min(1.0, max(0.0, float(score))),
                level=_level(found.label, content),
                image=image,
            )
        )
    return tuple(blocks)


def _layout(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (data.get("layout_det_res") or {}).get("boxes") or []


def _within(box: list[int], width: int, height: int) -> BBox:
    """Gives a box whose corners lie on the page, in order."""
    x0, x1 = (float(min(max(x, 0), width)) for x in (box[0], box[2]))
    y0, y1 = (float(min(max(y, 0), height)) for y in (box[1], box[3]))
    return (x0, y0, max(x0, x1), max(y0, y1))


def _level(label: str, title: str) -> int | None:
    """Gives the level of a heading as the pipeline's Markdown has it: by the depth of its number."""
    if label == "doc_title":
        return 1
    if label != "paragraph_title":
        return None
    number = _NUMBERING.match(title)
    return min(6, 2 + (number[1].count(".") if number else 0))


def _table(label: str, content: str, *, charts: bool) -> str:
    """Gives the HTML of a table or of a chart that was read, else an empty text."""
    if label == "table":
        return content if "<table" in content else ""
    if label == "chart" and charts and "|" in content:
        return chart_table(content)
    return ""


def chart_table(content: str) -> str:
    """Gives the table of a chart, from lines of cells with `|` between them, as HTML."""
    rows = (
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in content.splitlines() if line.strip()
    )
    lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def table_text(table: str) -> str:
    """Gives a table's text: a line for each row, with tabs between cells."""
    parser = _Cells()
    parser.feed(table)
    parser.close()
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in parser.rows)


class _Cells(HTMLParser):
    """Gathers the text of cells, whatever the HTML looks like."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begins a row, a cell or a line in it."""
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            if not self.rows:
                self.rows.append([])
            self.rows[-1].append("")
        elif tag == "br":
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        """Adds to the cell."""
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Gives a text whose links to the pipeline's image files go to our keys."""
    for path, name in names.items():
        text = text.replace(path, name)
    return text


def _bgr(image: Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _told(block_id: int, finding: Finding) -> dict[str, Any]:
    return {"block_id": block_id, "finding": finding.kind, "replaced": finding.replaced}


def _warning(block: Any, finding: Finding) -> str:
    place = ", ".join(str(edge) for edge in block.bbox)
    return f"{block.label} block at ({place}): {finding.words}"
