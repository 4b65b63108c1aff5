from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.coordinator import policy
from batchocr.coordinator.policy import Speeds, TimeBudget


def test_documents_are_ordered_as_asked() -> None:
    sizes = [50, 900, 3]
    places = {
        order: sorted(range(3), key=lambda place: policy.rank_of(order, place, sizes[place]))  # type: ignore[arg-type]
        for order in ("biggest", "input", "smallest")
    }
    assert places == {"biggest": [1, 0, 2], "input": [0, 1, 2], "smallest": [2, 0, 1]}


@given(left=st.integers(0, 10**7), workers=st.integers(1, 1024), speed=st.floats(0.01, 100), task=st.integers(1, 100))
def test_range_is_never_empty_nor_longer_than_a_task(left: int, workers: int, speed: float, task: int) -> None:
    assert 1 <= policy.range_pages(left, workers, speed, task, known=True) <= max(1, task)
    assert 1 <= policy.range_pages(left, workers, speed, task, known=False) <= policy.FIRST_PAGES


def test_ranges_shrink_towards_the_end() -> None:
    left, ranges = 2800, []
    while left > 0:
        ranges.append(min(left, policy.range_pages(left, 16, 1.0, 16, known=True)))
        left -= ranges[-1]
    assert ranges[0] == 16
    assert ranges == sorted(ranges, reverse=True)
    assert ranges[-31:] == [1] * 31


def test_faster_worker_gets_more_of_what_is_left() -> None:
    slow, fast = (policy.range_pages(40, 4, speed, 16, known=True) for speed in (0.5, 2.0))
    assert (slow, fast) == (3, 10)


def test_slow_worker_gets_short_ranges_however_much_is_left() -> None:
    assert policy.range_pages(10**6, 4, 0.25, 16, known=True) == 4


def test_speed_is_learnt_page_by_page_and_follows_what_changes() -> None:
    speeds = Speeds()
    assert (speeds.page_s("a"), speeds.relative("a"), speeds.fastest_page_s()) == (None, 1.0, 0.0)
    speeds.learn("a", 1.0)
    speeds.learn("b", 3.0)
    assert speeds.fastest_page_s() == 1.0
    assert speeds.relative("a") / speeds.relative("b") == pytest.approx(3.0)
    assert (speeds.relative("a") + speeds.relative("b")) / 2 == pytest.approx(1.0)
    for _ in range(100):
        speeds.learn("a", 3.0)
    assert speeds.relative("a") == pytest.approx(1.0, abs=0.01)


def test_worker_gets_more_tasks_ahead_only_while_they_are_short() -> None:
    plenty = 10**6
    assert not policy.may_lend_more(2, 32, 60.0, plenty, 4)
    assert policy.may_lend_more(2, 2, 0.01, plenty, 4)
    assert not policy.may_lend_more(policy.SHORT_TASKS_AHEAD, 32, 0.001, plenty, 4)
    assert not policy.may_lend_more(2, 2, None, plenty, 4)
    assert not policy.may_lend_more(2, 2, 0.01, 10, 4)  # towards the end nobody takes work ahead that others could do


def test_time_budget_lends_what_can_be_done_and_written_in_time() -> None:
    budget = TimeBudget(100.0)
    assert budget.pages(0.0, 0, 0, None) == math.inf
    assert budget.pages(0.0, 0, 0, 1.0) == 100 - policy.END_S
    assert budget.pages(90.0, 0, 3, 1.0) == 10 - policy.END_S - 3
    budget.learn_folder(0.5)
    assert budget.pages(90.0, 3, 3, 1.0) == 10 - policy.END_S - 3 - 2
    assert not budget.is_closing(90.0, 1.0)
    assert budget.is_closing(97.0, 1.0)
    assert not budget.is_over(97.0)
    assert budget.is_over(100.0)


def test_without_a_time_budget_there_is_always_time() -> None:
    budget = TimeBudget(None)
    assert budget.pages(1e9, 1000, 1000, 1e6) == math.inf
    assert not budget.is_closing(1e9, 1e9)
    assert not budget.is_over(1e9)
