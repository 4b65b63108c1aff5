"""The worker's process: one engine on one device, fed by a renderer of its own.

Threads work side by side, so that the device waits for neither rendering nor encoding nor disk: the receiver takes
tasks, the feeder renders their pages ahead, the main thread recognizes, the recorder encodes and writes.
The process leaves by `os._exit`: engines keep threads that would never end.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from batchocr.datatypes import PageFailure, Task
from batchocr.documents.client import DocumentChild
from batchocr.errors import BatchOcrError
from batchocr.logs import MainThreadFields, child_logging
from batchocr.pipeline import Answer, OpenPages, TaskPage
from batchocr.worker.child import Boot, boot
from batchocr.worker.memory import MemoryWatch
from batchocr.worker.messages import EXIT_DEVICE_LOST, EXIT_RECYCLED, WorkerReady, WorkerRefused, WorkPlan
from batchocr.worker.open_pages import OpenPagesNote
from batchocr.worker.page_budget import PageBudget
from batchocr.worker.page_stream import PageStream
from batchocr.worker.printed import Printed
from batchocr.worker.recording import Recording, Sender
from batchocr.worker.session import EngineSession

logger = logging.getLogger(__name__)


class _Work:
    """Recognizes tasks until told to leave; an engine that works on many pages at once gets those of several tasks."""

    def __init__(
        self,
        link: Boot,
        plan: WorkPlan,
        session: EngineSession,
        source: DocumentChild,
        sender: Sender,
        printed: Printed,
    ) -> None:
        self._draining = link.draining
        self._session = session
        self._many = plan.engine.in_flight > 1
        self._source = source
        budget = PageBudget(plan.prefetch_bytes)
        self._stream = PageStream(link, plan, self._source, budget, sender.send)
        self._recording = Recording(link, plan, sender, budget)
        self._memory = MemoryWatch(link.max_rss_bytes)
        self._note = OpenPagesNote(link.open_pages)
        self._printed = printed
        self._tasks: dict[int, Task] = {}
        self._unanswered: Counter[int] = Counter()
        self._given: dict[int, Task] = {}
        self._starved_s = 0.0

    def run(self) -> int:
        """Gives the exit code."""
        code = 0
        while code == 0 and not self._draining.is_set() and (task := self._stream.next_task()) is not None:
            begun, self._starved_s = time.monotonic(), 0.0
            for answer in self._session.run(self._pages(), self._opened, fresh_engine=task.fresh_engine):
                code = self._take(answer, time.monotonic() - begun - self._starved_s) or code
                del answer  # or its page would be held while the engine has the next one
                begun, self._starved_s = time.monotonic(), 0.0
            self._session.release_memory()
        self._recording.close()
        self._source.close()
        self._opened(())
        self._note.close()
        return code

    def _opened(self, pages: OpenPages) -> None:
        """Takes which pages the engine holds now, after it has logged what was printed with those before."""
        self._printed.turn([(self._tasks[task_id], page_no) for task_id, page_no in pages])
        self._note.note(pages, self._printed.read_to)

    def _pages(self) -> Iterator[TaskPage | None]:
        asked = time.monotonic()
        for page in self._stream.pages(self._end_given, many=self._many):
            if not self._unanswered.total():  # the engine has no page to work on meanwhile
                self._starved_s += time.monotonic() - asked
            if page is not None:
                self._unanswered[page.task.task_id] += 1
                self._tasks[page.task.task_id] = page.task
            yield page
            del page
            asked = time.monotonic()

    def _take(self, answer: Answer, seconds: float) -> int:
        """Hands an answer on; gives the exit code if the worker must leave."""
        outcome = answer.outcome
        if isinstance(outcome, PageFailure) and outcome.blameless:
            self._draining.set()
            return EXIT_DEVICE_LOST  # not reported, so the page goes back as if it had never been lent
        self._recording.put(answer, seconds)
        number = answer.task.task_id
        self._unanswered[number] -= 1
        if number in self._given and not self._unanswered[number]:
            self._end(self._given.pop(number))
            self._session.release_memory()
        if isinstance(outcome, PageFailure) and outcome.fatal:
            self._draining.set()
            return EXIT_DEVICE_LOST
        if self._memory.is_full(self._session.release_memory):
            self._draining.set()  # pages in hand are still answered
            return EXIT_RECYCLED
        return 0

    def _end_given(self, task: Task) -> None:
        """Ends a task whose pages were all given to the engine, at once or when the last is answered."""
        if self._unanswered[task.task_id]:
            self._given[task.task_id] = task
        else:
            self._end(task)

    def _end(self, task: Task) -> None:
        del self._unanswered[task.task_id]
        self._tasks.pop(task.task_id, None)
        self._recording.end(task)


def main() -> None:
    """Runs one worker from its boot message to its last task."""
    link = boot()
    plan = link.next_order()
    assert isinstance(plan, WorkPlan)
    here = MainThreadFields()
    fields = {"run": plan.run_id, "worker": link.name, "device": link.device_name}
    child_logging(link.name, plan.log_dir, plan.log_level, here, **fields)
    printed = Printed(link.printed, link.printed_from, here)
    sender = Sender(link.outbox)
    session = EngineSession(plan, link.device)
    # The renderer is pages ahead of the engine: what it prints must not be taken for the engine's.
    chatter = Path(link.printed.removesuffix(".stderr.log") + ".renderer.stderr.log").open("ab")  # noqa: SIM115
    source = DocumentChild(plan.limits, f"renderer of {link.name}", chatter)
    if plan.engine.needs_image:
        source.start()  # beside the engine's loading
    begun = time.monotonic()
    try:
        session.load()
    except Exception as err:  # an engine that cannot load ends its worker, whatever it raises
        logger.exception("the engine cannot be loaded")
        printed.turn(())
        words = str(err) if isinstance(err, BatchOcrError) else f"{type(err).__name__}: {err}"
        sender.send(WorkerRefused(link.name, link.generation, words))
        sender.drain()
        os._exit(4)
    sender.send(WorkerReady(link.name, link.generation, time.monotonic() - begun))
    try:
        code = _Work(link, plan, session, source, sender, printed).run()
    except BaseException:
        logger.exception("the worker failed")
        os._exit(1)
    os._exit(code)
