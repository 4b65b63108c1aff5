"""What coordinator, workers, prober and finisher say to each other: small frozen values, never page images or code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from batchocr.datatypes import Assembly, EngineInfo, Limits, PageFailure, PageTimes, Probe, Task
from batchocr.errors import FailureKind

# A worker leaves with this code when its engine said that the device is no longer usable.
EXIT_DEVICE_LOST = 17
# ... and with this one when its coordinator is gone.
EXIT_ORPHANED = 18
# ... and with this one at a page boundary, when it has grown too large and wants to be replaced.
EXIT_RECYCLED = 19


@dataclass(frozen=True)
class WorkPlan:
    """What every worker and the renderer need to know, the same for all of a run.

    Attributes:
        engine: what the engine said of itself.
        engine_options: the options to build it with, as the user gave them.
        dpi: rendering resolution.
        limits: of the renderer.
        formats: outputs that are wanted, so that nothing else is encoded.
        visualization_dpi: resolution of the visualization PDFs.
        fingerprint: goes into every spool segment.
        prefetch_bytes: pages are rendered ahead while a worker holds fewer bytes of page images than this.
        max_rss_bytes: resident memory at which a worker is replaced.
        log_dir: folder of the children's logs.
        log_level: least important level to log.
        run_id: name of the run, for the logs.
    """

    engine: EngineInfo
    engine_options: Mapping[str, Any]
    dpi: int
    limits: Limits
    formats: tuple[str, ...]
    visualization_dpi: int
    fingerprint: str
    prefetch_bytes: int
    max_rss_bytes: int
    log_dir: str
    log_level: str
    run_id: str


@dataclass(frozen=True)
class ProbeOrder:
    """The order to the prober."""

    document_id: int
    path: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class GiveBack:
    """The order to a worker to give back so many pages that its engine has not taken, the last ones first.

    It answers with `PagesReturned` at once, also while its engine is at work.
    """

    pages: int


@dataclass(frozen=True)
class WorkerReady:
    """A worker has loaded its engine."""

    worker: str
    generation: int
    load_s: float


@dataclass(frozen=True)
class WorkerRefused:
    """A worker cannot load its engine; its process ends."""

    worker: str
    generation: int
    message: str


@dataclass(frozen=True)
class PageRecorded:
    """A page is in the spool: proof of progress."""

    worker: str
    generation: int
    task_id: int
    page_no: int
    blank: bool
    times: PageTimes


@dataclass(frozen=True)
class PageMissed:
    """A page has no result this time. `recognize_s` is how long the engine was busy with it, s."""

    worker: str
    generation: int
    task_id: int
    failure: PageFailure
    recognize_s: float = 0.0


@dataclass(frozen=True)
class PagesReturned:
    """Task and number of each page that a worker will not read: fewer than it was asked for, perhaps none."""

    worker: str
    generation: int
    pages: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class TaskEnded:
    """Every page of a task was answered or given back, and its segment is on disk."""

    worker: str
    generation: int
    task_id: int


@dataclass(frozen=True)
class SpoolBlocked:
    """A worker cannot write its spool segment; the run cannot go on."""

    worker: str
    generation: int
    message: str


@dataclass(frozen=True)
class WorkerLost:
    """A worker's process has ended, and every event that it sent was taken before.

    Attributes:
        exit_code: of the process, negative for a signal.
        reason: for a person.
        open_pages: task and number of each page that the engine had taken and not answered.
        printed: what it printed since the engine took them and nobody has logged, line by line.
    """

    worker: str
    generation: int
    exit_code: int
    reason: str
    open_pages: tuple[tuple[int, int], ...] = ()
    printed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probed:
    """The prober knows a document."""

    document_id: int
    probe: Probe


@dataclass(frozen=True)
class ProbeFailed:
    """The prober cannot open a document."""

    document_id: int
    kind: FailureKind
    message: str


@dataclass(frozen=True)
class Assembled:
    """A document's folder is committed. `write_s` is what that took the finisher, s; 0 if it died and had done it."""

    document_id: int
    commit_id: str
    write_s: float = 0.0


@dataclass(frozen=True)
class AssemblyFailed:
    """A document's folder could not be committed."""

    document_id: int
    commit_id: str
    kind: FailureKind
    message: str


Event: TypeAlias = (
    WorkerReady
    | WorkerRefused
    | PageRecorded
    | PageMissed
    | PagesReturned
    | TaskEnded
    | SpoolBlocked
    | WorkerLost
    | Probed
    | ProbeFailed
    | Assembled
    | AssemblyFailed
)

Order: TypeAlias = Task | GiveBack | Assembly | None  # None tells a child to finish what it has and leave
