"""The workers as the coordinator sees them: what each was lent, when it last made progress, when it may start again."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchocr.coordinator import retry
from batchocr.coordinator.contents import Content
from batchocr.datatypes import AttemptState, Task
from batchocr.devices import Device


@dataclass
class Lent:
    """One task that a worker has: its content, the worker's device, the pages not reported yet.

    Attributes:
        task: the task.
        content: that its pages belong to.
        device: whose memory the worker works in.
        unreported: pages that nothing is known of yet.
        missed: a page of it had no result.
        returned: the worker gave pages of it back.
    """

    task: Task
    content: Content
    device: str
    unreported: set[int]
    missed: bool = False
    returned: bool = False

    @property
    def outcome(self) -> AttemptState:
        """How the attempt has ended if nothing more comes of it."""
        if self.unreported or self.returned:
            return AttemptState.CANCELLED
        return AttemptState.FAILED if self.missed else AttemptState.SUCCEEDED


@dataclass
class Worker:
    """One worker's place in the pool.

    Attributes:
        name: unique, such as `gpu:0`, or `gpu:0/2` for the second on one device.
        device: where it runs.
        state: waiting, loading, ready, retired.
        generation: number of its process.
        progress_at: monotonic time of its last sign of progress, s.
        start_at: monotonic time at which it may start, s, while it waits.
        lent: its tasks by number, oldest first.
        lost_in_a_row: deaths since its last recorded page.
        idle_lost_in_a_row: those of them with no page open.
        source: document in hand, for people.
        page_no: last page it finished, for people.
        rss_bytes: resident memory of its process a moment ago, 0 if unknown.
        gpu_used_bytes: memory taken on its GPU then, by whomever; None if unknown.
        asked: for pages to give back, and has not answered.
    """

    name: str
    device: Device
    state: str = "waiting"
    generation: int = 0
    progress_at: float = 0.0
    start_at: float = 0.0
    lent: dict[int, Lent] = field(default_factory=dict)
    lost_in_a_row: int = 0
    idle_lost_in_a_row: int = 0
    source: str = ""
    page_no: int | None = None
    rss_bytes: int = 0
    gpu_used_bytes: int | None = None
    asked: bool = False

    @property
    def labels(self) -> dict[str, object]:
        """The fields that its records have in the log."""
        return {"worker": self.name, "device": self.device.name}

    @property
    def pages_lent(self) -> int:
        """Pages that it has and did not report."""
        return sum(len(lent.unreported) for lent in self.lent.values())

    def pages_ahead(self, in_flight: int) -> int:
        """Gives how many of these pages it could give back, about.

        Args:
            in_flight: pages that its engine works on at once.
        """
        together = sum(len(lent.unreported) for lent in self.lent.values() if not lent.task.fresh_engine)
        return max(0, together - in_flight)

    def has_room(self, depth: int, in_flight: int) -> bool:
        """Tells whether it may be lent another task.

        Args:
            depth: tasks that it may have, one being in hand.
            in_flight: pages that its engine works on at once; as many for each task of `depth` are always welcome.
        """
        if self.state != "ready":
            return False
        return len(self.lent) < depth or (in_flight > 1 and self.pages_lent < depth * in_flight)

    def take_all(self) -> dict[int, Lent]:
        """Takes away all that it was lent, because its process has ended."""
        lent, self.lent, self.asked = self.lent, {}, False
        return lent

    def made_progress(self, now: float) -> None:
        """Notes a recorded page."""
        self.progress_at = now
        self.lost_in_a_row = self.idle_lost_in_a_row = 0

    def died(self, now: float, *, blamed_on_page: bool) -> None:
        """Notes a death: the worker waits for its next start, or is retired."""
        self.lost_in_a_row += 1
        self.idle_lost_in_a_row = 0 if blamed_on_page else self.idle_lost_in_a_row + 1
        if retry.retire_device(self.lost_in_a_row, self.idle_lost_in_a_row):
            self.state = "retired"
        else:
            self.state = "waiting"
            self.start_at = now + retry.restart_delay_s(self.lost_in_a_row)


def make_workers(devices: tuple[Device, ...], per_device: int) -> dict[str, Worker]:
    """Gives the pool: so many workers on each device, in order."""
    workers = {}
    for number in range(per_device):
        for device in devices:
            name = device.name if number == 0 else f"{device.name}/{number + 1}"
            workers[name] = Worker(name, device)
    return workers
