"""The worker's process: one engine on one device, fed by a renderer of its own.

Three threads work side by side, so that the device waits for neither rendering nor encoding nor disk:
the feeder takes tasks and renders their pages ahead, the main thread recognizes, the recorder encodes and writes.
The process leaves by `os._exit`: engines keep threads that would never end.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from batchocr.datatypes import PageFailure, PageImage, PageResult, Task
from batchocr.documents.client import DocumentChild
from batchocr.errors import BatchOcrError, Cancelled, StorageError
from batchocr.logs import child_logging
from batchocr.pipeline import Answer, PageItem, Recorder, page_images
from batchocr.worker.child import Boot, Outbox, boot
from batchocr.worker.memory import MemoryWatch
from batchocr.worker.messages import (
    EXIT_DEVICE_LOST,
    EXIT_RECYCLED,
    Event,
    PageMissed,
    PageRecorded,
    SpoolBlocked,
    TaskEnded,
    WorkerReady,
    WorkerRefused,
    WorkPlan,
)
from batchocr.worker.open_pages import OpenPages
from batchocr.worker.page_budget import PageBudget
from batchocr.worker.session import EngineSession

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _End:
    """Marks the end of a task in a buffer."""

    task: Task


@dataclass(frozen=True)
class _Timed:
    """One answer, and how long the engine took for it, s."""

    task: Task
    answer: Answer
    seconds: float


class _Sender:
    """Sends events from a thread of its own; what gathers while one group is on its way goes with the next."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: queue.Queue[Event] = queue.Queue()
        threading.Thread(target=self._run, name="sender", daemon=True).start()

    def send(self, event: Event) -> None:
        """Takes an event to send soon."""
        self._waiting.put(event)

    def drain(self) -> None:
        """Waits until everything was sent."""
        self._waiting.join()

    def _run(self) -> None:
        while True:
            group = [self._waiting.get()]
            while not self._waiting.empty():
                group.append(self._waiting.get())
            self._outbox.put(group)
            for _ in group:
                self._waiting.task_done()


class _Recording:
    """The recorder thread: encodes answers, appends them to the spool and reports."""

    def __init__(self, link: Boot, plan: WorkPlan, sender: _Sender, budget: PageBudget) -> None:
        self._link = link
        self._plan = plan
        self._sender = sender
        self._budget = budget
        self._answers: queue.SimpleQueue[_Timed | _End | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def put(self, timed: _Timed) -> None:
        """Takes one answer to write."""
        self._answers.put(timed)

    def end(self, task: Task) -> None:
        """Ends a task once its answers are written."""
        self._answers.put(_End(task))

    def close(self) -> None:
        """Waits until all is written and sent."""
        self._answers.put(None)
        self._thread.join()
        self._sender.drain()

    def _run(self) -> None:
        recorder: Recorder | None = None
        try:
            while (item := self._answers.get()) is not None:
                task = item.task
                if recorder is None:
                    recorder = Recorder(task, self._plan.fingerprint, self._plan.formats, self._plan.visualization_dpi)
                if isinstance(item, _End):
                    recorder.close()
                    recorder = None
                    self._sender.send(TaskEnded(self._link.name, self._link.generation, task.task_id))
                else:
                    self._record(recorder, item)
                    self._budget.release(_size(item.answer.page))
                del item
            if recorder is not None:
                recorder.close()
        except StorageError as err:
            self._sender.send(SpoolBlocked(self._link.name, self._link.generation, str(err)))
            self._sender.drain()
            os._exit(int(err.exit_code))
        except BaseException:
            logger.exception("the recorder failed")
            os._exit(1)

    def _record(self, recorder: Recorder, timed: _Timed) -> None:
        name, generation = self._link.name, self._link.generation
        task, outcome = timed.task, timed.answer.outcome
        failure = recorder.record(timed.answer)
        if failure is not None:
            logger.warning("%s page %d: %s %s", task.document.source, failure.page_no, failure.message, failure.detail)
            self._sender.send(PageMissed(name, generation, task.task_id, failure))
            return
        blank = isinstance(outcome, PageResult) and not outcome.blocks
        self._sender.send(PageRecorded(name, generation, task.task_id, outcome.page_no, blank, timed.seconds))


def _size(item: PageItem | None) -> int:
    return item.pixels.nbytes if isinstance(item, PageImage) else 0


def _feed(link: Boot, plan: WorkPlan, pages: _Pages, source: DocumentChild) -> None:
    """Takes tasks and renders their pages ahead of the engine, until told to leave."""
    try:
        while (task := link.next_order()) is not None:
            assert isinstance(task, Task)
            pages.waiting.put(task)
            images = page_images(task, source, plan.engine, plan.dpi)
            pages.budget.wait_for_room()
            while (item := next(images, None)) is not None:
                pages.budget.hold(_size(item))
                pages.waiting.put(item)
                del item  # or it would be held while the next one is rendered
                pages.budget.wait_for_room()
            pages.waiting.put(_End(task))
        pages.waiting.put(None)
    except Cancelled:
        return  # the worker leaves
    except BaseException:
        logger.exception("the feeder failed")
        os._exit(1)


class _Pages:
    """What the feeder has made ready: tasks, each with its pages and its end; None is the order to leave."""

    def __init__(self, budget: PageBudget) -> None:
        self.budget = budget
        self.waiting: queue.SimpleQueue[Task | PageItem | _End | None] = queue.SimpleQueue()

    def next_task(self) -> Task | None:
        """Gives the next task; waits for one."""
        task = self.waiting.get()
        assert task is None or isinstance(task, Task)
        return task

    def of_task(self, draining: threading.Event) -> Iterator[PageItem]:
        """Gives the pages of the task in hand, up to its end or the order to leave."""
        while not draining.is_set():
            try:
                item = self.waiting.get_nowait()
            except queue.Empty:
                with self.budget.hunger():
                    item = self.waiting.get()
            if isinstance(item, _End):
                return
            assert isinstance(item, PageImage | PageFailure)
            yield item
            del item


def _work(link: Boot, plan: WorkPlan, session: EngineSession, sender: _Sender) -> int:
    """Recognizes tasks until told to leave; gives the exit code."""
    source = DocumentChild(plan.limits, f"renderer of {link.name}")
    budget = PageBudget(plan.prefetch_bytes)
    pages = _Pages(budget)
    threading.Thread(target=_feed, args=(link, plan, pages, source), name="feeder", daemon=True).start()
    recording = _Recording(link, plan, sender, budget)
    memory = MemoryWatch(link.max_rss_bytes)
    note = OpenPages(link.open_pages)
    code = 0
    while code == 0 and not link.draining.is_set() and (task := pages.next_task()) is not None:
        number = task.task_id
        begun = time.monotonic()
        for answer in session.run(
            task, pages.of_task(link.draining), lambda held, number=number: note.note(number, held)
        ):  # type: ignore[misc]
            now = time.monotonic()
            recording.put(_Timed(task, answer, now - begun))
            begun = now
            if memory.is_full(session.release_memory):
                code = EXIT_RECYCLED
                link.draining.set()  # pages in hand are still answered
            if isinstance(answer.outcome, PageFailure) and answer.outcome.fatal:
                code = EXIT_DEVICE_LOST
            del answer
        if code == 0:
            recording.end(task)
    recording.close()
    source.close()
    note.close()
    return code


def main() -> None:
    """Runs one worker from its boot message to its last task."""
    link = boot()
    plan = link.next_order()
    assert isinstance(plan, WorkPlan)
    child_logging(link.name, plan.log_dir, plan.log_level, run=plan.run_id, worker=link.name, device=link.device)
    sender = _Sender(link.outbox)
    session = EngineSession(plan, link.device)
    begun = time.monotonic()
    try:
        session.load()
    except Exception as err:  # an engine that cannot load ends its worker, whatever it raises
        logger.exception("the engine cannot be loaded")
        words = str(err) if isinstance(err, BatchOcrError) else f"{type(err).__name__}: {err}"
        sender.send(WorkerRefused(link.name, link.generation, words))
        sender.drain()
        os._exit(4)
    sender.send(WorkerReady(link.name, link.generation, time.monotonic() - begun))
    try:
        code = _work(link, plan, session, sender)
    except BaseException:
        logger.exception("the worker failed")
        os._exit(1)
    os._exit(code)
