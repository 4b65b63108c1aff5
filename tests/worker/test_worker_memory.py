"""When a process is to be replaced: over its budget, or growing steadily towards it. Measured in processes that do."""

from __future__ import annotations

import subprocess
import sys

GROW = """\
import sys
import psutil
from batchocr.worker.memory import MemoryWatch
MIB = 1 << 20
room_mib, step_mib, pages, releases = map(int, sys.argv[1:])
start = psutil.Process().memory_info().rss
kept = [b"x" * 100 * MIB]
watch = MemoryWatch(start + (100 + room_mib) * MIB)
page = 0
while page < pages and not watch.is_full(kept.clear if releases else int):
    page += 1
    kept.append(b"x" * step_mib * MIB)
print(page)
"""


def pages_read(*, room_mib: int, step_mib: int, pages: int = 40, releases: bool = False) -> int:
    """Gives how many pages a process reads that has so much room and keeps so much more after each page."""
    command = [sys.executable, "-c", GROW, str(room_mib), str(step_mib), str(pages), str(int(releases))]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_process_over_its_budget_is_full() -> None:
    assert pages_read(room_mib=90, step_mib=40) == 3


def test_process_that_keeps_growing_is_full_a_page_before_its_budget() -> None:
    assert pages_read(room_mib=190, step_mib=20) == 9


def test_process_that_stays_as_it_is_is_never_full() -> None:
    assert pages_read(room_mib=20, step_mib=0) == 40


def test_process_that_starts_out_over_its_budget_may_grow_by_a_quarter_of_its_size() -> None:
    assert 1 <= pages_read(room_mib=-80, step_mib=10) < 10


def test_process_whose_caches_make_room_is_not_full() -> None:
    assert pages_read(room_mib=90, step_mib=40, releases=True) == 40
