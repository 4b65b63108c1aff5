"""The contract of an executor: where workers, prober and finisher run.

An executor starts, watches and kills; it decides nothing. The coordinator's thread calls it, and learns what happened
from the events that `poll` gives. `tests/contract/test_executors.py` passes on every executor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from batchocr.datatypes import Assembly, Task
from batchocr.devices import Device
from batchocr.worker.messages import Event, ProbeOrder, WorkPlan


class Executor(ABC):
    """Runs the children of one run. Use as a context manager: leaving it ends every child."""

    @abstractmethod
    def start(self, plan: WorkPlan) -> None:
        """Starts prober and finisher. Called once.

        Raises:
            StorageError: the state folder cannot be used.
        """

    @abstractmethod
    def start_worker(self, worker: str, device: Device) -> int:
        """Starts a worker of that name on a device, after its last one has ended; gives its generation, from 1."""

    @abstractmethod
    def probe(self, order: ProbeOrder) -> None:
        """Asks the prober about one document; `Probed` or `ProbeFailed` will answer."""

    @abstractmethod
    def lend(self, worker: str, task: Task) -> None:
        """Lends a task to a worker that is ready. Does not block."""

    @abstractmethod
    def take_back(self, worker: str, pages: int) -> None:
        """Asks a worker for so many pages that its engine has not taken; `PagesReturned` will answer, once."""

    @abstractmethod
    def assemble(self, order: Assembly) -> None:
        """Asks the finisher for one document's folder; `Assembled` or `AssemblyFailed` will answer."""

    @abstractmethod
    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Gives what has happened since the last call; waits up to `timeout_s` if nothing has.

        A worker's `WorkerLost` comes after every event that it sent.
        """

    @abstractmethod
    def kill_worker(self, worker: str, reason: str) -> None:
        """Ends a worker's process group; its `WorkerLost` will give this reason."""

    @abstractmethod
    def drain(self) -> None:
        """Tells every worker to finish the page in hand and leave; no `WorkerLost` follows."""

    @property
    @abstractmethod
    def busy(self) -> bool:
        """A worker has not left after `drain`, or the finisher has orders."""

    @abstractmethod
    def rss_bytes(self, worker: str) -> int:
        """Gives a worker's resident memory, bytes; 0 if it has no process of its own."""

    @abstractmethod
    def close(self, grace_s: float) -> None:
        """Ends every child: asks, waits up to `grace_s`, then kills. Called once, last."""
