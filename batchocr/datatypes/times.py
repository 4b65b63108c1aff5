"""Where the time of a run goes: of each page, and of each worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageTimes:
    """Where the time of one page went, s. Pages overlap, so these add up to more than the clock says.

    Attributes:
        render_s: drawing or decoding its image.
        queue_wait_s: for which the image, being ready, waited for the engine.
        recognize_s: for which the engine was busy with it.
        spool_s: encoding its result and writing that to the spool.
    """

    render_s: float = 0.0
    queue_wait_s: float = 0.0
    recognize_s: float = 0.0
    spool_s: float = 0.0


@dataclass(frozen=True)
class WorkerUse:
    """What one worker did in a run.

    Attributes:
        worker: its name.
        device: where it runs.
        pages: that it read.
        loads: times that it loaded the engine.
        load_s: what that took, s.
        ready_s: time from then until the last page of the run so far was answered, by whomever, s.
        busy_s: part of it in which the engine had pages, also such as failed, s.
        render_s, queue_wait_s, recognize_s, spool_s: sums over the pages that it read, s.
        gpu_busy: mean share of that time in which its GPU was at work, for whomever; None if unknown.
        gpu_bytes: most memory taken on its GPU, by whomever; None if unknown.
    """

    worker: str
    device: str
    pages: int = 0
    loads: int = 0
    load_s: float = 0.0
    ready_s: float = 0.0
    busy_s: float = 0.0
    render_s: float = 0.0
    queue_wait_s: float = 0.0
    recognize_s: float = 0.0
    spool_s: float = 0.0
    gpu_busy: float | None = None
    gpu_bytes: int | None = None

    @property
    def idle_share(self) -> float:
        """Share of its time in which the engine had nothing to do, 0 to 1; 0 while nothing is known."""
        return max(0.0, 1 - self.busy_s / self.ready_s) if self.ready_s > 0 else 0.0
