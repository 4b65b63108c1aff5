from __future__ import annotations

import numpy as np
import pytest
from ppocr_pages import words_of

from batchocr.engines.ppocr.layout import analyze
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.lone_numbers import lone_numbers
from batchocr.engines.ppocr.text_layer import lines_from_words

ITEMS = ["Find the documents that there are", "Draw each page as a picture", "Read what the picture shows", "Join"]
REACH = 3.0


def numbered(items: list[str], *, first: int = 1, step: float = 60.0, numbers: list[str] | None = None) -> list[Line]:
    words = []
    for place, item in enumerate(items):
        y = 100.0 + step * place
        words += words_of([(numbers or [str(first + n) for n in range(len(items))])[place]], x=100, y=y, line=2 * place)
        words += words_of(item.split(), x=180, y=y, line=2 * place + 1)
    return lines_from_words(words)


def test_numbers_that_stand_apart_without_a_dot_are_those_of_a_list() -> None:
    page = np.full((1400, 1000, 3), 255, np.uint8)
    (block,) = analyze(page, 150.0, numbered(ITEMS), (), (), "text_layer").blocks
    assert block.label == "list"
    assert block.text.split("\n") == [f"{place}. {text}" for place, text in enumerate(ITEMS, 1)]


@pytest.mark.parametrize(
    "lines",
    [
        numbered(ITEMS[:2]),
        numbered(ITEMS, first=2),
        numbered(ITEMS, numbers=["1", "2", "2", "4"]),
        numbered(["Whoever reads a text whose lines", "are numbered as in laws", "does not read a list"]),
        numbered(ITEMS, numbers=["9" * 5000, "2", "3", "4"]),
        numbered(["Value"] * 300, numbers=["1"] * 300),
    ],
    ids=["two", "from 2", "gap", "lines of a text", "endless", "countless"],
)
def test_other_numbers_before_lines_are_none(lines: list[Line]) -> None:
    assert lone_numbers(lines, range(len(lines)), REACH) == []


def test_numbers_far_from_their_lines_are_none() -> None:
    lines = numbered(ITEMS)
    assert len(lone_numbers(lines, range(len(lines)), REACH)) == len(ITEMS)
    assert lone_numbers(lines, range(len(lines)), 0.5) == []
