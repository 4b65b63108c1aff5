"""Everything in this process, one step after the other: slow, and the easiest place to debug an engine.

Documents are still opened in a child of their own, since what can crash or hang must never do so here.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Sequence

from batchocr.datatypes import Assembly, PageResult, PageTimes, Task
from batchocr.devices import Device
from batchocr.documents.client import DocumentChild
from batchocr.errors import BatchOcrError, EngineError, SetupError, StorageError
from batchocr.executors.base import Executor
from batchocr.executors.local import probe_document
from batchocr.pipeline import Recorder, page_images
from batchocr.worker.finisher import assemble_document
from batchocr.worker.messages import (
    Event,
    PageMissed,
    PageRecorded,
    PagesReturned,
    ProbeOrder,
    SpoolBlocked,
    TaskEnded,
    WorkerReady,
    WorkerRefused,
    WorkPlan,
)
from batchocr.worker.session import EngineSession, thumbnails_for


class SerialExecutor(Executor):
    """One engine in the coordinator's own process; each `poll` does one piece of work."""

    def __init__(self) -> None:
        self._work: deque[ProbeOrder | Task | Assembly] = deque()
        self._events: list[Event] = []
        self._plan: WorkPlan | None = None
        self._session: EngineSession | None = None
        self._worker = ""

    def start(self, plan: WorkPlan) -> None:
        """Keeps the plan."""
        self._plan = plan
        self._source = DocumentChild(plan.limits, "renderer")

    def start_worker(self, worker: str, device: Device) -> int:
        """Loads the engine here and now."""
        assert self._plan is not None
        self._worker = worker
        self._session = EngineSession(self._plan, device.engine_name)
        begun = time.monotonic()
        try:
            with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
                self._session.load()
        except BatchOcrError as err:
            self._events.append(WorkerRefused(worker, 1, str(err)))
        else:
            self._events.append(WorkerReady(worker, 1, time.monotonic() - begun))
        return 1

    def probe(self, order: ProbeOrder) -> None:
        """Queues the order."""
        self._work.append(order)

    def lend(self, worker: str, task: Task) -> None:
        """Queues the task."""
        self._work.append(task)

    def take_back(self, worker: str, pages: int) -> None:
        """Gives none: there is no other worker."""
        self._events.append(PagesReturned(worker, 1, ()))

    def assemble(self, order: Assembly) -> None:
        """Queues the order."""
        self._work.append(order)

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Does the oldest piece of work and gives its events."""
        if self._work:
            work = self._work.popleft()
            if isinstance(work, ProbeOrder):
                self._events.append(probe_document(self._source, work))
            elif isinstance(work, Assembly):
                self._events.append(assemble_document(work))
            else:
                with contextlib.redirect_stdout(sys.stderr):
                    self._recognize(work)
        elif not self._events:
            time.sleep(timeout_s)
        events, self._events = self._events, []
        return events

    def kill_worker(self, worker: str, reason: str) -> None:
        """Does nothing: there is no process to kill, and no moment at which it could hang unseen."""

    def drain(self) -> None:
        """Drops the tasks that were not begun."""
        self._work = deque(work for work in self._work if isinstance(work, Assembly))

    @property
    def busy(self) -> bool:
        """Documents wait for their folder."""
        return bool(self._work)

    def rss_bytes(self, worker: str) -> int:
        """Gives 0: the worker is this very process."""
        return 0

    def close(self, grace_s: float) -> None:
        """Lets go of engine and child."""
        if self._session is not None:
            self._session.close()
        self._source.close()

    def _recognize(self, task: Task) -> None:
        assert self._plan is not None
        assert self._session is not None
        plan = self._plan
        try:
            recorder = Recorder(task, plan.fingerprint, plan.formats, plan.visualization_dpi)
            items = page_images(task, self._source, plan.engine, plan.dpi, thumbnails_for(plan))
            asked, lost = time.monotonic(), False
            for answer in self._session.run(items, lambda pages: None, fresh_engine=task.fresh_engine):
                answered = time.monotonic()
                seconds = answered - asked - answer.render_s  # one step after the other: drawn when it was asked for
                failure = recorder.record(answer)
                outcome = answer.outcome
                if failure is not None:
                    lost = lost or failure.fatal
                    self._events.append(PageMissed(self._worker, 1, task.task_id, failure, seconds))
                else:
                    blank = isinstance(outcome, PageResult) and not outcome.blocks
                    spool_s = time.monotonic() - answered
                    times = PageTimes(answer.render_s, answer.queue_wait_s, seconds, spool_s)
                    self._events.append(PageRecorded(self._worker, 1, task.task_id, outcome.page_no, blank, times))
                asked = time.monotonic()
            recorder.close()
            self._session.release_memory()
            if lost:
                self._session.load()
        except StorageError as err:
            self._events.append(SpoolBlocked(self._worker, 1, str(err)))
        except (SetupError, EngineError) as err:  # the engine was to be built anew, and cannot be
            self._events.append(WorkerRefused(self._worker, 1, str(err)))
        else:
            self._events.append(TaskEnded(self._worker, 1, task.task_id))
