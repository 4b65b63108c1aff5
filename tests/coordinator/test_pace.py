from __future__ import annotations

import pytest

from batchocr.coordinator.pace import Pace


def steady(pages: int, page_s: float = 0.5, loading_s: float = 0.0) -> Pace:
    pace = Pace()
    pace.learn(loading_s, 0)
    for page in range(1, pages + 1):
        pace.learn(loading_s + page * page_s, page)
    return pace


def test_nothing_is_promised_before_there_is_something_to_go_by() -> None:
    assert Pace().pages_per_s is None
    assert Pace().left_s(10) is None
    assert steady(3).left_s(10) is None


def test_loading_does_not_count_as_slow_reading() -> None:
    assert steady(10, loading_s=300).pages_per_s == pytest.approx(2.0)


def test_range_holds_the_truth_and_narrows() -> None:
    few, many = steady(16).left_s(100), steady(400).left_s(100)
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < 50 < many[1] < few[1]
    assert many[1] / many[0] < 1.2


def test_slower_last_pages_widen_the_range_to_their_speed() -> None:
    pace = steady(100, page_s=0.1)
    for page in range(1, 101):
        pace.learn(10 + page, 100 + page)
    left = pace.left_s(100)
    assert left is not None
    assert left[0] < 100 * 110 / 200 < 100 < left[1]


def test_stall_makes_the_end_recede() -> None:
    pace = steady(100)
    before = pace.left_s(100)
    pace.learn(200, 100)
    after = pace.left_s(100)
    assert before is not None
    assert after is not None
    assert after[1] > 2 * before[1]
