from __future__ import annotations

from batchocr.coordinator import policy
from batchocr.coordinator.contents import Content
from batchocr.coordinator.dispatch import Dispatcher
from batchocr.coordinator.policy import TimeBudget
from batchocr.coordinator.pool import Lent, Worker, make_workers
from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, PageRanges, Task
from batchocr.devices import Device

REFERENCE = DocumentRef("a.pdf", "a.pdf", "", FileIdentity(0, 0, 0), DocumentFormat.PDF, 1)


def dispatcher(*sizes: int, ends_at: float | None = None) -> Dispatcher:
    made = Dispatcher(16, "biggest", TimeBudget(ends_at))
    for number, pages in enumerate(sizes):
        page_nos = PageRanges(((1, pages),))
        made.backlog.add(Content(number, REFERENCE, page_nos, "", pending=list(page_nos), rank=-pages))
    return made


def pool(count: int) -> list[Worker]:
    workers = list(make_workers(tuple(Device(f"cpu:{number}", "cpu", number) for number in range(count)), 1).values())
    for worker in workers:
        worker.state = "ready"
    return workers


def give(worker: Worker, *sizes: int, fresh_engine: bool = False) -> None:
    for pages in sizes:
        page_nos = tuple(range(1, pages + 1))
        content = Content(0, REFERENCE, PageRanges.of(page_nos), "", lent=set(page_nos))
        number = len(worker.lent) + 1
        task = Task(number, 1, REFERENCE, page_nos, "", fresh_engine)
        worker.lent[number] = Lent(task, content, worker.name, set(page_nos))


def take_backs(made: Dispatcher, workers: list[Worker]) -> list[tuple[str, int]]:
    return [(worker.name, count) for worker, count in made.take_backs(workers, 0.0)]


def lend(made: Dispatcher, workers: list[Worker], now: float = 0.0) -> list[tuple[str, int]]:
    lent = []
    for worker, portion in made.portions(workers, [worker.name for worker in workers], now):
        task = Task(len(lent), 1, REFERENCE, portion.page_nos, "")
        worker.lent[len(worker.lent)] = Lent(task, portion.content, worker.name, set(portion.page_nos))
        lent.append((worker.name, len(portion.page_nos)))
    return lent


def test_everybody_gets_a_first_task_before_anybody_gets_a_second() -> None:
    assert [name for name, _ in lend(dispatcher(500), pool(3))] == ["cpu:0", "cpu:1", "cpu:2"] * 2


def test_first_ranges_are_small_until_the_speed_is_known() -> None:
    made, workers = dispatcher(500), pool(2)
    made.speeds.learn("cpu:0", 1.0)
    assert lend(made, workers) == [("cpu:0", 16), ("cpu:1", 2), ("cpu:1", 2), ("cpu:0", 16)]


def test_ranges_are_proportional_to_speed() -> None:
    made, workers = dispatcher(40), pool(2)
    made.speeds.learn("cpu:0", 1.0)
    made.speeds.learn("cpu:1", 4.0)
    first, second = lend(made, workers)[:2]
    assert first[1] == 16
    assert second[1] < 6


def test_workers_that_do_not_work_get_nothing() -> None:
    made, workers = dispatcher(500), pool(3)
    workers[0].state, workers[1].state = "loading", "retired"
    assert {name for name, _ in lend(made, workers)} == {"cpu:2"}


def test_short_documents_are_lent_in_numbers_so_that_nobody_waits_for_the_next() -> None:
    made, workers = dispatcher(*[1] * 400), pool(1)
    made.speeds.learn("cpu:0", 0.01)
    assert len(lend(made, workers)) == policy.SHORT_TASKS_AHEAD
    made, workers = dispatcher(*[1] * 400), pool(1)
    made.speeds.learn("cpu:0", 10.0)
    assert len(lend(made, workers)) == 2


def test_pages_that_are_known_but_not_at_hand_keep_ranges_long() -> None:
    made, workers = dispatcher(16), pool(2)
    made.speeds.learn("cpu:0", 1.0)
    made.elsewhere = 10_000
    assert lend(made, workers[:1])[0] == ("cpu:0", 16)


def test_towards_the_end_of_the_time_only_as_much_is_lent_as_will_be_done() -> None:
    made, workers = dispatcher(500, ends_at=10.0 + policy.END_S), pool(2)
    made.speeds.learn("cpu:0", 1.0)
    made.speeds.learn("cpu:1", 20.0)
    assert lend(made, workers, now=5.0) == [("cpu:0", 5)]


# --- taking back ---


def test_worker_with_nothing_left_gets_half_of_what_another_has_not_begun() -> None:
    made, workers = dispatcher(), pool(2)
    give(workers[0], 4, 3)
    assert take_backs(made, workers) == [("cpu:0", 3)]
    workers[0].asked = True
    assert take_backs(made, workers) == []  # they are on their way


def test_worker_in_its_last_page_gets_the_next_before_it_is_idle() -> None:
    made, workers = dispatcher(), pool(2)
    give(workers[0], 2, 1)
    give(workers[1], 1)
    assert take_backs(made, workers) == [("cpu:0", 1)]


def test_page_in_hand_and_pages_to_try_alone_stay_where_they_are() -> None:
    made, workers = dispatcher(), pool(2)
    give(workers[0], 1)
    give(workers[0], 1, 1, fresh_engine=True)
    assert take_backs(made, workers) == []


def test_nothing_is_taken_back_while_there_are_pages_to_lend() -> None:
    made, workers = dispatcher(), pool(2)
    give(workers[0], 4)
    made.elsewhere = 1
    assert take_backs(made, workers) == []
    made = dispatcher(1)
    assert take_backs(made, workers) == []


def test_slow_worker_takes_nothing_that_a_fast_one_will_have_read_before() -> None:
    made, workers = dispatcher(), pool(2)
    give(workers[0], 8, 8)
    for page_s, expected in ((1.0, [("cpu:0", 8)]), (3.0, [("cpu:0", 4)]), (15.5, []), (60.0, [])):
        made.speeds = policy.Speeds()
        made.speeds.learn("cpu:0", 1.0)
        made.speeds.learn("cpu:1", page_s)
        assert take_backs(made, workers) == expected


def test_each_of_many_free_workers_takes_from_another() -> None:
    made, workers = dispatcher(), pool(5)
    give(workers[0], 3)
    give(workers[1], 9)
    give(workers[2], 5)
    assert take_backs(made, workers) == [("cpu:1", 4), ("cpu:2", 2)]


def test_nothing_is_taken_back_that_would_not_be_read_in_time() -> None:
    made, workers = dispatcher(ends_at=3.0 + policy.END_S), pool(2)
    give(workers[0], 9)
    for page_s, expected in ((1.0, [("cpu:0", 3)]), (4.0, [])):
        made.speeds = policy.Speeds()
        made.speeds.learn("cpu:0", 4.0)
        made.speeds.learn("cpu:1", page_s)
        assert take_backs(made, workers) == expected
