from __future__ import annotations

import pytest

from batchocr.coordinator.policy import Order
from batchocr.coordinator.simulation import Scenario, draw_sizes, draw_speeds, lower_bound_s, simulate

SIZES = draw_sizes(20_000, seed=3)


@pytest.mark.parametrize("devices", [1, 3, 16, 64])
@pytest.mark.parametrize("order", ["biggest", "input", "smallest"])
def test_devices_of_unequal_speed_end_together(devices: int, order: Order) -> None:
    outcome = simulate(Scenario(SIZES, draw_speeds(devices, 1.0, 0.5, seed=1), order=order))
    assert (outcome.pages, outcome.devices) == (20_000, devices)
    assert outcome.bound_s <= outcome.makespan_s * 1.02  # pages take a little more or less than their mean
    assert outcome.makespan_s < 1.05 * outcome.bound_s
    assert outcome.idle_max < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_one_long_document_among_short_ones_is_shared_by_all(seed: int) -> None:
    sizes = [2000, *[4] * 200]
    for devices in (2, 4, 8, 16):
        outcome = simulate(Scenario(sizes, [0.1] * devices, startup_s=0.5, page_spread=0.0, seed=seed))
        assert outcome.makespan_s < 1.05 * outcome.bound_s


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("devices", [2, 3, 8])
def test_equal_devices_with_slow_pages_end_within_a_page_of_each_other(devices: int, seed: int) -> None:
    sizes, page_s = draw_sizes(48, seed), 10.0
    outcome = simulate(Scenario(sizes, [page_s] * devices, startup_s=1.0, page_spread=0.0, seed=seed))
    assert outcome.idle_max * (outcome.makespan_s - 1.0) <= page_s + 1.0  # the first device starts a second earlier


def test_pages_of_a_device_that_dies_are_read_by_others() -> None:
    outcome = simulate(Scenario(SIZES, [1.0] * 8, failures_per_hour=6.0, startup_s=5.0, seed=2))
    assert outcome.failures > 5
    assert outcome.pages == 20_000
    assert outcome.makespan_s < 1.1 * outcome.bound_s


def test_same_seed_gives_the_same_run() -> None:
    scenario = Scenario(SIZES, draw_speeds(5, 1.0, 0.3), failures_per_hour=2.0, seed=7)
    first, second = simulate(scenario), simulate(scenario)
    assert (first.makespan_s, first.tasks, first.idle_max) == (second.makespan_s, second.tasks, second.idle_max)


def test_bound_counts_the_start_of_each_device() -> None:
    assert lower_bound_s(100, [1.0, 1.0], [0.0, 0.0]) == 50.0
    assert lower_bound_s(100, [1.0, 1.0], [10.0, 20.0]) == 65.0
    assert lower_bound_s(100, [1.0, 4.0], [0.0, 0.0]) == 80.0
    assert lower_bound_s(10, [1.0, 1.0], [0.0, 1000.0]) == 10.0  # one that comes too late is no help


def test_drawn_documents_are_many_short_ones_and_a_few_long_ones() -> None:
    sizes = draw_sizes(1_000_000)
    assert sum(sizes) == 1_000_000
    assert sorted(sizes)[len(sizes) // 2] <= 4
    assert max(sizes) > 2000
