"""The coordinator's loop: lends tasks, takes events, records, watches the clock. It never blocks for long.

Everything that can crash or hang lives in other processes; what this loop knows is in the ledger before it acts on it
in a way that cannot be taken back.
"""

from __future__ import annotations

import shutil
import signal
import time
from typing import TypeAlias

from batchocr.coordinator import retry
from batchocr.coordinator.books import Books
from batchocr.coordinator.cancel import cancel_asked
from batchocr.coordinator.contents import Content
from batchocr.coordinator.context import RunContext, RunListener
from batchocr.coordinator.metrics import WRITE_EVERY_S, MetricsFile
from batchocr.coordinator.pace import Pace
from batchocr.coordinator.pool import Lent, Worker, make_workers
from batchocr.coordinator.shutdown import StopWish
from batchocr.coordinator.telemetry import Telemetry
from batchocr.datatypes import (
    AttemptState,
    PageRanges,
    RunProgress,
    Task,
    WorkerUse,
    WorkerView,
)
from batchocr.errors import FailureKind, RunFailedError, SetupError, StorageError
from batchocr.executors.base import Executor
from batchocr.ledger.ledger import Ledger
from batchocr.logs import get_logger
from batchocr.worker.messages import (
    EXIT_DEVICE_LOST,
    EXIT_RECYCLED,
    Assembled,
    AssemblyFailed,
    Event,
    PageMissed,
    PageRecorded,
    PagesReturned,
    Probed,
    ProbeFailed,
    SpoolBlocked,
    TaskEnded,
    WorkerLost,
    WorkerReady,
    WorkerRefused,
)
from batchocr.worker.printed import log_printed, page_fields

_WorkerEvent: TypeAlias = (
    PageRecorded | PageMissed | PagesReturned | TaskEnded | WorkerReady | WorkerRefused | WorkerLost
)

FLUSH_EVERY_S = 1.0
SHOW_EVERY_S = 0.25
POLL_S = 0.2
DISCOVER_S = 0.05


class Coordinator:
    """One run, from its inputs to the last committed folder."""

    def __init__(
        self, context: RunContext, executor: Executor, ledger: Ledger, listener: RunListener | None, wish: StopWish
    ) -> None:
        self._context = context
        self._executor = executor
        self._ledger = ledger
        self._listener = listener
        self._wish = wish
        self.books = Books(context, executor, ledger)
        self._workers = make_workers(context.devices, context.settings.workers_per_device)
        self.telemetry = Telemetry(self._workers.values())
        self._ever_loaded = False
        self.recycled = 0
        self.out_of_time = False
        self._begun = time.monotonic()
        self._pace = Pace()
        self._flushed_at = self._shown_at = self._metered_at = 0.0
        self._uses: tuple[WorkerUse, ...] = ()
        self._metrics = (
            None if context.settings.metrics is None else MetricsFile(context.settings.metrics, context.about())
        )

    def run(self) -> None:
        """Runs until everything is done, or the wish to stop was followed.

        Raises:
            InputError: an input does not exist.
            SetupError: the engine cannot be loaded.
            StorageError: outputs or ledger cannot be written.
            RunFailedError: no worker is left.
        """
        try:
            self._run()
        finally:
            self._record_uses()
            self._meter(active=False)

    def _run(self) -> None:
        self._executor.start(self._context.work_plan())
        while not (self.books.finished or self._wish.drain or self._is_time_up()):
            self._step()
        if self._wish.drain:
            self._drain()
        elif not self.books.finished:
            self.out_of_time = True
        for worker in self._workers.values():  # a page may end the run before its task's end was told
            for lent in worker.lent.values():
                self._ledger.end_attempt(lent.task.task_id, lent.outcome)
        self._show(time.monotonic())
        if self.books.intake.finished:
            self.books.folders.spools.clear_all()
        self.books.folders.spools.close()

    # --- the loop ---

    def _step(self) -> None:
        now = time.monotonic()
        self._discover()
        for order in self.books.intake.probe_orders():
            self._executor.probe(order)
        self.books.advance()
        if not self.books.dispatch.backlog.empty:
            self._start_workers(now)
        self._lend()
        for event in self._executor.poll(POLL_S if self.books.intake.walked else 0.0):
            self._apply(event)
        self._watch(time.monotonic())
        if now - self._flushed_at >= FLUSH_EVERY_S:
            self._look_at_memory()
            self._record_uses()
            self._ledger.flush()
            self._flushed_at = now
            if self.books.intake.finished:
                self.books.folders.spools.clear()
            self._look_around()
        if now - self._shown_at >= SHOW_EVERY_S:
            self._show(now)
        if now - self._metered_at >= WRITE_EVERY_S:
            self._metered_at = now
            self._meter(active=True)

    def _discover(self) -> None:
        """Finds further documents for a moment."""
        if not self.books.intake.walked and self.books.intake.discover(DISCOVER_S):
            self._tell_plan()

    def _is_time_up(self) -> bool:
        """Tells whether the time budget is spent: nothing more would be done in time, and nothing is in hand."""
        now, dispatch = time.monotonic(), self.books.dispatch
        in_hand = self.books.folders.writing or any(worker.lent for worker in self._workers.values())
        return dispatch.budget.is_over(now) or (
            not in_hand and dispatch.budget.is_closing(now, dispatch.speeds.fastest_page_s())
        )

    def _look_around(self) -> None:
        """Stops before the disk is full, and when `batchocr cancel` asks for it.

        Raises:
            StorageError: too little space is left.
        """
        context = self._context
        if cancel_asked(context.commit_dir):
            self._wish.ask(signal.SIGTERM, None)
        for folder in (context.output, context.state_dir):
            free = shutil.disk_usage(folder).free
            if free < context.settings.min_free_disk:
                raise StorageError(
                    f"Only {free >> 20} MiB are free at {folder}, less than --min-free-disk. Free some space, then run "
                    "the same command again to go on."
                )

    def _drain(self) -> None:
        """Lets workers finish the page in hand, and the finisher what it has; a second wish cuts that short."""
        deadline = time.monotonic() + self._context.settings.drain_timeout_s
        self._warn("stopping: pages in hand are finished, everything else waits for the next run")
        self._executor.drain()
        while self._executor.busy and not self._wish.abort and time.monotonic() < deadline:
            for event in self._executor.poll(POLL_S):
                self._apply(event)
            self._show(time.monotonic())
            if cancel_asked(self._context.commit_dir):
                self._wish.ask(signal.SIGTERM, None)

    def _start_workers(self, now: float) -> None:
        """Starts what waits; the first worker loads alone, so that a wrong build is met once."""
        for worker in self._workers.values():
            if worker.state == "waiting" and now >= worker.start_at:
                worker.generation = self._executor.start_worker(worker.name, worker.device)
                worker.state = "loading"
                worker.progress_at = now
            if not self._ever_loaded and worker.state != "retired":
                return

    def _lend(self) -> None:
        """Lends pages to whoever has room; near the end that may mean taking them from another."""
        dispatch, workers, now = self.books.dispatch, self._workers.values(), time.monotonic()
        for worker, portion in dispatch.portions(workers, self._alive(), now):
            self._lend_pages(worker, portion.content, portion.page_nos, fresh_engine=portion.fresh_engine)
        for worker, count in dispatch.take_backs(workers, now):
            worker.asked = True
            self._executor.take_back(worker.name, count)

    def _alive(self) -> list[str]:
        """Gives whose memory each worker that is not retired works in."""
        return [worker.device.memory_name for worker in self._workers.values() if worker.state != "retired"]

    def _lend_pages(self, worker: Worker, content: Content, page_nos: tuple[int, ...], *, fresh_engine: bool) -> None:
        number = self._ledger.start_attempt(
            self._context.run_id, content.content_id, PageRanges.of(page_nos), worker.name, worker.device.name
        )
        segment = f"{content.spool}/{self._context.run_id}-{number:08d}.seg"
        scale = retry.ladder_scale(len(content.out_of_memory.get(page_nos[0], ()))) if fresh_engine else 1.0
        task = Task(number, content.content_id, content.reference, page_nos, segment, fresh_engine, scale)
        if not worker.lent:
            worker.progress_at = time.monotonic()
        worker.lent[number] = Lent(task, content, worker.device.memory_name, set(page_nos))
        self._executor.lend(worker.name, task)

    # --- events ---

    def _apply(self, event: Event) -> None:
        if isinstance(event, _WorkerEvent):
            self._apply_worker_event(self._workers[event.worker], event)
        elif isinstance(event, Probed):
            self.books.intake.probed(event.document_id, event.probe)
        elif isinstance(event, ProbeFailed):
            self.books.intake.probe_failed(event.document_id, event.kind, event.message)
        elif isinstance(event, (Assembled, AssemblyFailed)):
            self.books.end_assembly(event)
            if isinstance(event, Assembled):
                self.telemetry.wrote(event.write_s)
        elif isinstance(event, SpoolBlocked):
            raise StorageError(event.message)

    def _apply_worker_event(self, worker: Worker, event: _WorkerEvent) -> None:
        if isinstance(event, WorkerLost):
            self._lose(worker, event)
        elif event.generation != worker.generation:
            return
        elif isinstance(event, PageRecorded):
            self._record(worker, event)
        elif isinstance(event, PageMissed):
            self._miss(worker, event)
        elif isinstance(event, PagesReturned):
            self._take_back(worker, event)
        elif isinstance(event, TaskEnded):
            self._end_task(worker, event)
        elif isinstance(event, WorkerReady):
            worker.state = "ready"
            worker.progress_at = time.monotonic()
            self._ever_loaded = True
            self.telemetry.ready(worker.name, event.load_s)
        else:
            self._refused(worker, event)

    def _record(self, worker: Worker, event: PageRecorded) -> None:
        lent = worker.lent[event.task_id]
        worker.made_progress(time.monotonic())
        worker.source, worker.page_no = lent.content.reference.source, event.page_no
        lent.unreported.discard(event.page_no)
        times = event.times
        # Steps overlap: the slowest of them is what a further page takes.
        self.books.dispatch.speeds.learn(worker.name, max(times.render_s, times.recognize_s, times.spool_s))
        self.telemetry.read(worker.name, times)
        self.books.record_page(lent, event.page_no, blank=event.blank, times=times)

    def _miss(self, worker: Worker, event: PageMissed) -> None:
        lent = worker.lent[event.task_id]
        worker.progress_at = time.monotonic()
        lent.missed = True
        self.telemetry.missed(worker.name, event.recognize_s)
        lent.unreported.discard(event.failure.page_no)
        self.books.refuse_page(lent, event.failure, self._alive())

    def _take_back(self, worker: Worker, event: PagesReturned) -> None:
        worker.asked = False
        for task_id, page_no in event.pages:
            lent = worker.lent[task_id]
            lent.unreported.discard(page_no)
            lent.returned = True
            self.books.give_back(lent.content, [page_no], alone=lent.task.fresh_engine)

    def _end_task(self, worker: Worker, event: TaskEnded) -> None:
        lent = worker.lent.pop(event.task_id)
        self._ledger.end_attempt(event.task_id, lent.outcome)
        self.books.give_back(lent.content, lent.unreported, alone=lent.task.fresh_engine)

    def _lose(self, worker: Worker, event: WorkerLost) -> None:
        """A worker has died: what it was lent and did not report comes back, and the page it had open is suspected."""
        if worker.state == "retired":
            return
        self.telemetry.gone(worker.name)
        if event.exit_code == EXIT_RECYCLED:  # it has logged what it printed
            self._recycle(worker)
            return
        timed_out = worker.state == "timed_out"
        state = AttemptState.TIMED_OUT if timed_out else AttemptState.LOST
        kind = FailureKind.TIMEOUT if timed_out else FailureKind.WORKER_LOST
        lent = worker.take_all()
        suspects = {
            number: {page_no for task_id, page_no in event.open_pages if task_id == number} & entry.unreported
            for number, entry in lent.items()
        }
        alone = sum(map(len, suspects.values())) == 1
        held = [(lent[number].task, page_no) for number, page_nos in suspects.items() for page_no in page_nos]
        log_printed(event.printed, **worker.labels, **page_fields(held))
        opened = []
        for number, entry in lent.items():
            open_pages = suspects[number]
            self._ledger.end_attempt(number, state)
            self.books.give_back(entry.content, entry.unreported - open_pages, alone=entry.task.fresh_engine)
            if open_pages:
                opened.append(f"page {PageRanges.of(open_pages)} of {entry.content.reference.source}")
            if alone and open_pages:
                self.books.miss_page(entry, open_pages.pop(), state, kind, event.reason)
            else:
                self.books.give_back(entry.content, open_pages, alone=True)
        if opened:
            self.telemetry.missed(worker.name, time.monotonic() - worker.progress_at)
        # A page on which the engine gave up the device is reported as missed, hence no longer open.
        worker.died(time.monotonic(), blamed_on_page=bool(opened) or event.exit_code == EXIT_DEVICE_LOST)
        where = f" with {', '.join(opened)} open" if opened else ""
        words = f"worker {worker.name} was lost ({event.reason}){where}; it is started again"
        self._warn(words, **worker.labels, **page_fields(held))
        self._check_pool(worker, event.reason)

    def _recycle(self, worker: Worker) -> None:
        """A worker has left because it had grown too large: nothing is lost, and nobody is blamed."""
        for entry in worker.take_all().values():
            self._ledger.end_attempt(entry.task.task_id, entry.outcome)
            self.books.give_back(entry.content, entry.unreported, alone=entry.task.fresh_engine)
        worker.state = "waiting"
        worker.start_at = time.monotonic()
        self.recycled += 1
        get_logger(__name__, **worker.labels).info(
            "worker %s is replaced: it had used up its memory budget", worker.name
        )

    def _refused(self, worker: Worker, event: WorkerRefused) -> None:
        """A device cannot load the engine: before any has, the run stops; later that device is retired."""
        if not self._ever_loaded or self._context.settings.strict_devices:
            raise SetupError(
                f"Engine {self._context.engine.name} cannot be loaded on {worker.device.name}: {event.message}"
            )
        worker.state = "retired"
        for lent in worker.take_all().values():
            self.books.give_back(lent.content, lent.unreported, alone=lent.task.fresh_engine)
        self._warn(f"{worker.name} cannot load the engine and is left out: {event.message}", **worker.labels)
        self._check_pool(worker, event.message)

    def _check_pool(self, worker: Worker, reason: str) -> None:
        if worker.state == "retired":
            get_logger(__name__, **worker.labels).error("worker %s is retired: %s", worker.name, reason)
        if all(other.state == "retired" for other in self._workers.values()):
            raise RunFailedError(
                f"No worker is left; the last one, {worker.name}, ended with: {reason}. What was read is kept: run the "
                "same command again to go on."
            )

    def _watch(self, now: float) -> None:
        """Ends workers that have made no progress for too long."""
        settings, engine = self._context.settings, self._context.engine
        page_s = settings.page_timeout_s or engine.page_timeout_s
        load_s = settings.load_timeout_s or engine.load_timeout_s
        for worker in self._workers.values():
            waited = now - worker.progress_at
            if worker.state == "loading" and waited > load_s:
                self._executor.kill_worker(worker.name, f"the engine was not loaded within {load_s:g} s")
                worker.progress_at = now
            elif worker.state == "ready" and worker.lent and waited > page_s:
                worker.state = "timed_out"
                self._executor.kill_worker(worker.name, f"no page was finished within {page_s:g} s")
            elif worker.state == "ready" and worker.lent:
                self._watch_document(worker, waited)

    def _watch_document(self, worker: Worker, waited: float) -> None:
        """Ends a document that has taken too much recognition time; `waited` is the time of its page in hand, s."""
        limit = self._context.settings.document_timeout_s
        content = next(iter(worker.lent.values())).content
        if limit is not None and not content.overdue and content.seconds + waited > limit:
            self.books.end_overdue(content, f"the document took more than {limit:g} s")
            worker.state = "timed_out"
            self._executor.kill_worker(worker.name, content.overdue)

    # --- telling ---

    def _tell_plan(self) -> None:
        if self._listener is not None:
            context = self._context
            names = tuple(device.name for device in context.devices)
            self._listener.on_plan(
                self.books.intake.documents, self.books.intake.skipped, names, context.engine.name, context.note
            )

    def _warn(self, message: str, **fields: object) -> None:
        get_logger(__name__, **fields).warning("%s", message)
        if self._listener is not None:
            self._listener.on_warning(message)

    def _show(self, now: float) -> None:
        self._shown_at = now
        if self._listener is not None:
            self._listener.on_progress(self.progress(now))

    def _look_at_memory(self) -> None:
        """Asks what each worker takes: with many of them that costs more than all else here, so not at every show."""
        for worker in self._workers.values():
            worker.rss_bytes = self._executor.rss_bytes(worker.name)
            worker.gpu_used_bytes = self.telemetry.gpu_used_bytes(worker.device.uuid)

    def _record_uses(self) -> None:
        """Records what the workers did, if that has changed."""
        self.telemetry.look_at_gpus()
        uses = self.telemetry.uses()
        if uses != self._uses:
            self._uses = uses
            self._ledger.record_workers(self._context.run_id, uses)

    def _meter(self, *, active: bool) -> None:
        """Writes the metrics, if they are wanted."""
        if self._metrics is not None:
            folders = self.telemetry.folders, self.telemetry.write_s
            uses, skipped = self.telemetry.uses(), self.books.intake.skipped
            self._metrics.write(self.progress(time.monotonic()), skipped, uses, folders, active=active)

    def progress(self, now: float) -> RunProgress:
        """Gives how far the run is."""
        views = tuple(
            WorkerView(
                worker.name, worker.device.name, "busy" if worker.state == "ready" and worker.lent else worker.state,
                worker.source, worker.page_no, worker.rss_bytes, worker.gpu_used_bytes,
            )
            for worker in self._workers.values()
        )  # fmt: skip
        books, ended = self.books, self.books.pages_done + self.books.pages_failed
        self._pace.learn(now - self._begun, ended)
        return RunProgress(
            books.pages_total, books.pages_done, books.pages_failed, books.intake.documents, books.intake.ended,
            not books.intake.finished, now - self._begun, views, self._pace.pages_per_s,
            self._pace.left_s(books.pages_total - ended) if books.intake.finished else None,
        )  # fmt: skip
