"""What the workers of a run did over time, from its samples and from the tasks that were lost with a worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from batchocr.report.samples import STATES, Sample, Samples

# A worker's loss is in the ledger a moment before or after it is seen to start again.
SAME_EVENT_S = 3.0
MAX_RATES = 60


@dataclass(frozen=True)
class Span:
    """A stretch of time of one worker: from and to (s since the run began), and the share (0 to 1) of each state."""

    from_s: float
    to_s: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Mark:
    """A worker was started anew: when (s), and why: `lost`, `timed_out` or `replaced`."""

    at_s: float
    why: str


@dataclass(frozen=True)
class WorkerLine:
    """One worker's line.

    Attributes:
        worker, device: its names.
        spans: ascending, neighbours differ.
        marks: ascending.
        busy_share: share of the time since it was first ready in which it had a task, 0 to 1; None if it never was.
        memory: time (s) and resident memory (bytes).
        gpu_memory: time (s) and memory taken on its GPU (bytes); empty if it has none.
    """

    worker: str
    device: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    busy_share: float | None
    memory: tuple[tuple[float, int], ...]
    gpu_memory: tuple[tuple[float, int], ...]


@dataclass(frozen=True)
class Timeline:
    """All lines of a run.

    Attributes:
        length_s: of the whole.
        pages_done: pages read in this run.
        states: names of the shares in a span.
        rates: from, to (s) and pages per second.
        workers: by name.
    """

    length_s: float
    pages_done: int
    states: tuple[str, ...]
    rates: tuple[tuple[float, float, float], ...]
    workers: tuple[WorkerLine, ...]

    def to_json(self) -> dict[str, Any]:
        """Gives plain JSON values."""
        return asdict(self)


def build_timeline(samples: Samples | None, losses: Iterable[tuple[str, str, float]]) -> Timeline | None:
    """Gives the time line of a run, None without samples.

    Args:
        samples: of the run.
        losses: worker, `lost` or `timed_out`, and time in s.
    """
    if samples is None or not samples.samples:
        return None
    lost = list(losses)
    workers = []
    for name, device in sorted(samples.devices.items()):
        marks = tuple(Mark(at_s, _why(name, at_s, lost)) for worker, at_s in samples.marks if worker == name)
        workers.append(_line(name, device, samples.samples, marks))
    last = samples.samples[-1]
    return Timeline(last.at_s, last.pages_done, STATES, tuple(_rates(samples.samples)), tuple(workers))


def _why(worker: str, at_s: float, losses: Iterable[tuple[str, str, float]]) -> str:
    """Gives why a worker was started anew: what took its tasks with it just then, or it was replaced in good order."""
    near = (state for name, state, lost_at_s in losses if name == worker and abs(lost_at_s - at_s) <= SAME_EVENT_S)
    return next(near, "replaced")


def _line(name: str, device: str, samples: list[Sample], marks: tuple[Mark, ...]) -> WorkerLine:
    spans: list[Span] = []
    memory, gpu_memory = [], []
    ready_looks = busy_looks = 0
    from_s = 0.0
    for sample in samples:
        seen = sample.workers.get(name)
        if seen is not None and seen.seen:
            looks = seen.seen.total()
            shares = tuple(round(seen.seen[state] / looks, 3) for state in STATES)
            if spans and spans[-1].shares == shares and spans[-1].to_s == from_s:
                spans[-1] = Span(spans[-1].from_s, sample.at_s, shares)
            else:
                spans.append(Span(from_s, sample.at_s, shares))
            busy_looks += seen.seen["busy"]
            ready = seen.seen["busy"] + seen.seen["idle"]
            # What is not ready after it once was is lost time too.
            ready_looks += looks if ready_looks else ready
            memory.append((sample.at_s, seen.rss_bytes))
            if seen.gpu_bytes is not None:
                gpu_memory.append((sample.at_s, seen.gpu_bytes))
        from_s = sample.at_s
    busy_share = busy_looks / ready_looks if ready_looks else None
    return WorkerLine(name, device, tuple(spans), marks, busy_share, tuple(memory), tuple(gpu_memory))


def _rates(samples: list[Sample]) -> Iterable[tuple[float, float, float]]:
    """Gives at most `MAX_RATES` spans with their speed: a single page more or less is no news."""
    each = -(-len(samples) // MAX_RATES)
    from_s, pages_before = 0.0, 0
    for index in range(each - 1, len(samples) + each - 1, each):
        last = samples[min(index, len(samples) - 1)]
        if last.at_s > from_s:
            yield from_s, last.at_s, (last.pages_done - pages_before) / (last.at_s - from_s)
        from_s, pages_before = last.at_s, last.pages_done
