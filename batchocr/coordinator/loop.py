"""The coordinator's loop: lends tasks, takes events, records, watches the clock. It never blocks for long.

Everything that can crash or hang lives in other processes; what this loop knows is in the ledger before it acts on it
in a way that cannot be taken back.
"""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from batchocr.coordinator import retry
from batchocr.coordinator.contents import Backlog, Content, OpenDocument
from batchocr.coordinator.context import RunContext, RunListener
from batchocr.coordinator.intake import Intake
from batchocr.coordinator.pool import Lent, Worker, make_workers
from batchocr.coordinator.shutdown import StopWish
from batchocr.datatypes import (
    Assembly,
    AttemptState,
    FileIdentity,
    PageRanges,
    PageState,
    RunProgress,
    Task,
    WorkerView,
)
from batchocr.errors import FailureKind, RunFailedError, SetupError, StorageError
from batchocr.executors.base import Executor
from batchocr.ledger.ledger import Ledger
from batchocr.worker.messages import (
    Assembled,
    AssemblyFailed,
    Event,
    PageMissed,
    PageRecorded,
    Probed,
    ProbeFailed,
    SpoolBlocked,
    TaskEnded,
    WorkerLost,
    WorkerReady,
    WorkerRefused,
)

logger = logging.getLogger(__name__)

FLUSH_EVERY_S = 1.0
SHOW_EVERY_S = 0.25
POLL_S = 0.2


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
        self._intake = Intake(context, ledger)
        self._backlog = Backlog(context.settings.task_pages)
        self._workers = make_workers(context.devices, context.settings.workers_per_device)
        self._assembling: dict[int, tuple[Content, OpenDocument]] = {}
        self._ever_loaded = False
        self._begun = self._flushed_at = time.monotonic()
        self._shown_at = 0.0
        self.pages_total = 0
        self.pages_done = 0
        self.pages_failed = 0

    def run(self) -> None:
        """Runs until everything is done, or the wish to stop was followed.

        Raises:
            InputError: an input does not exist.
            SetupError: the engine cannot be loaded.
            StorageError: outputs or ledger cannot be written.
            RunFailedError: no worker is left.
        """
        for content in self._intake.discover():
            self._take_up(content)
        self._tell_plan()
        if self._finished:
            return
        self._executor.start(self._context.work_plan())
        while not self._finished and not self._wish.drain:
            self._step()
        if self._wish.drain:
            self._drain()
        for content in self._intake.contents.values():
            self._clear_spool(content)

    # --- the loop ---

    @property
    def _finished(self) -> bool:
        return self._intake.finished and self._intake.ended == self._intake.documents

    def _step(self) -> None:
        now = time.monotonic()
        for order in self._intake.probe_orders():
            self._executor.probe(order)
        if not self._backlog.empty:
            self._start_workers(now)
        self._lend()
        for event in self._executor.poll(POLL_S):
            self._apply(event)
        self._watch(time.monotonic())
        if now - self._flushed_at >= FLUSH_EVERY_S:
            self._ledger.flush()
            self._flushed_at = now
        if now - self._shown_at >= SHOW_EVERY_S:
            self._show(now)

    def _drain(self) -> None:
        """Lets workers finish the page in hand, and the finisher what it has; a second wish cuts that short."""
        deadline = time.monotonic() + self._context.settings.drain_timeout_s
        self._warn("stopping: pages in hand are finished, everything else waits for the next run")
        self._executor.drain()
        while self._executor.busy and not self._wish.abort and time.monotonic() < deadline:
            for event in self._executor.poll(POLL_S):
                self._apply(event)
            self._show(time.monotonic())
        for worker in self._workers.values():
            for lent in worker.lent.values():
                self._ledger.end_attempt(lent.task.task_id, AttemptState.CANCELLED)

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
        ready = sum(worker.state != "retired" for worker in self._workers.values())
        for depth in (1, 2):  # nobody gets a second task while another has none
            for worker in self._workers.values():
                while worker.has_room and len(worker.lent) < depth:
                    portion = self._backlog.next_portion(max(1, ready))
                    if portion is None:
                        return
                    self._lend_pages(worker, portion.content, portion.page_nos, fresh_engine=portion.fresh_engine)

    def _lend_pages(self, worker: Worker, content: Content, page_nos: tuple[int, ...], *, fresh_engine: bool) -> None:
        number = self._ledger.start_attempt(
            self._context.run_id, content.content_id, PageRanges.of(page_nos), worker.name, worker.device.name
        )
        segment = f"{content.spool}/{self._context.run_id}-{number:08d}.seg"
        task = Task(number, content.content_id, content.reference, page_nos, segment, fresh_engine)
        if not worker.lent:
            worker.progress_at = time.monotonic()
        worker.lent[number] = Lent(task, content, set(page_nos))
        self._executor.lend(worker.name, task)

    # --- events ---

    def _apply(self, event: Event) -> None:
        if isinstance(event, (PageRecorded, PageMissed, TaskEnded, WorkerReady, WorkerRefused, WorkerLost)):
            self._apply_worker_event(self._workers[event.worker], event)
        elif isinstance(event, Probed):
            probe = event.probe
            content = self._intake.probed(
                event.document_id, probe.sha256, probe.format, probe.page_count, probe.identity
            )
            if content is not None:
                self._take_up(content)
        elif isinstance(event, ProbeFailed):
            self._intake.probe_failed(event.document_id, event.kind, event.message)
        elif isinstance(event, (Assembled, AssemblyFailed)):
            self._end_assembly(event)
        elif isinstance(event, SpoolBlocked):
            raise StorageError(event.message)

    def _apply_worker_event(
        self,
        worker: Worker,
        event: PageRecorded | PageMissed | TaskEnded | WorkerReady | WorkerRefused | WorkerLost,
    ) -> None:
        if isinstance(event, WorkerLost):
            self._lose(worker, event)
        elif event.generation != worker.generation:
            return
        elif isinstance(event, PageRecorded):
            self._record(worker, event)
        elif isinstance(event, PageMissed):
            self._miss(worker, event)
        elif isinstance(event, TaskEnded):
            self._end_task(worker, event)
        elif isinstance(event, WorkerReady):
            worker.state = "ready"
            worker.progress_at = time.monotonic()
            self._ever_loaded = True
        else:
            self._refused(worker, event)

    def _record(self, worker: Worker, event: PageRecorded) -> None:
        lent = worker.lent[event.task_id]
        worker.made_progress(time.monotonic())
        worker.source, worker.page_no = lent.content.reference.source, event.page_no
        lent.unreported.discard(event.page_no)
        lent.content.unloadable = 0
        state = PageState.BLANK if event.blank else PageState.DONE
        self._ledger.record_pages(lent.content.content_id, [event.page_no], state)
        self.pages_done += 1
        self._settle(lent.content, event.page_no)

    def _miss(self, worker: Worker, event: PageMissed) -> None:
        lent = worker.lent[event.task_id]
        worker.progress_at = time.monotonic()
        failure = event.failure
        lent.missed = True
        lent.unreported.discard(failure.page_no)
        self._note_miss(lent, failure.page_no, AttemptState.FAILED, failure.kind, failure.message)
        if failure.kind is FailureKind.PAGE_RENDER_FAILED:
            lent.content.unloadable += 1
            if lent.content.unloadable >= retry.UNLOADABLE_PAGES_IN_A_ROW:
                self._give_up_rest(lent.content, failure.kind, f"{failure.message} (so did the pages before it)")
        elif retry.ends_document(failure.kind):
            self._fail_content(lent.content, failure.kind, failure.message)

    def _end_task(self, worker: Worker, event: TaskEnded) -> None:
        lent = worker.lent.pop(event.task_id)
        ended = AttemptState.FAILED if lent.missed else AttemptState.SUCCEEDED
        self._ledger.end_attempt(event.task_id, AttemptState.CANCELLED if lent.unreported else ended)
        self._give_back(lent.content, lent.unreported)

    def _lose(self, worker: Worker, event: WorkerLost) -> None:
        """A worker has died: what it was lent and did not report comes back, and the page it had open is suspected."""
        if worker.state == "retired":
            return
        timed_out = worker.state == "timed_out"
        state = AttemptState.TIMED_OUT if timed_out else AttemptState.LOST
        kind = FailureKind.TIMEOUT if timed_out else FailureKind.WORKER_LOST
        lent, worker.lent = worker.lent, {}
        open_pages: set[int] = set()
        for entry in lent.values():
            suspects = set(event.open_pages) & entry.unreported if entry.task.task_id == event.task_id else set()
            innocent = entry.unreported - suspects
            open_pages |= suspects
            self._ledger.end_attempt(entry.task.task_id, state)
            self._give_back(entry.content, innocent)
            if len(suspects) == 1:
                self._note_miss(entry, suspects.pop(), state, kind, event.reason)
            else:
                self._give_back(entry.content, suspects, alone=True)
        worker.died(time.monotonic(), blamed_on_page=bool(open_pages))
        where = f" with page {PageRanges.of(open_pages)} of {worker.source} open" if open_pages else ""
        self._warn(f"worker {worker.name} was lost ({event.reason}){where}; it is started again")
        self._check_pool(worker, event.reason)

    def _refused(self, worker: Worker, event: WorkerRefused) -> None:
        """A device cannot load the engine: before any has, the run stops; later that device is retired."""
        if not self._ever_loaded or self._context.settings.strict_devices:
            raise SetupError(
                f"Engine {self._context.engine.name} cannot be loaded on {worker.device.name}: {event.message}"
            )
        worker.state = "retired"
        for lent in worker.lent.values():
            self._give_back(lent.content, lent.unreported)
        worker.lent.clear()
        self._warn(f"{worker.name} cannot load the engine and is left out: {event.message}")
        self._check_pool(worker, event.message)

    def _check_pool(self, worker: Worker, reason: str) -> None:
        if worker.state == "retired":
            logger.error("worker %s is retired: %s", worker.name, reason)
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

    # --- pages and contents ---

    def _take_up(self, content: Content) -> None:
        """Puts a content's pages into the backlog, or its documents to the finisher if nothing is left to read."""
        if content.resolved:
            self._finish_content(content)
        elif len(content.documents) == 1:
            self.pages_total += len(content.pending) + len(content.alone)
            self._backlog.add(content)

    def _note_miss(self, lent: Lent, page_no: int, state: AttemptState, kind: FailureKind, message: str) -> None:
        """Counts a failed try of a page; it is tried again alone, or given up."""
        content = lent.content
        self._ledger.record_page_attempt(lent.task.task_id, page_no, state, kind, message)
        attempts = content.attempts[page_no] = content.attempts.get(page_no, 0) + 1
        self._ledger.count_attempts(content.content_id, page_no, attempts)
        if retry.try_again(kind, attempts, self._context.settings.max_attempts):
            self._give_back(content, [page_no], alone=True)
        elif page_no in content.lent:
            self._fail_page(content, page_no, kind, message)
            self._settle(content, page_no)

    def _fail_page(self, content: Content, page_no: int, kind: FailureKind, message: str) -> None:
        content.failed[page_no] = (kind, message)
        self.pages_failed += 1
        self._ledger.fail_page(content.content_id, page_no, kind, message)

    def _give_back(self, content: Content, page_nos: Iterable[int], *, alone: bool = False) -> None:
        """Takes lent pages back, unless their content was given up meanwhile."""
        wanted = set(page_nos) & content.lent
        if content.documents and wanted:
            self._backlog.give_back(content, wanted, alone=alone)

    def _settle(self, content: Content, page_no: int) -> None:
        content.lent.discard(page_no)
        if content.resolved:
            self._finish_content(content)

    def _give_up_rest(self, content: Content, kind: FailureKind, message: str) -> None:
        """Fails every page that is not lent."""
        for page_no in [*content.pending, *content.alone]:
            self._fail_page(content, page_no, kind, message)
        self._backlog.drop(content)
        if content.resolved:
            self._finish_content(content)

    def _fail_content(self, content: Content, kind: FailureKind, message: str) -> None:
        """Fails every document of a content at once."""
        self._backlog.drop(content)
        content.lent.clear()
        for document in content.documents:
            self._ledger.fail_document(document.document_id, kind, message)
            self._intake.ended += 1
        content.documents.clear()

    def _finish_content(self, content: Content) -> None:
        """Every page is read or given up: has the folders written, unless there is nothing to put into them."""
        documents, content.documents = content.documents, []
        for document in documents:
            if content.all_failed:
                self._intake.ended += 1
            elif not _unchanged(document.path, document.identity):
                message = "the file was changed or removed while it was read; run again to read it as it is now"
                self._ledger.fail_document(document.document_id, FailureKind.DOCUMENT_CHANGED, message)
                self._intake.ended += 1
            else:
                self._assembling[document.document_id] = (content, document)
                self._executor.assemble(self._assembly(content, document))

    def _assembly(self, content: Content, document: OpenDocument) -> Assembly:
        context, reference = self._context, content.reference
        return Assembly(
            document_id=document.document_id,
            source=document.source,
            folder=document.folder,
            output=str(context.output),
            state_dir=str(context.commit_dir),
            commit_id=uuid.uuid4().hex,
            sha256=reference.sha256,
            size_bytes=document.identity.size_bytes,
            format=reference.format,
            page_count=reference.page_count,
            page_nos=content.page_nos,
            failed=content.failures(),
            segments=tuple(map(str, sorted(Path(content.spool).glob("*.seg")))),
            formats=context.settings.formats,
            page_markers=context.settings.page_markers,
            fingerprint=context.fingerprint,
            engine=context.engine_record(),
            dpi=context.settings.dpi,
            visualization_dpi=context.settings.visualization_dpi,
            force=context.settings.force,
        )

    def _end_assembly(self, event: Assembled | AssemblyFailed) -> None:
        content, document = self._assembling.pop(event.document_id)
        self._intake.ended += 1
        if isinstance(event, Assembled):
            self._ledger.record_commit(event.document_id, event.commit_id)
            content.committed = True
        elif event.kind is FailureKind.OUTPUT_ERROR:
            raise StorageError(event.message)
        else:
            self._ledger.fail_document(event.document_id, event.kind, event.message)
            content.committed = False
            self._warn(f"{document.source}: {event.message}")
        if self._intake.finished:  # otherwise an equal file may still turn up
            self._clear_spool(content)

    def _clear_spool(self, content: Content) -> None:
        """Deletes the pages of a content once every folder that holds them is committed; a retry wants the others."""
        waiting = content.documents or any(other is content for other, _ in self._assembling.values())
        if content.resolved and content.committed and not content.failed and not waiting:
            self._ledger.flush()  # first the ledger, then what cannot be taken back
            shutil.rmtree(content.spool, ignore_errors=True)

    # --- telling ---

    def _tell_plan(self) -> None:
        if self._listener is not None:
            context = self._context
            names = tuple(device.name for device in context.devices)
            self._listener.on_plan(
                self._intake.documents, self._intake.skipped, names, context.engine.name, context.note
            )

    def _warn(self, message: str) -> None:
        logger.warning("%s", message)
        if self._listener is not None:
            self._listener.on_warning(message)

    def _show(self, now: float) -> None:
        self._shown_at = now
        if self._listener is not None:
            self._listener.on_progress(self.progress(now))

    def progress(self, now: float) -> RunProgress:
        """Gives how far the run is."""
        views = tuple(
            WorkerView(
                worker.name, worker.device.name, "busy" if worker.state == "ready" and worker.lent else worker.state,
                worker.source, worker.page_no, self._executor.rss_bytes(worker.name),
            )
            for worker in self._workers.values()
        )  # fmt: skip
        return RunProgress(
            self.pages_total, self.pages_done, self.pages_failed, self._intake.documents, self._intake.ended,
            not self._intake.finished, now - self._begun, views,
        )  # fmt: skip


def _unchanged(path: str, identity: FileIdentity) -> bool:
    """Tells whether the file is still the one that was probed."""
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return FileIdentity(found.st_size, found.st_mtime_ns, found.st_ino) == identity
