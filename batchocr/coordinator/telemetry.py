"""What each worker spends its time on, added up page by page; memory does not grow with the run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from batchocr.coordinator.pool import Worker
from batchocr.datatypes import PageTimes, WorkerUse
from batchocr.devices import GpuMeter


@dataclass
class _Sums:
    """One worker's account; times in s, clock times on the monotonic clock."""

    worker: Worker
    pages: int = 0
    loads: int = 0
    load_s: float = 0.0
    ready_since: float | None = None
    ready_before_s: float = 0.0
    busy_s: float = 0.0
    render_s: float = 0.0
    queue_wait_s: float = 0.0
    recognize_s: float = 0.0
    spool_s: float = 0.0
    gpu_samples: int = 0
    gpu_busy_sum: float = 0.0
    gpu_bytes: int | None = None

    def use(self, until: float) -> WorkerUse:
        """Gives what it did until then."""
        now_s = max(0.0, until - self.ready_since) if self.ready_since is not None else 0.0
        return WorkerUse(
            self.worker.name, self.worker.device.name, self.pages, self.loads, self.load_s,
            self.ready_before_s + now_s, self.busy_s, self.render_s, self.queue_wait_s, self.recognize_s, self.spool_s,
            self.gpu_busy_sum / self.gpu_samples if self.gpu_samples else None, self.gpu_bytes,
        )  # fmt: skip


class Telemetry:
    """Keeps the account of every worker.

    Attributes:
        folders: written so far.
        write_s: what the finisher needed for them, s.
    """

    def __init__(self, workers: Iterable[Worker]) -> None:
        self._sums = {worker.name: _Sums(worker) for worker in workers}
        self._gpus = GpuMeter()
        self._last_page_at = 0.0
        self.folders = 0
        self.write_s = 0.0

    def ready(self, worker: str, load_s: float) -> None:
        """Takes note of a worker that has loaded its engine."""
        sums = self._sums[worker]
        sums.loads += 1
        sums.load_s += load_s
        sums.ready_since = time.monotonic()

    def gone(self, worker: str) -> None:
        """Takes note of a worker whose process has ended."""
        sums = self._sums[worker]
        if sums.ready_since is not None:
            sums.ready_before_s += time.monotonic() - sums.ready_since
            sums.ready_since = None

    def read(self, worker: str, times: PageTimes) -> None:
        """Adds a page that was read."""
        sums = self._sums[worker]
        sums.pages += 1
        sums.render_s += times.render_s
        sums.queue_wait_s += times.queue_wait_s
        sums.recognize_s += times.recognize_s
        sums.spool_s += times.spool_s
        self.missed(worker, times.recognize_s)

    def missed(self, worker: str, recognize_s: float) -> None:
        """Adds a page that the engine was busy with, for nothing; also one that it died of, or hung on."""
        self._sums[worker].busy_s += recognize_s
        self._last_page_at = time.monotonic()

    def wrote(self, seconds: float) -> None:
        """Adds a folder."""
        self.folders += 1
        self.write_s += seconds

    def look_at_gpus(self) -> None:
        """Takes a sample of every GPU with a worker that is ready; called about once a second."""
        for sums in self._sums.values():
            uuid = sums.worker.device.uuid
            busy = self._gpus.busy_share(uuid) if sums.ready_since is not None else None
            if busy is not None:
                sums.gpu_samples += 1
                sums.gpu_busy_sum += busy
                sums.gpu_bytes = max(sums.gpu_bytes or 0, self._gpus.used_bytes(uuid) or 0)

    def gpu_used_bytes(self, uuid: str | None) -> int | None:
        """Gives the memory taken on a GPU now; None if unknown."""
        return self._gpus.used_bytes(uuid)

    def uses(self) -> tuple[WorkerUse, ...]:
        """Gives what each worker did so far."""
        return tuple(sums.use(self._last_page_at) for sums in self._sums.values())
