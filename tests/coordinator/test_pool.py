from __future__ import annotations

from batchocr.coordinator import retry
from batchocr.coordinator.pool import Worker, make_workers
from batchocr.devices import Device

CPU = Device("cpu:0", "cpu", 0)


def test_pool_has_so_many_workers_on_each_device_with_names_of_their_own() -> None:
    workers = make_workers((CPU, Device("cpu:1", "cpu", 1)), 2)
    assert list(workers) == ["cpu:0", "cpu:1", "cpu:0/2", "cpu:1/2"]
    assert workers["cpu:0/2"].device is CPU
    assert all(worker.state == "waiting" and worker.start_at == 0 for worker in workers.values())


def test_worker_starts_again_at_once_after_one_death_and_later_after_more() -> None:
    worker = Worker("cpu:0", CPU)
    worker.died(100.0, blamed_on_page=True)
    assert (worker.state, worker.start_at) == ("waiting", 100.0)
    worker.died(100.0, blamed_on_page=True)
    assert (worker.state, worker.start_at) == ("waiting", 100.5)


def test_recorded_page_forgives_earlier_deaths() -> None:
    worker = Worker("cpu:0", CPU)
    for _ in range(retry.MAX_IDLE_LOST_IN_A_ROW - 1):
        worker.died(0.0, blamed_on_page=False)
    worker.made_progress(5.0)
    worker.died(7.0, blamed_on_page=False)
    assert (worker.state, worker.start_at, worker.progress_at) == ("waiting", 7.0, 5.0)


def test_worker_that_dies_three_times_with_no_page_to_blame_is_retired() -> None:
    worker = Worker("cpu:0", CPU)
    for _ in range(retry.MAX_IDLE_LOST_IN_A_ROW):
        assert worker.state != "retired"
        worker.died(0.0, blamed_on_page=False)
    assert worker.state == "retired"


def test_deaths_on_bad_pages_retire_a_worker_only_after_many() -> None:
    worker = Worker("cpu:0", CPU)
    for _ in range(retry.MAX_LOST_IN_A_ROW):
        assert worker.state == "waiting"
        worker.died(0.0, blamed_on_page=True)
    assert worker.state == "retired"


def test_only_a_ready_worker_takes_tasks() -> None:
    worker = Worker("cpu:0", CPU)
    assert not worker.has_room(2, 1)
    worker.state = "ready"
    assert worker.has_room(2, 1)
