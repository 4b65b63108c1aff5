"""What becomes of pages, contents and documents: every change goes into the ledger first, then onwards.

The loop tells what happened to a page; from here pages go back into the backlog, documents to the finisher, and spools
away once nothing needs them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from batchocr.coordinator import retry
from batchocr.coordinator.contents import Content
from batchocr.coordinator.context import RunContext
from batchocr.coordinator.dispatch import Dispatcher
from batchocr.coordinator.folders import Folders
from batchocr.coordinator.intake import Intake
from batchocr.coordinator.policy import TimeBudget
from batchocr.coordinator.pool import Lent
from batchocr.coordinator.unchanged import CHANGED, is_unchanged
from batchocr.datatypes import AttemptState, PageFailure, PageState, PageTimes
from batchocr.errors import FailureKind, RunFailedError
from batchocr.executors.base import Executor
from batchocr.ledger.ledger import Ledger
from batchocr.logs import SHOWN, get_logger
from batchocr.worker.messages import Assembled, AssemblyFailed

# Pages at hand: so many tasks for each worker.
TASKS_AHEAD = 4
# Contents that are opened before the loop looks at its events again.
OPENED_AT_ONCE = 64


class Books:
    """The pages, contents and documents of one run.

    Attributes:
        intake: where documents come from.
        dispatch: pages to hand out.
        pages_done: pages with a result.
        pages_failed: pages given up.
    """

    def __init__(self, context: RunContext, executor: Executor, ledger: Ledger) -> None:
        settings = context.settings
        self._context = context
        self._ledger = ledger
        self._pages_opened = 0
        self._window_pages = TASKS_AHEAD * settings.task_pages * len(context.devices) * settings.workers_per_device
        self.intake = Intake(context, ledger)
        budget = None if settings.time_budget is None else context.begun + settings.time_budget
        self.dispatch = Dispatcher(settings.task_pages, settings.order, TimeBudget(budget), context.engine.in_flight)
        self.folders = Folders(context, executor, ledger, self.intake)
        self.pages_done = 0
        self.pages_failed = 0

    @property
    def finished(self) -> bool:
        """Every document has come to its end."""
        return self.intake.finished and self.intake.ended == self.intake.documents

    @property
    def pages_total(self) -> int:
        """Pages that this run has to read, as far as they are counted."""
        return self._pages_opened + self.intake.pages_counted

    def advance(self) -> None:
        """Takes contents in hand until there is enough to lend, and has folders written."""
        backlog = self.dispatch.backlog
        for _ in range(OPENED_AT_ONCE):
            wanted = backlog.wants(self._window_pages)
            if wanted == "nothing":
                break
            content = self.intake.open_next(self._context.settings.task_pages if wanted == "short" else None)
            if content is None:
                break
            self._pages_opened += len(content.pending) + len(content.alone)
            if content.resolved:
                self._finish_content(content)
            else:
                backlog.add(content)
        self.dispatch.elsewhere = self.intake.pages_left
        self.folders.advance()
        self.dispatch.folders = self.folders.waiting

    def record_page(self, lent: Lent, page_no: int, *, blank: bool, times: PageTimes) -> None:
        """Takes a page that is in the spool, and where its time went."""
        content = lent.content
        content.seconds += times.recognize_s
        content.unloadable = 0
        state = PageState.BLANK if blank else PageState.DONE
        self._ledger.record_page(content.content_id, page_no, state, times)
        self.pages_done += 1
        self._settle(content, page_no)

    def refuse_page(self, lent: Lent, failure: PageFailure, alive: Collection[str]) -> None:
        """Takes a page that has no result; some failures are about more than their page.

        Args:
            lent: the task.
            failure: of the page.
            alive: the devices that pages may still be lent to.
        """
        content = lent.content
        if retry.ends_document(failure.kind) and not is_unchanged(content.reference.path, content.reference.identity):
            failure = replace(failure, kind=FailureKind.DOCUMENT_CHANGED, message=CHANGED)
        self.miss_page(lent, failure.page_no, AttemptState.FAILED, failure.kind, failure.message, alive)
        if failure.kind is FailureKind.PAGE_RENDER_FAILED:
            content.unloadable += 1
            if content.unloadable >= retry.UNLOADABLE_PAGES_IN_A_ROW:
                self._give_up_rest(content, failure.kind, failure.message)
        elif retry.ends_document(failure.kind):
            self._fail_content(content, failure.kind, failure.message)

    def miss_page(
        self,
        lent: Lent,
        page_no: int,
        state: AttemptState,
        kind: FailureKind,
        message: str,
        alive: Collection[str] = (),
    ) -> None:
        """Counts a failed try of a page; it is tried again alone, or given up."""
        content = lent.content
        self._ledger.record_page_attempt(lent.task.task_id, page_no, state, kind, message)
        attempts = content.attempts[page_no] = content.attempts.get(page_no, 0) + 1
        self._ledger.count_attempts(content.content_id, page_no, attempts)
        if kind is FailureKind.ENGINE_OUT_OF_MEMORY:
            content.out_of_memory.setdefault(page_no, []).append(lent.device)
        elsewhere = not set(alive) <= set(content.out_of_memory.get(page_no, ()))
        again = retry.try_again(kind, attempts, self._context.settings.max_attempts, elsewhere=elsewhere)
        get_logger(__name__, document=content.reference.source, page=page_no, attempt=lent.task.task_id).info(
            "%s: %s (%s)", kind.value, message, "tried again alone" if again else "given up", extra={SHOWN: True}
        )
        if again:
            self.give_back(content, [page_no], alone=True)
        elif page_no in content.lent:
            self._fail_page(content, page_no, kind, message)
            self._settle(content, page_no)

    def _fail_page(self, content: Content, page_no: int, kind: FailureKind, message: str) -> None:
        content.failed[page_no] = (kind, message)
        self.pages_failed += 1
        self._ledger.fail_page(content.content_id, page_no, kind, message)
        self._check_budget()

    def _check_budget(self) -> None:
        """Stops the run when too much fails; a share is judged once all pages are counted."""
        limit = self._context.settings.fail_on
        budget = self._context.settings.failure_budget(self.pages_total)
        counted = self.intake.finished or (limit is not None and not limit.endswith("%"))
        if budget is not None and counted and self.pages_failed > budget:
            failed = "1 page has" if self.pages_failed == 1 else f"{self.pages_failed} pages have"
            raise RunFailedError(
                f"{failed} failed, more than --fail-on {limit} allows. What was read is kept: "
                "see `batchocr status` for the reasons, then run the same command again to go on."
            )

    def give_back(self, content: Content, page_nos: Iterable[int], *, alone: bool = False) -> None:
        """Takes lent pages back, unless their content was given up meanwhile."""
        wanted = set(page_nos) & content.lent
        if content.overdue:
            for page_no in sorted(wanted):
                self._fail_page(content, page_no, FailureKind.TIMEOUT, content.overdue)
                self._settle(content, page_no)
        elif not content.ended and wanted:
            self.dispatch.backlog.give_back(content, wanted, alone=alone)

    def _settle(self, content: Content, page_no: int) -> None:
        content.lent.discard(page_no)
        if content.resolved:
            self._finish_content(content)

    def end_overdue(self, content: Content, message: str) -> None:
        """Gives up what is left of a document whose time is up; pages that workers have fail when they come back."""
        content.overdue = message
        self._give_up_rest(content, FailureKind.TIMEOUT, message)

    def _give_up_rest(self, content: Content, kind: FailureKind, message: str) -> None:
        """Fails every page that is not lent."""
        for page_no in [*content.pending, *content.alone]:
            self._fail_page(content, page_no, kind, message)
        self.dispatch.backlog.drop(content)
        if content.resolved:
            self._finish_content(content)

    def _fail_content(self, content: Content, kind: FailureKind, message: str) -> None:
        """Fails every document of a content at once."""
        if content.ended:
            return
        self.dispatch.backlog.drop(content)
        content.lent.clear()
        content.ended = True
        self.intake.ended += self._ledger.end_without_folder(content.content_id, (kind, message))

    def _finish_content(self, content: Content) -> None:
        """Every page is read or given up: its folders can be written, unless there is nothing to put into them."""
        if content.ended:
            return
        content.ended = True
        if content.all_failed:
            self.intake.ended += self._ledger.end_without_folder(content.content_id, None)
        else:
            self.folders.add(self._ledger.end_reading(content.content_id))

    def end_assembly(self, event: Assembled | AssemblyFailed) -> None:
        """Takes the finisher's answer.

        Raises:
            StorageError: the output cannot be written; no further document could be.
        """
        self.folders.end_assembly(event)
        if isinstance(event, Assembled):
            self.dispatch.budget.learn_folder(event.write_s)
