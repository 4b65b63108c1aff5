from __future__ import annotations

import threading

import pytest

from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, Task
from batchocr.worker.untaken import PageKey, UntakenPages

REFERENCE = DocumentRef("a.pdf", "a.pdf", "", FileIdentity(0, 0, 0), DocumentFormat.PDF, 1)


def task(number: int, *page_nos: int, fresh_engine: bool = False) -> Task:
    return Task(number, 1, REFERENCE, page_nos, "", fresh_engine)


def given_back(pages: UntakenPages, count: int) -> tuple[PageKey, ...]:
    told: list[tuple[PageKey, ...]] = []
    pages.give_back(count, told.append)
    assert len(told) == 1
    return told[0]


def test_last_pages_are_given_back_first_whatever_their_task() -> None:
    pages, first, second = UntakenPages(), task(1, 3, 4, 5), task(2, 1, 2)
    pages.add(first)
    pages.add(second)
    assert given_back(pages, 3) == ((1, 5), (2, 1), (2, 2))
    assert [pages.has(first, page_no) for page_no in (3, 4, 5)] == [True, True, False]


def test_page_that_the_engine_took_is_not_given_back_and_the_other_way_round() -> None:
    pages, both = UntakenPages(), task(1, 1, 2)
    pages.add(both)
    assert pages.take(both, 1)
    assert given_back(pages, 10) == ((1, 2),)
    assert not pages.take(both, 2)
    assert given_back(pages, 10) == ()


def test_page_to_try_alone_stays() -> None:
    pages, alone = UntakenPages(), task(1, 7, fresh_engine=True)
    pages.add(alone)
    pages.add(task(2, 1))
    assert given_back(pages, 10) == ((2, 1),)
    assert pages.take(alone, 7)


@pytest.mark.parametrize("count", [1, 7, 500])
def test_each_page_is_taken_or_given_back_though_both_are_done_at_once(count: int) -> None:
    pages, many = UntakenPages(), task(1, *range(1, 2001))
    pages.add(many)
    returned: list[PageKey] = []
    taken: list[PageKey] = []

    def give_back() -> None:
        while any(pages.has(many, page_no) for page_no in many.page_nos):
            pages.give_back(count, returned.extend)

    thread = threading.Thread(target=give_back)
    thread.start()
    taken += [(1, page_no) for page_no in many.page_nos if pages.take(many, page_no)]
    thread.join(30)
    assert sorted(taken + returned) == [(1, page_no) for page_no in many.page_nos]
