from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.documents.page_selection import PageSelection
from batchocr.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1-3,7,10-", "1-3,7,10-"),
        (" 7 , 1-3", "1-3,7"),
        ("3,2,1", "1-3"),
        ("5-,6-9,20", "5-"),
        ("1-4,3-6", "1-6"),
        ("2-2", "2"),
    ],
)
def test_selection_is_written_in_one_canonical_way(text: str, canonical: str) -> None:
    assert str(PageSelection.parse(text)) == canonical


@pytest.mark.parametrize("text", ["", "0", "3-1", "a", "1,,2", "-3", "1-2-3", "1.5", "٣", "0-4", "99999999999"])
def test_nonsense_is_an_error_that_shows_how_to_write_it(text: str) -> None:
    with pytest.raises(ConfigError, match="1-3,7,10-"):
        PageSelection.parse(text)


def test_pages_beyond_the_document_are_left_out() -> None:
    selection = PageSelection.parse("1-3,7,10-")
    assert list(selection.pages(2)) == [1, 2]
    assert list(selection.pages(8)) == [1, 2, 3, 7]
    assert str(selection.pages(12)) == "1-3,7,10-12"
    assert len(PageSelection.parse("7").pages(3)) == 0


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)), min_size=1), st.integers(1, 60))
def test_selection_gives_exactly_the_pages_that_were_named(parts: list[tuple[int, int]], page_count: int) -> None:
    text = ",".join(f"{first}-{first + more}" for first, more in parts)
    named = {page for first, more in parts for page in range(first, first + more + 1) if page <= page_count}
    selection = PageSelection.parse(text)
    assert list(selection.pages(page_count)) == sorted(named)
    assert PageSelection.parse(str(selection)) == selection
