from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from batchocr.engines.ppocr.ink import Span, inked_columns, parted, stroke_weight

HEIGHT = 48


def strip(*bars: tuple[int, int], width: int = 200) -> npt.NDArray[np.float32]:
    """Gives white paper with black bars from and to these columns."""
    paper = np.ones((3, HEIGHT, width), np.float32)
    for start, end in bars:
        paper[:, 10:38, start:end] = -1
    return paper


def test_gap_without_a_recognized_space_parts_words_if_it_is_wide() -> None:
    inked = inked_columns(strip((10, 20), (80, 100)))
    text, words = parted(["1", "2"], [15.0, 90.0], inked, HEIGHT)
    assert text == "1 2"
    assert words == (Span("1", 0.05, 0.1), Span("2", 0.4, 0.5))


def test_recognized_space_parts_words_at_the_widest_gap_between_their_characters() -> None:
    inked = inked_columns(strip((10, 20), (24, 40), (52, 60)))
    text, words = parted(["a", " ", "b"], [30.0, 46.0, 56.0], inked, HEIGHT)
    assert text == "a b"
    assert words == (Span("a", 0.05, 0.2), Span("b", 0.26, 0.3))


def test_wide_characters_get_no_space_but_places_of_their_own() -> None:
    inked = inked_columns(strip((10, 40), (120, 150)))
    text, words = parted(["\u76ee", "\u5f55"], [25.0, 135.0], inked, HEIGHT)
    assert text == "\u76ee\u5f55"
    assert [word.text for word in words] == ["\u76ee", "\u5f55"]


def test_underlined_words_are_parted_in_the_middle_between_their_characters() -> None:
    inked = np.ones(200, bool)
    _, words = parted(["a", " ", "b"], [50.0, 100.0, 150.0], inked, HEIGHT)
    assert [(word.start, word.end) for word in words] == [(0.0, 0.5), (0.5, 1.0)]


@pytest.mark.parametrize("characters", [[], [" "]])
def test_nothing_but_spaces_has_no_words(characters: list[str]) -> None:
    assert parted(characters, [10.0] * len(characters), inked_columns(strip((5, 9))), HEIGHT) == ("", ())


def test_blank_strip_has_no_ink() -> None:
    assert not inked_columns(strip()).any()
    assert stroke_weight(strip()) == 0.0


def test_weight_is_the_width_of_stems_and_leaves_bars_out() -> None:
    assert stroke_weight(strip((10, 14), (30, 34), (60, 180))) == pytest.approx(4 / HEIGHT)
