"""How a run goes and what came of it, as people and scripts are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchocr.datatypes.failures import FailedPages, FailureCount
from batchocr.datatypes.states import DocumentState, RunState
from batchocr.datatypes.summary_html import summary_html
from batchocr.datatypes.times import PageTimes, WorkerUse
from batchocr.errors import ExitCode, FailureKind


@dataclass(frozen=True)
class WorkerView:
    """One worker as a person sees it.

    Attributes:
        worker: name such as `gpu:0` or `cpu:1`, unique in the run.
        device: device as the user spelt it.
        state: starting, loading, idle, busy, restarting, retired.
        source: document in hand, or "".
        page_no: page in hand, or None.
        rss_bytes: resident memory of its process, 0 if unknown.
        gpu_bytes: memory taken on its GPU, by whomever; None if it has none or that is unknown.
    """

    worker: str
    device: str
    state: str
    source: str = ""
    page_no: int | None = None
    rss_bytes: int = 0
    gpu_bytes: int | None = None


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, for progress bars.

    Attributes:
        pages_total: pages known so far that this run has to do.
        pages_done: pages with a result in this run (blank ones too).
        pages_failed: pages given up in this run.
        documents_total, documents_ended: documents of this run, skipped ones included.
        counting: the prober has not counted all documents yet, so the total still grows.
        elapsed_s: seconds since the run began.
        workers: one entry per worker.
        pages_per_s: since reading began; None before the first page.
        left_s: time that the pages left will take, at best and at worst, s; None while that cannot be told.
    """

    pages_total: int
    pages_done: int
    pages_failed: int
    documents_total: int
    documents_ended: int
    counting: bool
    elapsed_s: float
    workers: tuple[WorkerView, ...] = ()
    pages_per_s: float | None = None
    left_s: tuple[float, float] | None = None

    @property
    def pages_ended(self) -> int:
        """Pages done or failed."""
        return self.pages_done + self.pages_failed


@dataclass(frozen=True)
class DocumentReport:
    """One document in a summary or status: its name, folder, state, pages and failures, and where its time went.

    Attributes:
        pages: that were asked for (`--pages`; all of them unless given); None while they are not counted.
        pages_done: of these, read or blank.
        times: sums over its pages, as far as known.
        write_s: what its folder took, s; None if unknown.
    """

    source: str
    folder: str
    state: DocumentState
    pages: int | None
    pages_done: int
    failures: tuple[FailedPages, ...] = ()
    times: PageTimes = field(default_factory=PageTimes)
    write_s: float | None = None


@dataclass(frozen=True)
class RunSummary:
    """What a run came to; `batchocr.run` returns it.

    Attributes:
        run_id: the ledger's name of the run.
        state: completed, failed or interrupted.
        exit_code: what the command answers.
        output: the output folder.
        engine: name of the engine.
        devices: devices that were used.
        documents: document state to count.
        pages: pages of all documents of this run: `done`, `failed`, `pending`, `skipped` (finished before) to count.
        pages_done: pages recognized in this run.
        elapsed_s: wall clock, seconds.
        recycled: workers replaced because they had grown too large.
        failures_by_kind: failure kind to how much failed so, the most frequent first.
        failures: every document that is not whole, with its reasons.
        workers: what each did.
        message: why it stopped early, or "".
        state_dir: where the ledger is, None if in the output folder.
        report: path of `report.html`, that of the run before where this one had nothing to do; None if there is none.
    """

    run_id: str
    state: RunState
    exit_code: ExitCode
    output: str
    engine: str
    devices: tuple[str, ...]
    documents: Mapping[str, int]
    pages: Mapping[str, int]
    pages_done: int
    elapsed_s: float
    recycled: int = 0
    failures_by_kind: Mapping[FailureKind, FailureCount] = field(default_factory=dict)
    failures: tuple[DocumentReport, ...] = ()
    workers: tuple[WorkerUse, ...] = ()
    message: str = ""
    state_dir: str | None = None
    report: str | None = None

    @property
    def failed(self) -> FailureCount:
        """How much failed in all, of all documents of this run."""
        return sum(self.failures_by_kind.values(), FailureCount())

    @property
    def pages_failed(self) -> int:
        """Failed pages, of all documents of this run."""
        return self.failed.pages

    def _repr_html_(self) -> str:
        """Gives what a notebook shows of it."""
        return summary_html(self)
