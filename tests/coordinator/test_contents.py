from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.coordinator.contents import ALONE_AT_MOST, Backlog, Content
from batchocr.coordinator.policy import Order, rank_of
from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, PageRanges


def content(number: int, pages: int) -> Content:
    reference = DocumentRef(f"{number}.pdf", f"{number}.pdf", "", FileIdentity(0, 0, 0), DocumentFormat.PDF, pages)
    page_nos = PageRanges(((1, pages),))
    return Content(number, reference, page_nos, "", pending=list(page_nos), rank=-pages)


def handed_out(backlog: Backlog, count: int) -> list[tuple[int, tuple[int, ...]]]:
    portions = []
    while (portion := backlog.next_portion(count)) is not None:
        portions.append((portion.content.content_id, portion.page_nos))
    return portions


sizes = st.lists(st.integers(1, 60), min_size=1, max_size=6)


@given(sizes=sizes, count=st.integers(1, 20), order=st.sampled_from(["biggest", "input", "smallest"]))
def test_every_page_is_handed_out_exactly_once_in_ranges_no_longer_than_asked_for(
    sizes: list[int], count: int, order: Order
) -> None:
    backlog = Backlog(16, order)
    for number, pages in enumerate(sizes):
        backlog.add(content(number, pages))
    portions = handed_out(backlog, count)
    assert sorted((number, page) for number, pages in portions for page in pages) == sorted(
        (number, page) for number, size in enumerate(sizes) for page in range(1, size + 1)
    )
    assert all(1 <= len(pages) <= count for _, pages in portions)
    assert backlog.empty


@given(sizes=sizes, seed=st.integers(0, 1000))
def test_pages_that_come_back_are_handed_out_again_until_all_are_done(sizes: list[int], seed: int) -> None:
    dice = random.Random(seed)
    backlog = Backlog(8)
    contents = [content(number, pages) for number, pages in enumerate(sizes)]
    for one in contents:
        backlog.add(one)
    done: list[tuple[int, int]] = []
    while (portion := backlog.next_portion(4)) is not None:
        assert not portion.fresh_engine or len(portion.page_nos) == 1
        for page_no in portion.page_nos:
            fate = dice.choice(["done", "done", "back", "alone"])
            if fate == "done":
                portion.content.lent.discard(page_no)
                done.append((portion.content.content_id, page_no))
            else:
                backlog.give_back(portion.content, [page_no], alone=fate == "alone")
    assert all(one.resolved for one in contents)
    assert sorted(done) == [(number, page) for number, count in enumerate(sizes) for page in range(1, count + 1)]


def test_biggest_document_goes_first_and_every_fourth_range_comes_from_the_short_end() -> None:
    backlog = Backlog(16)
    for number, pages in enumerate((3, 200, 5, 90, 4)):
        backlog.add(content(number, pages))
    portions = handed_out(backlog, 16)
    assert [number for number, _ in portions[:8]] == [1, 1, 1, 0, 1, 1, 1, 4]
    big = [number for number, _ in portions if number in (1, 3)]
    assert big == sorted(big)


@pytest.mark.parametrize(("order", "expected"), [("input", [0, 1, 2]), ("smallest", [2, 0, 1])])
def test_other_orders_are_kept_to_the_end(order: Order, expected: list[int]) -> None:
    backlog = Backlog(16, order)
    for number, pages in enumerate((20, 100, 3)):
        one = content(number, pages)
        one.rank = rank_of(order, number, pages)
        backlog.add(one)
    assert list(dict.fromkeys(number for number, _ in handed_out(backlog, 16))) == expected
    assert backlog.empty


def test_pages_to_try_alone_go_first_when_too_many_contents_wait_for_nothing_else() -> None:
    backlog = Backlog(16)
    backlog.add(content(1000, 500))
    for number in range(ALONE_AT_MOST):
        one = content(number, 1)
        backlog.give_back(one, one.pending, alone=True)
        one.pending.clear()
    portion = backlog.next_portion(16)
    assert portion is not None
    assert portion.fresh_engine
    portion = backlog.next_portion(16)
    assert portion is not None
    assert portion.content.content_id == 1000


def test_pages_to_try_alone_come_last_one_at_a_time_on_a_fresh_engine() -> None:
    backlog = Backlog(16)
    one = content(1, 4)
    backlog.add(one)
    first = backlog.next_portion(2)
    assert first is not None
    backlog.give_back(one, first.page_nos, alone=True)
    portions = []
    while (portion := backlog.next_portion(2)) is not None:
        portions.append((portion.page_nos, portion.fresh_engine))
    assert portions == [((3, 4), False), ((1,), True), ((2,), True)]


def test_page_at_the_end_of_the_memory_ladder_waits_for_a_device_it_has_not_run_out_on() -> None:
    backlog = Backlog(16)
    one, two = content(1, 1), content(2, 1)
    for entry in (one, two):
        backlog.add(entry)
        portion = backlog.next_portion(1)
        assert portion is not None
        backlog.give_back(entry, portion.page_nos, alone=True)
    one.out_of_memory[1] = ["gpu:0"] * 4
    both = ["gpu:0", "gpu:1"]

    first = backlog.next_portion(1, "gpu:0", both)
    assert first is not None
    assert first.content is two
    assert backlog.next_portion(1, "gpu:0", both) is None
    second = backlog.next_portion(1, "gpu:1", both)
    assert second is not None
    assert second.content is one


def test_page_at_the_end_of_the_memory_ladder_does_not_wait_for_a_device_that_is_gone() -> None:
    backlog = Backlog(16)
    one = content(1, 1)
    backlog.give_back(one, one.pending, alone=True)
    one.pending.clear()
    one.out_of_memory[1] = ["gpu:0"] * 4
    assert backlog.next_portion(1, "gpu:0", ["gpu:0"]) is not None


def test_dropped_content_is_not_handed_out() -> None:
    backlog = Backlog(16)
    one, two = content(1, 40), content(2, 3)
    backlog.add(one)
    backlog.add(two)
    backlog.drop(one)
    assert {number for number, _ in handed_out(backlog, 1)} == {2}


def test_content_is_resolved_when_nothing_is_pending_lent_or_to_be_tried_alone() -> None:
    backlog = Backlog(16)
    one = content(1, 1)
    backlog.add(one)
    assert not one.resolved
    backlog.next_portion(1)
    assert not one.resolved
    one.lent.clear()
    assert one.resolved
