"""The last two threads of a worker: one encodes answers and writes them to the spool, one sends what happened."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from dataclasses import dataclass

from batchocr.datatypes import PageResult, PageTimes, Task
from batchocr.errors import StorageError
from batchocr.logs import get_logger
from batchocr.pipeline import Answer, Recorder
from batchocr.worker.child import Boot, Outbox
from batchocr.worker.messages import Event, PageMissed, PageRecorded, SpoolBlocked, TaskEnded, WorkPlan
from batchocr.worker.page_budget import PageBudget
from batchocr.worker.page_stream import size_bytes

logger = logging.getLogger(__name__)


class Sender:
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


@dataclass(frozen=True)
class _Timed:
    """One answer, and how long the engine was busy with it, s."""

    answer: Answer
    seconds: float


class Recording:
    """The recorder thread: encodes answers, appends them to the spool and reports."""

    def __init__(self, link: Boot, plan: WorkPlan, sender: Sender, budget: PageBudget) -> None:
        self._link = link
        self._plan = plan
        self._sender = sender
        self._budget = budget
        self._recorders: dict[int, Recorder] = {}
        self._answers: queue.SimpleQueue[_Timed | Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def put(self, answer: Answer, seconds: float) -> None:
        """Takes one answer to write, and how long the engine was busy with it, s."""
        self._answers.put(_Timed(answer, seconds))

    def end(self, task: Task) -> None:
        """Ends a task once its answers are written."""
        self._answers.put(task)

    def close(self) -> None:
        """Waits until all is written and sent."""
        self._answers.put(None)
        self._thread.join()
        self._sender.drain()

    def _run(self) -> None:
        try:
            while (entry := self._answers.get()) is not None:
                if isinstance(entry, Task):
                    self._recorder(entry).close()
                    del self._recorders[entry.task_id]
                    self._sender.send(TaskEnded(self._link.name, self._link.generation, entry.task_id))
                else:
                    self._record(entry)
                    self._budget.release(size_bytes(entry.answer.page))
                del entry
            for recorder in self._recorders.values():
                recorder.close()
        except StorageError as err:
            self._sender.send(SpoolBlocked(self._link.name, self._link.generation, str(err)))
            self._sender.drain()
            os._exit(int(err.exit_code))
        except BaseException:
            logger.exception("the recorder failed")
            os._exit(1)

    def _recorder(self, task: Task) -> Recorder:
        if task.task_id not in self._recorders:
            plan = self._plan
            self._recorders[task.task_id] = Recorder(task, plan.fingerprint, plan.formats, plan.visualization_dpi)
        return self._recorders[task.task_id]

    def _record(self, timed: _Timed) -> None:
        name, generation = self._link.name, self._link.generation
        answer, begun = timed.answer, time.monotonic()
        task, outcome = answer.task, answer.outcome
        failure = self._recorder(task).record(answer)
        if failure is not None:
            labels = {"document": task.document.source, "page": failure.page_no, "attempt": task.task_id}
            get_logger(__name__, **labels).warning("%s %s", failure.message, failure.detail)
            self._sender.send(PageMissed(name, generation, task.task_id, failure, timed.seconds))
            return
        blank = isinstance(outcome, PageResult) and not outcome.blocks
        times = PageTimes(answer.render_s, answer.queue_wait_s, timed.seconds, time.monotonic() - begun)
        self._sender.send(PageRecorded(name, generation, task.task_id, outcome.page_no, blank, times))
