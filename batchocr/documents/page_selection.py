"""Which pages of each document a run is about, as users write it: `1-3,7,10-`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from batchocr.datatypes import PageRanges
from batchocr.errors import ConfigError

_PART = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?", re.ASCII)


@dataclass(frozen=True)
class PageSelection:
    """Ascending page ranges that neither overlap nor touch; the last may be open (None) at its end.

    Attributes:
        ranges: first and last page, both included.
    """

    ranges: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> PageSelection:
        """Gives the pages that `text` names: numbers and ranges, separated by commas, from 1; `10-` is all from 10.

        Raises:
            ConfigError: it is no such list; says which part and how to write it.
        """
        ranges = sorted((_parse_part(part.strip(), text) for part in text.split(",")), key=lambda pair: pair[0])
        merged: list[tuple[int, int | None]] = []
        for first, last in ranges:
            if not merged:
                merged.append((first, last))
                continue
            before_first, before_last = merged[-1]
            if before_last is None:
                break
            if first <= before_last + 1:
                merged[-1] = (before_first, None if last is None else max(last, before_last))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    def pages(self, page_count: int) -> PageRanges:
        """Gives the chosen pages of a document of `page_count` pages; possibly none."""
        bounded = ((first, page_count if last is None else min(last, page_count)) for first, last in self.ranges)
        return PageRanges(tuple((first, last) for first, last in bounded if first <= last))

    def __str__(self) -> str:
        return ",".join(
            f"{first}-" if last is None else str(first) if first == last else f"{first}-{last}"
            for first, last in self.ranges
        )


def _parse_part(part: str, text: str) -> tuple[int, int | None]:
    match = _PART.fullmatch(part)
    remedy = f"in page selection {text!r}; write pages from 1 like 1-3,7,10-"
    if match is None:
        raise ConfigError(f"{part!r} is no page or range of pages {remedy}")
    first = int(match[1])
    last = int(match[3]) if match[3] else None if match[2] else first
    if first == 0:
        raise ConfigError(f"there is no page 0 {remedy}")
    if last is not None and last < first:
        raise ConfigError(f"{part!r} runs backwards {remedy}")
    return first, last
