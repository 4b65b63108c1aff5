from __future__ import annotations

import pytest

from batchocr.engines.ppocr.wording import ends_sentence, item_kind, join_texts, spaced_item, starts_item


@pytest.mark.parametrize(
    "text", ["• item", "·item", "- item", "-Item", "— item", "1. item", "(2) item", "a) item", "一、 项"]
)
def test_mark_at_the_beginning_makes_an_item(text: str) -> None:
    assert starts_item(text)


@pytest.mark.parametrize(
    "text", ["—existing notes", "-5 degrees", "–and so on", "(818) 708-8131", "1.5 times", "----- end"]
)
def test_dash_or_figure_amid_a_sentence_is_no_item(text: str) -> None:
    assert not starts_item(text)
    assert item_kind(text) == ""


def test_items_of_one_list_are_of_one_kind_whatever_their_numbers_and_bullets() -> None:
    assert item_kind("1. one") == item_kind("12. two")
    assert item_kind("• one") == item_kind("·two")
    assert len({item_kind(text) for text in ("1. one", "(1) one", "a) one", "• one", "- one")}) == 5


def test_bullet_is_parted_from_its_text() -> None:
    assert [spaced_item(text) for text in ("·one", "-Two", "•  three", "4. four")] == [
        "· one",
        "- Two",
        "• three",
        "4. four",
    ]


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (("the track", "—notes are kept"), "the track—notes are kept"),
        (("the sequence—", "when played"), "the sequence—when played"),
        (("the sequence —", "when played"), "the sequence — when played"),
    ],
)
def test_dash_between_lines_is_set_as_it_stands(lines: tuple[str, str], joined: str) -> None:
    assert join_texts(lines) == joined


def test_closing_quotes_and_brackets_do_not_hide_the_end_of_a_sentence() -> None:
    assert ends_sentence("He said: “It ends.”)")
    assert ends_sentence("到此为止。」")
    assert not ends_sentence("goes on,")
