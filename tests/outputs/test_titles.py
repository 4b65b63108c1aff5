from __future__ import annotations

from collections.abc import Sequence

import pytest
from outputs_builders import record

from batchocr.datatypes import Block
from batchocr.outputs.titles import TitleLevels


def title(text: str, height: float, label: str = "paragraph_title", level: int | None = None) -> Block:
    """A heading of one line, as wide as its text needs."""
    return Block(label, (0.0, 0.0, len(text) * height / 2, height), 1, text, level=level)


def levels(*pages: Sequence[Block]) -> list[int | None]:
    metas = [record(number, *blocks).meta for number, blocks in enumerate(pages, start=1)]
    titles = TitleLevels()
    for meta in metas:
        titles.look(meta)
    return [part["level"] for meta in metas for part in titles.levelled(meta)["blocks"]]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("1 Introduction", 2), ("1. Introduction", 2), ("2.1 Method", 3), ("2.1.3. More", 4), ("1.1.1.1.1.1 Deep", 6),
        ("A.1 Proofs", 3), ("Chapter 4", 2), ("第一章 绪论", 2), ("第二节", 3), ("1．引言", 2), ("1.2引言", 3),
        ("§ 3 Scope", 2), ("1.Introduction", 2),
    ],
)  # fmt: skip
def test_a_numbered_heading_has_the_depth_of_its_number(text: str, level: int) -> None:
    assert levels([title("Tiny", 90), title(text, 20)])[1] == level


@pytest.mark.parametrize("text", ["2024 Report", "1.618 as a ratio", "Industry", "A. Smith"])
def test_other_words_are_no_numbers(text: str) -> None:
    assert levels([title("1.1 Deep", 20), title(text, 40)])[1] == 2


def test_the_title_of_the_document_is_the_first_level_wherever_it_is_and_however_tall() -> None:
    assert levels([title("T", 10, "doc_title", 3)], [title("1 A", 50), title("T", 90, "doc_title")]) == [1, 2, 1]


def test_headings_without_numbers_follow_their_size_over_all_pages() -> None:
    pages = [title("Big", 50), title("Small", 25, level=6)], [title("Middle", 35, level=1), title("Big too", 48)]
    assert levels(*pages) == [2, 4, 3, 2]


def test_a_heading_without_number_has_the_level_of_the_numbered_ones_of_its_size() -> None:
    page = [title("1 A", 50), title("1.1 B", 30), title("References", 50), title("Notes", 30), title("Tiny", 15)]
    assert levels(page) == [2, 3, 2, 3, 4]


def test_a_heading_of_two_lines_is_no_larger_than_one_of_one() -> None:
    two = Block("paragraph_title", (0.0, 0.0, 200.0, 96.0), 1, "twenty characters yes")
    assert levels([title("1 A", 42), two]) == [2, 2]


def test_what_is_no_heading_stays_as_it_is() -> None:
    assert levels([title("1 A", 50), title("text", 10, "text"), title("text", 10, "list", 5)]) == [2, None, 5]


def test_boxes_without_area_do_no_harm() -> None:
    flat = Block("paragraph_title", (float("nan"), 5.0, 5.0, 5.0), 1, "")
    assert levels([flat]) == [2]
