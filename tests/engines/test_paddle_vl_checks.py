from __future__ import annotations

import numpy as np
import pytest

from batchocr.engines.paddleocr_vl.checks import CutOff, Finding, find_fault, has_ink, second_reading, without_loop

WHITE = np.full((60, 200, 3), 255, np.uint8)
INKED = WHITE.copy()
INKED[20:30, 20:150] = 30
LIMITS = (1000, 10_000)


@pytest.mark.parametrize(
    "text",
    ["the end " * 40, "0" * 300, "start of it\n" + "one line after another\n" * 20, "日本語の" * 60, "." * 3000],
)
def test_text_that_ends_in_a_loop_is_found(text: str) -> None:
    shorter = without_loop(text)
    assert shorter is not None
    assert text.startswith(shorter)
    assert len(shorter) < 60
    assert find_fault(text, INKED) == "repeated"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 50,
        "Contents " + "." * 500 + " 12",
        "Contents " + "." * 500,  # a leader whose page number stands in a block of its own
        "_" * 300,
        "\n".join(f"{number}. entry" for number in range(300)),
        "ha " * 20,
        "He said he would. " * 8,
    ],
)
def test_text_that_only_looks_like_a_loop_is_left_alone(text: str) -> None:
    assert without_loop(text) is None


def test_table_of_empty_cells_is_no_loop() -> None:
    assert find_fault("<fcel>Name<fcel>Sum<nl>" + "<ecel><ecel><nl>" * 100, INKED) is None


def test_empty_text_is_a_fault_where_there_is_ink_alone() -> None:
    assert find_fault(" \n", INKED) == "empty"
    assert find_fault("", WHITE) is None
    assert find_fault("<ecel><nl>", INKED) == "empty"


@pytest.mark.parametrize("paper", [255, 200, 120])
def test_ink_is_what_is_darker_than_its_paper(paper: int) -> None:
    crop = np.full((60, 200, 3), paper, np.uint8)
    assert not has_ink(crop)
    crop[10:20, 10:60] = paper - 100
    assert has_ink(crop)


def test_text_that_reached_the_limit_is_found_but_not_when_it_merely_is_long() -> None:
    words = " ".join(f"word{number}" for number in range(3000))
    assert find_fault(CutOff(words), INKED) == "cut_off"
    assert find_fault(words, INKED) is None


def test_good_text_is_not_read_again() -> None:
    def reread(*_: object) -> str:
        raise AssertionError("read again")

    assert second_reading("good", INKED, LIMITS, reread) == ("good", None)


def test_better_second_reading_takes_the_place_of_the_first_and_says_so() -> None:
    text, finding = second_reading("", INKED, LIMITS, lambda *_: "found it")

    assert text == "found it"
    assert finding == Finding("empty", replaced=True)
    assert "stands in its place" in finding.words


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("Then the end " + "the end " * 40, "", "Then the end"),  # one turn of the loop stays
        ("", "", ""),
        ("the end " * 40, CutOff("cut"), "the end"),
        (CutOff("begun and"), "", "begun and"),
    ],
)
def test_second_reading_that_is_no_better_leaves_what_there_was(first: str, second: str, kept: str) -> None:
    text, finding = second_reading(first, INKED, LIMITS, lambda *_: second)

    assert text.split() == kept.split()
    assert finding is not None
    assert not finding.replaced
    assert "no better" in finding.words


@pytest.mark.parametrize("limits", [(1000, 100_000), (1000, 4000), (50_000, 100_000)])
def test_second_reading_sees_fewer_pixels(limits: tuple[int, int]) -> None:
    pytest.importorskip("cv2")
    seen: list[tuple[tuple[int, ...], int, int]] = []

    def reread(crop: np.ndarray, least: int, most: int) -> str:  # type: ignore[type-arg]
        seen.append((crop.shape, least, most))
        return "x"

    second_reading("", INKED, limits, reread)

    ((height, width, channels), least, most) = seen[0]
    before = min(max(60 * 200, limits[0]), limits[1])
    assert least <= most < before
    assert height * width <= before
    assert channels == 3
