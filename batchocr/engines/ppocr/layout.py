"""From lines and grids to the blocks of a page in reading order: the layout half of PP-OCR, without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batchocr.datatypes import BBox, Block
from batchocr.engines.ppocr.cell_marks import ReadBoxes, with_marks
from batchocr.engines.ppocr.figures import find_figures
from batchocr.engines.ppocr.geometry import Frame, holds, median, overlap, text_frame, union
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.lone_numbers import lone_numbers
from batchocr.engines.ppocr.margins import find_margin_rows, find_stamps
from batchocr.engines.ppocr.open_tables import find_open_grids
from batchocr.engines.ppocr.paragraphs import Paragraph, Row, body_height, build_paragraphs
from batchocr.engines.ppocr.placements import (
    Placement,
    with_captions,
    with_columns_joined,
    with_title,
    without_last_title,
)
from batchocr.engines.ppocr.reading_order import reading_order
from batchocr.engines.ppocr.rulings import Rules, find_rules
from batchocr.engines.ppocr.table_halves import joined_html, joined_plain, with_halves_joined
from batchocr.engines.ppocr.table_text import FilledTable, fill
from batchocr.engines.ppocr.wording import is_mark, join_texts

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels, TextWord
    from batchocr.engines.ppocr.tables import TableGrid

# A figure that covers more of the page than this is its background: the text on it stays in the flow.
BACKGROUND_SHARE = 0.6
# Text that covers more of a figure than this is read as text, beside the figure.
WORDY_SHARE = 0.2
# A number or bullet stands at most this many times its height before the text of its item.
MARK_GAP = 3.0


@dataclass(frozen=True)
class LayoutResult:
    """What the layout makes of a page.

    Attributes:
        blocks: in reading order, then the page's headers, footers and numbers (their `order` is None).
        images: key such as `image_1` to the crop (BGR uint8, a copy) of the block that names it.
    """

    blocks: tuple[Block, ...]
    images: Mapping[str, Pixels]


def analyze(
    pixels: Pixels,
    dpi: float,
    lines: Sequence[Line],
    grids: Sequence[TableGrid],
    image_boxes: Sequence[BBox],
    text_source: str,
    read_boxes: ReadBoxes | None = None,
    rules: Rules | None = None,
    *,
    placed_only: bool = False,
) -> LayoutResult:
    """Gives the blocks of a page: the same page gives the same blocks, whatever the order of `lines`.

    Args:
        pixels: page image, BGR uint8, shape (height, width, 3).
        dpi: pixels per inch of `pixels`.
        lines: all lines of text on the page, in any order.
        grids: what `tables.find_grids` gave for `pixels`.
        image_boxes: raster images that the PDF places on the page, px.
        text_source: "ocr" where the lines were read from the image; anything else says that the PDF gave them.
        read_boxes: gives what is written in boxes of the page, px; asked about marks in otherwise empty cells.
        rules: of the page, if they are known; otherwise they are looked for where a table may need them.
        placed_only: the page is known to have no other figures than images that the PDF places.
    """
    pieces = [piece for line in lines if line.text.strip() for piece in _parted(line)]
    pieces.sort(key=lambda line: (line.bbox, line.text))
    frame = text_frame(pieces)
    tables = _find_tables(pieces, grids, frame, lambda: rules or find_rules(pixels))
    if read_boxes:
        tables = [with_marks(table, pixels, pieces, read_boxes) for table in tables]
    free = _without(pieces, {index for table in tables for index in table.lines})
    for index in lone_numbers(pieces, free, MARK_GAP):
        pieces[index] = replace(pieces[index], text=f"{pieces[index].text.strip()}.")
    boxes, table_boxes = [line.bbox for line in pieces], [table.grid.bbox for table in tables]
    figures = find_figures(pixels, dpi, boxes, table_boxes, image_boxes, placed_only=placed_only)
    page = _Page(frame, pieces, exact_heights=text_source != "ocr")
    regions = [_table_block(parts, pieces) for parts in with_halves_joined(tables)]
    for number, box in enumerate(figures, 1):
        inside = [index for index in free if holds(box, *_centre(pieces[index].bbox))]
        if _is_read_apart(box, [pieces[index] for index in inside], pixels.shape[0] * pixels.shape[1]):
            inside = []
        free = [index for index in free if index not in set(inside)]
        regions.append(page.image_block(box, inside, f"image_{number}"))
    margins = find_stamps([page.row([index]) for index in free], pixels.shape[1])
    free = [index for index in free if index not in margins]
    margins |= find_margin_rows(page.rows(free), [frame.upright_box(r.bbox) for r in regions], pixels.shape[0])
    flow = page.flow([index for index in free if index not in margins], regions, pixels.shape)
    aside = [_aside(pieces[index], label) for index, label in margins.items()]
    blocks = [replace(block, order=order) for order, block in enumerate(flow, 1)]
    images = {block.image: _crop(pixels, block.bbox) for block in blocks if block.image}
    return LayoutResult((*blocks, *aside), images)


def _area(box: BBox) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _centre(box: BBox) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _without(lines: Sequence[Line], taken: set[int]) -> list[int]:
    return [index for index in range(len(lines)) if index not in taken]


def _parted(line: Line) -> list[Line]:
    """Cuts a text-layer line where the content stream begins another line after a gap: columns may stand that close."""
    parts: list[list[TextWord]] = []
    for word in sorted(line.words, key=lambda word: (word.bbox[0], word.bbox[2], word.text)):
        if parts and (
            word.line == parts[-1][-1].line or word.bbox[0] - parts[-1][-1].bbox[2] < 0.5 * max(line.height_px, 1.0)
        ):
            parts[-1].append(word)
        else:
            parts.append([word])
    if len(parts) < 2:
        return [line]
    pieces = []
    for words in parts:
        box = union(word.bbox for word in words)
        corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
        text = join_texts((word.text for word in words), undo_hyphens=False)
        bold = 2 * sum(len(word.text) for word in words if word.bold) > sum(len(word.text) for word in words)
        height = median([word.font_size_px for word in words], line.height_px)
        pieces.append(
            replace(line, text=text, bbox=box, polygon=corners, height_px=height, bold=bold, words=tuple(words))
        )
    return pieces


def _find_tables(
    lines: Sequence[Line], grids: Sequence[TableGrid], frame: Frame, rules: Callable[[], Rules]
) -> list[FilledTable]:
    """Gives the ruled tables, then those of aligned entries in what is left of the lines."""
    tables: list[FilledTable] = []
    taken: set[int] = set()
    for grid in sorted(grids, key=lambda grid: (-len(grid.cells), grid.bbox)):
        table = fill(grid, lines, taken)
        if table is not None:
            tables.append(table)
            taken |= set(table.lines)
    free = [lines[index] for index in _without(lines, taken)]
    if len(free) >= 4:
        for grid in find_open_grids(free, rules, frame):
            table = fill(grid, lines, taken, ruled=False)
            if table is not None:
                tables.append(table)
                taken |= set(table.lines)
    return sorted(tables, key=lambda table: (table.grid.bbox[1], table.grid.bbox[0]))


def _score(lines: Sequence[Line]) -> float | None:
    scores = [line.score for line in lines if line.score is not None]
    return round(sum(scores) / len(scores), 4) if scores else None


def _table_block(parts: Sequence[FilledTable], lines: Sequence[Line]) -> Block:
    score = _score([lines[index] for part in parts for index in part.lines])
    box = union(part.grid.bbox for part in parts)
    return Block("table", box, None, joined_plain(parts), joined_html(parts), score)


def _is_read_apart(box: BBox, lines: Sequence[Line], page_area: float) -> bool:
    """Tells whether the text on a figure is text of the page rather than part of the picture."""
    return _area(box) > BACKGROUND_SHARE * page_area or sum(_area(line.bbox) for line in lines) > WORDY_SHARE * _area(
        box
    )


def _aside(line: Line, label: str) -> Block:
    return Block(label, line.bbox, None, line.text.strip(), score=line.score)


def _crop(pixels: Pixels, box: BBox) -> Pixels:
    height, width = pixels.shape[:2]
    x0, y0 = max(0, min(int(box[0]), width - 1)), max(0, min(int(box[1]), height - 1))
    x1, y1 = max(x0 + 1, min(round(box[2]), width)), max(y0 + 1, min(round(box[3]), height))
    crop: Pixels = pixels[y0:y1, x0:x1].copy()
    return crop


class _Page:
    """The lines of a page in the frame in which they are level."""

    def __init__(self, frame: Frame, lines: Sequence[Line], *, exact_heights: bool) -> None:
        self.lines = lines
        self.exact_heights = exact_heights
        self.frame = frame
        self.boxes = [frame.upright_line(line) for line in lines]
        self._known_rows: dict[tuple[int, ...], Row] = {}

    def row(self, indexes: Sequence[int]) -> Row:
        """Gives lines that stand side by side as one row."""
        key = tuple(indexes)
        if key not in self._known_rows:
            self._known_rows[key] = self._row(key)
        return self._known_rows[key]

    def _row(self, indexes: tuple[int, ...]) -> Row:
        members = [self.lines[index] for index in indexes]
        text = join_texts((line.text for line in members), undo_hyphens=False)
        longest = max(members, key=lambda line: len(line.text))
        bold = all(line.bold or not any(c.isalnum() for c in line.text) for line in members)
        height = max(longest.height_px, 1.0)
        return Row(text, union(self.boxes[index] for index in indexes), height, bold, indexes)

    def rows(self, indexes: Sequence[int]) -> list[list[Row]]:
        """Gives the rows of the whole page, whatever its columns, one `Row` per line."""
        rows: list[list[Row]] = []
        for row in sorted((self.row([index]) for index in indexes), key=lambda row: (row.box[1] + row.box[3], row.box)):
            middle = (row.box[1] + row.box[3]) / 2
            if rows and middle < rows[-1][0].box[3]:
                rows[-1].append(row)
            else:
                rows.append([row])
        for members in rows:
            members.sort(key=lambda row: (row.box, row.text))
        return rows

    def image_block(self, box: BBox, inside: Sequence[int], key: str) -> Block:
        """Gives the block of a figure with the lines that stand in it."""
        text = "\n".join(row.text for members in self.rows(inside) for row in members)
        return Block("image", box, None, text, score=_score([self.lines[index] for index in inside]), image=key)

    def flow(self, indexes: Sequence[int], regions: Sequence[Block], shape: tuple[int, ...]) -> list[Block]:
        """Gives the blocks of lines, tables and figures in reading order."""
        body = body_height([self.row([index]) for index in indexes])
        whole = [
            r
            for r in regions
            if (r.bbox[2] - r.bbox[0]) * (r.bbox[3] - r.bbox[1]) > BACKGROUND_SHARE * shape[0] * shape[1]
        ]
        placed = [region for region in regions if region not in whole or region.label == "table"]
        placements: list[Placement] = [Placement(region) for region in whole if region.label != "table"]
        units = self._with_marks_joined(indexes)
        boxes = [union(map(self._ink_box, unit)) for unit in units]
        boxes += [self.frame.upright_box(region.bbox) for region in placed]
        for strip in reading_order(boxes, body):
            rows: list[Row] = []
            for members in strip:
                if max(members) < len(units):
                    rows.append(self.row([index for member in members for index in units[member]]))
                    continue
                placements += self._texts(rows, body)
                rows = []
                for member in members:
                    if member < len(units):
                        placements += self._texts([self.row(units[member])], body)
                    else:
                        placements.append(Placement(placed[member - len(units)]))
            placements += self._texts(rows, body)
        titled = without_last_title(with_title(with_columns_joined(placements), body, shape[0]), shape[0])
        return with_captions(titled, body)

    def _with_marks_joined(self, indexes: Sequence[int]) -> list[tuple[int, ...]]:
        """Gives the lines, each with the number or bullet that stands apart before it: a row of these is no column."""
        marks = [index for index in indexes if is_mark(self.lines[index].text)]
        owners: dict[int, int] = {}
        for mark in marks:
            _, top, right, bottom = self.boxes[mark]
            reach = right + MARK_GAP * (bottom - top)
            beside = [
                index
                for index in indexes
                if right - 0.5 * (bottom - top) < self.boxes[index][0] < reach
                and 2 * overlap(top, bottom, self.boxes[index][1], self.boxes[index][3]) > bottom - top
                and index not in marks
                and index not in owners
            ]
            if beside:
                owners[min(beside, key=lambda index: self.boxes[index])] = mark
        joined = set(owners.values())
        return [(owners[i], i) if i in owners else (i,) for i in indexes if i not in joined]

    def _ink_box(self, index: int) -> BBox:
        """Gives the upright box of a line without the margin that OCR leaves at its ends: gutters may be narrow."""
        u0, v0, u1, v1 = self.boxes[index]
        margin = 0.0 if self.exact_heights else min(0.12 * (v1 - v0), 0.25 * (u1 - u0))
        return u0 + margin, v0, u1 - margin, v1

    def _texts(self, rows: Sequence[Row], body: float) -> list[Placement]:
        paragraphs = build_paragraphs(rows, body, exact_heights=self.exact_heights)
        return [Placement(self._text_block(paragraph), paragraph) for paragraph in paragraphs]

    def _text_block(self, paragraph: Paragraph) -> Block:
        members = [self.lines[index] for row in paragraph.rows for index in row.lines]
        box = union(line.bbox for line in members)
        return Block(paragraph.label, box, None, paragraph.text, score=_score(members), level=paragraph.level)
