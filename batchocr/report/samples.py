"""What the workers of a run did, sampled while it goes on: a listener between the coordinator and the user's own.

The ledger knows results, not how busy or large a worker was. What is kept does not grow with the run: when there are
`MAX_SAMPLES`, neighbours are joined and the next ones are taken half as often.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from batchocr.datatypes import RunProgress, WorkerView

logger = logging.getLogger(__name__)

FILE_NAME = "samples.json"
MAX_SAMPLES = 400
MAX_MARKS = 400
FIRST_EVERY_S = 0.25
WRITE_EVERY_S = 30.0
STATES = ("busy", "idle", "loading", "down")
# As workers call their states; any other (restarting, timed_out, retired) is `down`.
_STATE_OF = {"busy": "busy", "idle": "idle", "ready": "idle", "loading": "loading", "starting": "loading"}


class Listener(Protocol):
    """Who is told how a run goes."""

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None:
        """Told once, when all inputs are found."""

    def on_progress(self, progress: RunProgress) -> None:
        """Told a few times a second."""

    def on_warning(self, message: str) -> None:
        """Told what a person should know at once."""


@dataclass
class WorkerSample:
    """One worker in one sample: how often it was seen in each state, and its largest memory.

    Attributes:
        seen: state (`STATES`) to how many looks found it so.
        rss_bytes: resident memory of its process, 0 if unknown.
        gpu_bytes: memory taken on its GPU, None if it has none.
    """

    seen: Counter[str] = field(default_factory=Counter)
    rss_bytes: int = 0
    gpu_bytes: int | None = None

    def look(self, view: WorkerView, state: str) -> None:
        """Adds a look at the worker, which is in one of `STATES`."""
        self.seen[state] += 1
        self._grow(view.rss_bytes, view.gpu_bytes)

    def join(self, other: WorkerSample) -> None:
        """Adds the sample that follows."""
        self.seen += other.seen
        self._grow(other.rss_bytes, other.gpu_bytes)

    def _grow(self, rss_bytes: int, gpu_bytes: int | None) -> None:
        self.rss_bytes = max(self.rss_bytes, rss_bytes)
        if gpu_bytes is not None:
            self.gpu_bytes = max(self.gpu_bytes or 0, gpu_bytes)


@dataclass
class Sample:
    """A span of the run: its end in seconds since the run began, the pages by then, and each worker by name."""

    at_s: float
    pages_done: int
    pages_failed: int
    workers: dict[str, WorkerSample] = field(default_factory=dict)

    def join(self, other: Sample) -> None:
        """Adds the sample that follows."""
        self.at_s, self.pages_done, self.pages_failed = other.at_s, other.pages_done, other.pages_failed
        for name, sample in other.workers.items():
            self.workers.setdefault(name, WorkerSample()).join(sample)


@dataclass
class Samples:
    """All that was seen of one run.

    Attributes:
        run_id: the ledger's name of the run.
        devices: worker to device.
        samples: spans of equal length, one after the other; the last may be shorter.
        marks: worker and time (s) of each start of it but its first.
    """

    run_id: str
    devices: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    marks: list[tuple[str, float]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Gives plain JSON values."""
        return {
            "run": self.run_id,
            "devices": self.devices,
            "samples": [
                [
                    round(sample.at_s, 2), sample.pages_done, sample.pages_failed,
                    {
                        name: [*(entry.seen[state] for state in STATES), entry.rss_bytes, entry.gpu_bytes]
                        for name, entry in sample.workers.items()
                    },
                ]
                for sample in self.samples
            ],
            "marks": [[name, round(at_s, 2)] for name, at_s in self.marks],
        }  # fmt: skip


def samples_from_json(value: dict[str, Any]) -> Samples:
    """Gives the samples that `to_json` gave.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    samples = []
    for at_s, done, failed, workers in value["samples"]:
        entries = {
            name: WorkerSample(Counter(dict(zip(STATES, seen, strict=True))), rss, gpu)
            for name, (*seen, rss, gpu) in workers.items()
        }
        samples.append(Sample(at_s, done, failed, entries))
    return Samples(value["run"], value["devices"], samples, [(name, at_s) for name, at_s in value["marks"]])


def read_samples(state_dir: Path, run_id: str) -> Samples | None:
    """Gives the samples of a run, None where there are none (another run's, an older release, a damaged file)."""
    try:
        samples = samples_from_json(json.loads((state_dir / FILE_NAME).read_text("utf-8")))
    except (OSError, KeyError, TypeError, ValueError):
        return None
    return samples if samples.run_id == run_id else None


class Sampler:
    """Listens to a run and keeps samples of it in `STATE_DIR/samples.json`.

    Args:
        run_id: the ledger's name of the run.
        state_dir: where to write.
        inner: the user's own listener, which is told everything too.
    """

    def __init__(self, run_id: str, state_dir: Path, inner: Listener | None) -> None:
        self.kept = Samples(run_id)
        self._path: Path | None = state_dir / FILE_NAME
        self._inner = inner
        self._every_s = FIRST_EVERY_S
        self._states: dict[str, str] = {}
        self._open: Sample | None = None
        self._written_at_s = 0.0

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None:
        """Passes it on."""
        if self._inner is not None:
            self._inner.on_plan(documents, skipped, devices, engine, note)

    def on_warning(self, message: str) -> None:
        """Passes it on."""
        if self._inner is not None:
            self._inner.on_warning(message)

    def on_progress(self, progress: RunProgress) -> None:
        """Takes a look, and passes it on."""
        self._look(progress)
        if self._inner is not None:
            self._inner.on_progress(progress)

    def end(self) -> None:
        """Writes the samples, the last one included."""
        self._close_sample()
        self._write()

    def _look(self, progress: RunProgress) -> None:
        sample = self._open
        if sample is None:
            sample = self._open = Sample(0.0, 0, 0)
        sample.at_s, sample.pages_done, sample.pages_failed = (
            progress.elapsed_s, progress.pages_done, progress.pages_failed,
        )  # fmt: skip
        for view in progress.workers:
            state = self._state(view, progress.elapsed_s)
            sample.workers.setdefault(view.worker, WorkerSample()).look(view, state)
        began_s = self.kept.samples[-1].at_s if self.kept.samples else 0.0
        if progress.elapsed_s - began_s >= self._every_s:
            self._close_sample()
        if progress.elapsed_s - self._written_at_s >= WRITE_EVERY_S:
            self._written_at_s = progress.elapsed_s
            self._write()

    def _state(self, view: WorkerView, now_s: float) -> str:
        """Gives a worker's state, and marks a worker that was ready and is not any more."""
        self.kept.devices[view.worker] = view.device
        # One that waits for its first start is not down.
        state = _STATE_OF.get(view.state, "down" if view.worker in self._states else "loading")
        before = self._states.get(view.worker)
        if before is not None or state in ("busy", "idle"):
            self._states[view.worker] = state
        if before in ("busy", "idle") and state in ("loading", "down") and len(self.kept.marks) < MAX_MARKS:
            self.kept.marks.append((view.worker, now_s))
        return state

    def _close_sample(self) -> None:
        if self._open is None:
            return
        self.kept.samples.append(self._open)
        self._open = None
        if len(self.kept.samples) >= MAX_SAMPLES:
            for first, second in zip(self.kept.samples[::2], self.kept.samples[1::2], strict=True):
                first.join(second)
            del self.kept.samples[1::2]
            self._every_s *= 2

    def _write(self) -> None:
        """Writes what there is; a disk that is full ends the samples, not the run."""
        if self._path is None:
            return
        beside = self._path.with_suffix(".new")
        try:
            beside.write_text(json.dumps(self.kept.to_json(), separators=(",", ":")), "utf-8")
            beside.replace(self._path)
        except OSError as err:
            logger.warning("what the report shows of workers cannot be written any more: %s", err)
            self._path = None
