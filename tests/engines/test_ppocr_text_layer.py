from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ppocr_pages import layer_of, picture, sentences, words_of

from batchocr.datatypes import TextLayer, TextWord
from batchocr.engines.ppocr.text_layer import distrust, draws_with_letters, lines_from_words

PLAIN = ["Pack", "my", "box", "with", "five", "dozen", "jugs"]
ROWS = [(60, 60 + 40 * row, "Pack my box with five dozen liquor jugs now") for row in range(10)]


def test_good_layer_is_trusted() -> None:
    words = words_of(PLAIN)
    page = picture([(round(word.bbox[0]), round(word.bbox[1]), word.text) for word in words])
    assert distrust(layer_of(words), page, 150.0) is None


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (None, "no text layer"),
        (layer_of(()), "empty"),
        (layer_of(words_of(PLAIN), invisible=0.9), "90% of the text layer is invisible"),
        (layer_of(words_of(PLAIN), unmapped=0.2), "20% of the text layer's characters have no Unicode value"),
        (layer_of(words_of([*PLAIN, "\ue000\ue001\ufffd"])), "private, replacement or control"),
        (layer_of(words_of(list("thequickbrownfoxjumpsover"))), "single letters"),
        (layer_of(words_of(["Wklv", "vkrzv", "krz", "ohwwhuv", "pryhg"] * 8)), "make no words"),
        (
            layer_of(words_of(["caf\u00c3\u00a9s", "\u00c3\u00bcberall", "l\u00e2\u20ac\u2122eau", "words"] * 8)),
            "make no words",
        ),
    ],
)
def test_layer_that_cannot_be_trusted_says_why(layer: TextLayer | None, reason: str) -> None:
    why = distrust(layer, picture([]), 150.0)
    assert why is not None
    assert reason in why


def test_layer_that_covers_only_a_stamp_on_a_scan_is_not_trusted() -> None:
    stamp = words_of(["Received"], x=700.0, y=10.0)
    layer = layer_of(stamp, images=((0.0, 0.0, 1000.0, 500.0),))
    why = distrust(layer, picture(ROWS), 150.0)
    assert why is not None
    assert "is not in the text layer" in why


def test_letters_inside_a_small_picture_are_no_reason_for_doubt() -> None:
    layer = layer_of(words_of(["Caption"], y=460.0), images=((40.0, 40.0, 800.0, 250.0),))
    assert distrust(layer, picture(ROWS[:4]), 150.0) is None


def test_page_that_draws_only_text_and_rules_is_not_searched_for_more() -> None:
    layer = layer_of(words_of(["Received"], x=700.0, y=10.0))
    assert distrust(layer, picture(ROWS), 150.0) is not None
    assert distrust(replace(layer, rules=()), picture(ROWS), 150.0) is None


@pytest.mark.parametrize("drawn", ["\u2502", "\u250c\u2500\u2500\u2510", "|", "Name:_____", "-----", "\u2588\u2588"])
def test_words_may_stand_for_lines(drawn: str) -> None:
    plain = words_of([*PLAIN, "well-known", "A_b", "2\u20133"])
    assert not draws_with_letters(plain)
    assert draws_with_letters((*plain, *words_of([drawn])))


def test_light_text_outside_the_layer_counts_like_dark_text() -> None:
    why = distrust(layer_of(words_of(["Received"], x=700.0, y=10.0)), 255 - picture(ROWS), 150.0)
    assert why is not None


def test_acronyms_paths_and_units_beside_chinese_are_no_reason_for_doubt() -> None:
    texts = ["白细胞计数(WBC)", "红细胞计数(RBC)", "HTML.", "GHz", "MT/ST", "http://www.cdc.gov", "mmol/L", "text"]
    assert distrust(layer_of(words_of(texts * 8)), picture([]), 150.0) is None


def test_single_cjk_characters_are_words() -> None:
    assert (
        distrust(layer_of(words_of(list("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"))), picture([]), 150.0)
        is None
    )


def test_words_of_one_line_are_joined_with_spaces() -> None:
    (line,) = lines_from_words(words_of(PLAIN))
    assert line.text == "Pack my box with five dozen jugs"
    assert line.words == words_of(PLAIN)
    assert line.height_px == 32.0
    assert line.score is None


def test_cjk_characters_are_joined_without_spaces() -> None:
    words = tuple(
        TextWord(text, (60.0 + 32 * n, 60.0, 92.0 + 32 * n, 92.0), 32.0, bold=False, line=0)
        for n, text in enumerate("天地玄黄")
    )
    assert [line.text for line in lines_from_words(words)] == ["天地玄黄"]


def test_wide_gap_parts_two_columns() -> None:
    words = (*words_of(["left", "column"]), *words_of(["right", "column"], x=600.0))
    assert [line.text for line in lines_from_words(words)] == ["left column", "right column"]


def test_fragments_at_the_same_height_are_one_line_wherever_the_content_stream_has_them() -> None:
    words = words_of(PLAIN)
    scattered = (
        *(TextWord(w.text, w.bbox, w.font_size_px, w.bold, line=7) for w in words[4:]),
        *words_of(["below"], y=120.0, line=8),
        *(TextWord(w.text, w.bbox, w.font_size_px, w.bold, line=9) for w in words[:4]),
    )
    assert [line.text for line in lines_from_words(scattered)] == ["Pack my box with five dozen jugs", "below"]


def test_fragment_that_goes_on_without_a_gap_is_the_same_word() -> None:
    first = TextWord("over", (60.0, 60.0, 124.0, 92.0), 32.0, bold=False, line=1)
    second = TextWord("due", (124.5, 60.0, 172.0, 92.0), 32.0, bold=True, line=2)
    assert [line.text for line in lines_from_words((first, second))] == ["overdue"]


def test_line_is_bold_if_most_of_its_letters_are() -> None:
    words = words_of(["a", "heading", "here"])
    bold = tuple(TextWord(w.text, w.bbox, w.font_size_px, len(w.text) > 1, w.line) for w in words)
    assert [line.bold for line in lines_from_words(bold)] == [True]
    assert [line.bold for line in lines_from_words(words)] == [False]


def test_no_words_make_no_lines() -> None:
    assert lines_from_words(()) == []


def test_words_outside_the_page_do_no_harm() -> None:
    layer = layer_of(words_of(PLAIN, x=-5000.0, y=-900.0) + words_of(PLAIN, x=9e6, y=9e6))
    assert distrust(layer, np.full((30, 20, 3), 255, np.uint8), 150.0) is None
    assert distrust(layer, sentences(), 150.0) is not None
