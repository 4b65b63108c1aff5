"""What the blocks of a page record mean, for every writer that shows them: which are read, in what order, and as what.

A block is the plain data that `page_record` makes. Two keys are added by `joining` for the writers of one assembly:
`continues` (the page where the table that goes on here begins) and `joined_table` (the whole table, as a `Table`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

from batchocr.outputs.formulas import equation_tag
from batchocr.outputs.html_table import Cell, Table, parse_tables

Block: TypeAlias = Mapping[str, Any]

# Left out of what is read, even where an engine gives them a place in the order.
FURNITURE = frozenset({"header", "footer", "number"})
TITLES = frozenset({"doc_title", "paragraph_title"})
CODE = frozenset({"algorithm", "code"})
FORMULAS = frozenset({"formula", "display_formula", "inline_formula"})
# Blocks whose text does not say all that their picture says.
PICTURES = frozenset({"image", "figure", "chart", "seal", "header_image", "footer_image"})
_TITLE_LEVELS = {"doc_title": 1, "paragraph_title": 2}
_MAX_LEVEL = 6
_BULLET = re.compile(r"[-*+•◦▪‣●○·–]\s+(?=\S)")
_NUMBER = re.compile(r"(\d{1,9}[.)])\s+(?=\S)")
_RULE_CELL = re.compile(r"\s*:?-+:?\s*")


@dataclass(frozen=True)
class ListItem:
    """One line of a list: its number as printed ("" for a bullet), and whether it goes on with the item before it."""

    number: str
    text: str
    goes_on: bool


def in_reading_order(meta: Mapping[str, Any]) -> list[Block]:
    """Gives the blocks of a page that are read in line, in order."""
    blocks = (block for block in meta["blocks"] if block["order"] is not None and block["label"] not in FURNITURE)
    return sorted(blocks, key=lambda block: int(block["order"]))


def with_formula_numbers(blocks: list[Block]) -> Iterator[tuple[Block, str]]:
    """Gives each block and, for a formula, the equation number that is printed after it: that block is passed over."""
    taken = False
    for block, after in zip_longest(blocks, blocks[1:]):
        if not taken:
            taken = after is not None and _numbers(after, block)
            yield block, after["text"] if taken else ""
        else:
            taken = False


def title_level(block: Block) -> int | None:
    """Gives the heading level 1 to 6 of a title, None for anything else."""
    level = block["level"] or _TITLE_LEVELS.get(block["label"])
    return min(max(level, 1), _MAX_LEVEL) if level else None


def block_tables(block: Block) -> list[Table]:
    """Gives the tables that a block shows: none where its table began on a page before, the whole where it begins."""
    if "continues" in block:
        return []
    if "joined_table" in block:
        return [block["joined_table"]]
    if block["html"]:
        return parse_tables(block["html"])
    chart = _chart_table(block["text"]) if block["label"] == "chart" else None
    return [chart] if chart else []


def list_items(text: str) -> list[ListItem]:
    """Gives the lines of a list; lines without a bullet or number go on with the item before them."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    marked = any(_BULLET.match(line) or _NUMBER.match(line) for line in lines)
    items: list[ListItem] = []
    for line in lines:
        if bullet := _BULLET.match(line):
            items.append(ListItem("", line[bullet.end() :], goes_on=False))
        elif number := _NUMBER.match(line):
            items.append(ListItem(number[1], line[number.end() :], goes_on=False))
        else:
            items.append(ListItem("", line, goes_on=marked and bool(items)))
    return items


def _numbers(block: Block, formula: Block) -> bool:
    """Tells whether a block is the number of the formula before it, and one that can be written with it."""
    is_number = block["label"] == "formula_number" and equation_tag(block["text"])
    return bool(is_number and formula["label"] in FORMULAS and formula["text"].strip())


def _chart_table(text: str) -> Table | None:
    """Gives what was read off a chart, lines of values between `|`, as a table; None where it is something else."""
    lines = [_pipe_cells(line) for line in text.strip().split("\n") if line.strip()]
    lines = [cells for cells in lines if not all(_RULE_CELL.fullmatch(cell) for cell in cells)]
    columns = max(map(len, lines), default=0)
    if len(lines) < 2 or min(map(len, lines)) < 2:
        return None
    rows = (
        tuple(Cell(row, column, 1, 1, cell, row == 0) for column, cell in enumerate(cells))
        for row, cells in enumerate(lines)
    )
    return Table(tuple(rows), 1, columns, cut=False)


def _pipe_cells(line: str) -> list[str]:
    inner = line.strip()
    inner = inner[1:] if inner.startswith("|") else inner
    inner = inner[:-1] if inner.endswith("|") else inner
    return [cell.strip() for cell in inner.split("|")]
