"""What becomes of pages, contents and documents: every change goes into the ledger first, then onwards.

The loop tells what happened to a page; from here pages go back into the backlog, documents to the finisher, and spools
away once nothing needs them.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from batchocr.coordinator import retry
from batchocr.coordinator.contents import Backlog, Content, OpenDocument
from batchocr.coordinator.context import RunContext
from batchocr.coordinator.intake import Intake
from batchocr.coordinator.pool import Lent
from batchocr.datatypes import Assembly, AttemptState, FileIdentity, PageFailure, PageState
from batchocr.errors import FailureKind, RunFailedError, StorageError
from batchocr.executors.base import Executor
from batchocr.ledger.ledger import Ledger
from batchocr.worker.messages import Assembled, AssemblyFailed, Probed

logger = logging.getLogger(__name__)

CHANGED = "the file was changed or removed while it was read; run again to read it as it is now"


class Books:
    """The pages, contents and documents of one run.

    Attributes:
        intake: where documents come from.
        backlog: pages to hand out.
        pages_total: pages that this run has to read, as far as they are counted.
        pages_done: pages with a result.
        pages_failed: pages given up.
    """

    def __init__(self, context: RunContext, executor: Executor, ledger: Ledger) -> None:
        self._context = context
        self._executor = executor
        self._ledger = ledger
        self._assembling: dict[int, tuple[Content, OpenDocument]] = {}
        self.intake = Intake(context, ledger)
        self.backlog = Backlog(context.settings.task_pages)
        self.pages_total = 0
        self.pages_done = 0
        self.pages_failed = 0

    @property
    def finished(self) -> bool:
        """Every document has come to its end."""
        return self.intake.finished and self.intake.ended == self.intake.documents

    def take_up(self, content: Content) -> None:
        """Puts a content's pages into the backlog, or its documents to the finisher if nothing is left to read."""
        if content.unusable is not None:
            self._fail_content(content, *content.unusable)
        elif content.resolved:
            self._finish_content(content)
        elif len(content.documents) == 1:
            self.pages_total += len(content.pending) + len(content.alone)
            self.backlog.add(content)

    def record_page(self, lent: Lent, page_no: int, *, blank: bool, seconds: float) -> None:
        """Takes a page that is in the spool; `seconds` is how long its recognition took."""
        content = lent.content
        content.seconds += seconds
        content.unloadable = 0
        self._ledger.record_pages(content.content_id, [page_no], PageState.BLANK if blank else PageState.DONE)
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
        if retry.ends_document(failure.kind) and not _unchanged(content.reference.path, content.reference.identity):
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
        if retry.try_again(kind, attempts, self._context.settings.max_attempts, elsewhere=elsewhere):
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
            raise RunFailedError(
                f"{self.pages_failed} pages have failed, more than --fail-on {limit} allows. What was read is kept: "
                "see `batchocr status` for the reasons, then run the same command again to go on."
            )

    def give_back(self, content: Content, page_nos: Iterable[int], *, alone: bool = False) -> None:
        """Takes lent pages back, unless their content was given up meanwhile."""
        wanted = set(page_nos) & content.lent
        if content.overdue:
            for page_no in sorted(wanted):
                self._fail_page(content, page_no, FailureKind.TIMEOUT, content.overdue)
                self._settle(content, page_no)
        elif content.documents and wanted:
            self.backlog.give_back(content, wanted, alone=alone)

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
        self.backlog.drop(content)
        if content.resolved:
            self._finish_content(content)

    def _fail_content(self, content: Content, kind: FailureKind, message: str) -> None:
        """Fails every document of a content at once."""
        self.backlog.drop(content)
        content.lent.clear()
        content.unusable = (kind, message)
        for document in content.documents:
            self._ledger.fail_document(document.document_id, kind, message)
            self.intake.ended += 1
        content.documents.clear()

    def _finish_content(self, content: Content) -> None:
        """Every page is read or given up: has the folders written, unless there is nothing to put into them."""
        documents, content.documents = content.documents, []
        for document in documents:
            if content.all_failed:
                self.intake.ended += 1
            elif not _unchanged(document.path, document.identity):
                self._ledger.fail_document(document.document_id, FailureKind.DOCUMENT_CHANGED, CHANGED)
                self.intake.ended += 1
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
            join_tables=context.settings.join_tables,
            relevel_titles=context.settings.relevel_titles,
        )

    def take_probe(self, event: Probed) -> None:
        """Takes the prober's answer: the document's pages are in the backlog now, unless there is nothing to do."""
        probe = event.probe
        content = self.intake.probed(event.document_id, probe.sha256, probe.format, probe.page_count, probe.identity)
        if content is not None:
            self.take_up(content)

    def end_assembly(self, event: Assembled | AssemblyFailed) -> None:
        """Takes the finisher's answer.

        Raises:
            StorageError: the output cannot be written; no further document could be.
        """
        content, document = self._assembling.pop(event.document_id)
        self.intake.ended += 1
        if isinstance(event, Assembled):
            self._ledger.record_commit(event.document_id, event.commit_id)
            content.committed = True
        elif event.kind is FailureKind.OUTPUT_ERROR:
            raise StorageError(event.message)
        else:
            logger.warning("%s: %s", document.source, event.message)
            self._ledger.fail_document(event.document_id, event.kind, event.message)
            content.uncommitted = True
        if self.intake.finished:  # otherwise an equal file may still turn up
            self._clear_spool(content)

    def clear_spools(self) -> None:
        """Deletes every spool that nothing needs any more."""
        if self.intake.finished:  # otherwise an equal file may still turn up
            for content in {**self.intake.finished_before, **self.intake.contents}.values():
                self._clear_spool(content)

    def _clear_spool(self, content: Content) -> None:
        """Deletes the pages of a content once every folder that holds them is committed; a retry wants the others."""
        waiting = content.documents or any(other is content for other, _ in self._assembling.values())
        whole = content.committed and not content.uncommitted and not content.failed
        if content.resolved and whole and not waiting:
            self._ledger.flush()  # first the ledger, then what cannot be taken back
            shutil.rmtree(content.spool, ignore_errors=True)


def _unchanged(path: str, identity: FileIdentity) -> bool:
    """Tells whether the file is still the one that was probed."""
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return FileIdentity(found.st_size, found.st_mtime_ns, found.st_ino) == identity
