"""What would come of a run on other machines."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from batchocr.errors import StorageError
from batchocr.ledger.connection import FILE_NAME
from batchocr.ledger.queries import reading


def simulate(
    devices: int,
    *,
    pages: int = 1_000_000,
    sizes_of: Path | None = None,
    page_s: float = 1.0,
    speed_spread: float = 0.0,
    startup_s: float = 20.0,
    failures_per_hour: float = 0.0,
    order: Literal["biggest", "input", "smallest"] = "biggest",
    task_pages: int = 16,
    seed: int = 0,
) -> dict[str, Any]:
    """Gives what would come of a run on so many devices, as JSON-safe data: real policy, virtual time.

    Args:
        devices: how many.
        pages: of all documents together, whose sizes are drawn at random, heavy-tailed.
        sizes_of: output folder whose last run's documents are taken instead.
        page_s: what a page takes a device, s.
        speed_spread: share by which devices differ from that.
        startup_s: what loading takes, s.
        failures_per_hour: how often a device dies.
        order: as the setting.
        task_pages: as the setting.
        seed: of all chance.

    Raises:
        StorageError: that folder has no ledger, or no document of its last run was counted.
    """
    from batchocr.coordinator import simulation

    sizes = simulation.draw_sizes(pages, seed) if sizes_of is None else _sizes_of(sizes_of)
    speeds = simulation.draw_speeds(devices, page_s, speed_spread, seed)
    scenario = simulation.Scenario(sizes, speeds, startup_s, 0.3, failures_per_hour, task_pages, order, seed)
    outcome = simulation.simulate(scenario)
    return {**asdict(outcome), "over_bound": outcome.makespan_s / outcome.bound_s - 1}


def _sizes_of(output: Path) -> list[int]:
    with reading(output / ".batchocr" / FILE_NAME) as queries:
        last = queries.last_run()
        sizes = queries.page_counts(last.run_id) if last else []
    if not sizes:
        raise StorageError(f"The last run to {output} has counted no documents, so there are no sizes to take.")
    return sizes
