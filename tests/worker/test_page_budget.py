from __future__ import annotations

import threading

from batchocr.worker.page_budget import PageBudget


def wait_on_thread(budget: PageBudget) -> tuple[threading.Thread, threading.Event]:
    done = threading.Event()

    def wait() -> None:
        budget.wait_for_room()
        done.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread, done


def test_pages_are_rendered_ahead_while_there_is_room() -> None:
    budget = PageBudget(10)
    for _ in range(3):
        budget.wait_for_room()
        budget.hold(4)

    thread, done = wait_on_thread(budget)
    assert not done.wait(0.2)
    budget.release(4)

    thread.join(10)
    assert done.is_set()


def test_page_larger_than_the_budget_passes_once_all_others_are_written() -> None:
    budget = PageBudget(10)
    budget.wait_for_room()
    budget.hold(1000)

    thread, done = wait_on_thread(budget)
    assert not done.wait(0.2)
    budget.release(1000)

    thread.join(10)
    assert done.is_set()


def test_engine_that_waits_for_a_page_gets_it_although_it_holds_too_much() -> None:
    budget = PageBudget(10)
    budget.hold(1000)

    with budget.hunger():
        thread, done = wait_on_thread(budget)
        thread.join(10)
        assert done.is_set()
        budget.hold(1000)
        _, second = wait_on_thread(budget)
        assert not second.wait(0.2)  # one page stills the hunger
