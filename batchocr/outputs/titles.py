"""Makes the heading levels of a whole document consistent.

A document title is 1. A numbered heading has the depth of its number: `2` is 2, `2.1` is 3. Any other heading has the
level of the numbered headings of its size, or one below the next larger size. First every page is looked at, which
keeps counts of sizes and no text; then each page gets its levels.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

from batchocr.outputs.blocks import TITLES, Block

_TOP = 2  # level of the largest headings below a document title
_MAX_LEVEL = 6
# Boxes of one size of type differ by so much, since not every line has a `g` or an `É`.
_SAME_SIZE = 0.82
_POINTS_PER_INCH = 72
# Parts of two digits at most, so that `2024 Report` and `1.618 as a ratio` are no numbers of headings.
_NUMBER = re.compile(
    r"(?:(?:§|Appendix|Annex|Anhang|Annexe)\s*)?((?:\d{1,2}|[A-Z](?=\.\d))(?:\.\d{1,2})*)"
    r"(?=[.、\s\u4e00-\u9fff]|$)(?!\.\d)"
)
_CHAPTER = re.compile(r"(?:chapter|part|kapitel|teil|chapitre|partie|capítulo)\s+(?:\d{1,3}|[ivxlc]{1,7})\b", re.I)
_CHINESE = re.compile(r"第\s*[0-9一二三四五六七八九十百]{1,5}\s*([部编篇章节節条])")
_CHINESE_DEPTH = {"部": 1, "编": 1, "篇": 1, "章": 1, "节": 2, "節": 2, "条": 3}


class TitleLevels:
    """Learns the sizes of a document's headings (`look`, every page), then gives each page its levels (`levelled`)."""

    def __init__(self) -> None:
        # (size in points, level by number or 0) to how many headings there are.
        self._seen: Counter[tuple[int, int]] = Counter()
        self._levels: dict[int, int] | None = None

    def look(self, meta: Mapping[str, Any]) -> None:
        """Takes note of a page's headings."""
        for block in meta["blocks"]:
            if block["label"] == "paragraph_title":
                self._seen[_size(block, meta), _numbered_level(block["text"])] += 1

    def levelled(self, meta: Mapping[str, Any]) -> Mapping[str, Any]:
        """Gives the page with the level of each of its headings set."""
        if self._levels is None:
            self._levels = _levels_by_size(self._seen)
        if not any(block["label"] in TITLES for block in meta["blocks"]):
            return meta
        blocks = [{**block, "level": self._level(block, meta)} for block in meta["blocks"]]
        return {**meta, "blocks": blocks}

    def _level(self, block: Block, meta: Mapping[str, Any]) -> int | None:
        if block["label"] not in TITLES:
            level: int | None = block["level"]
            return level
        if block["label"] == "doc_title":
            return 1
        assert self._levels is not None
        return _numbered_level(block["text"]) or self._levels.get(_size(block, meta), _TOP)


def _numbered_level(text: str) -> int:
    """Gives the level that a heading's number stands for, 0 where it has none."""
    title = unicodedata.normalize("NFKC", text).strip()
    if _CHAPTER.match(title):
        return _TOP
    if chinese := _CHINESE.match(title):
        return _TOP - 1 + _CHINESE_DEPTH[chinese[1]]
    number = _NUMBER.match(title)
    return min(_TOP + number[1].count("."), _MAX_LEVEL) if number else 0


def _size(block: Block, meta: Mapping[str, Any]) -> int:
    """Gives the height of a heading's lines: points where the page's resolution is known, else pixels."""
    x0, y0, x1, y1 = (float(edge) for edge in block["bbox"])
    width, height = max(1.0, abs(x1 - x0)), max(1.0, abs(y1 - y0))
    text = block["text"].strip()
    if height > 2 * width and len(text) > 2:
        width, height = height, width  # written downwards
    ems = sum(1.0 if unicodedata.east_asian_width(character) in "WF" else 0.5 for character in text)
    # Engines may give two printed lines as one: then the text is too long for a single line of that height.
    lines = max(text.count("\n") + 1, round(math.sqrt(ems * height / width)))
    dpi = float(meta["dpi"] or _POINTS_PER_INCH)
    points: float = height / lines / dpi * _POINTS_PER_INCH
    return max(1, round(points))


def _levels_by_size(seen: Mapping[tuple[int, int], int]) -> dict[int, int]:
    """Gives a level for each size of heading, larger ones never below smaller ones."""
    levels: dict[int, int] = {}
    above = _TOP - 1
    for sizes in _classes({size for size, _ in seen}):
        numbered: Counter[int] = Counter()
        for (size, level), count in seen.items():
            if level and size in sizes:
                numbered[level] += count
        usual = min(numbered, key=lambda level: (-numbered[level], level)) if numbered else above + 1
        above = min(max(above, usual), _MAX_LEVEL)
        levels.update(dict.fromkeys(sizes, above))
    return levels


def _classes(sizes: set[int]) -> list[list[int]]:
    """Gives sizes that count as one together, largest first."""
    classes: list[list[int]] = []
    for size in sorted(sizes, reverse=True):
        if classes and size >= _SAME_SIZE * classes[-1][0]:
            classes[-1].append(size)
        else:
            classes.append([size])
    return classes
