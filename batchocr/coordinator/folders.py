"""Has the folders of documents written, a few at a time.

Documents whose pages are read wait in the ledger for the finisher, so that it may fall behind as far as it likes.
"""

from __future__ import annotations

import uuid

from batchocr.coordinator.context import RunContext
from batchocr.coordinator.intake import Intake
from batchocr.coordinator.recall import segments_of
from batchocr.coordinator.spools import Spools
from batchocr.coordinator.unchanged import CHANGED, is_unchanged
from batchocr.datatypes import Assembly
from batchocr.errors import FailureKind, StorageError
from batchocr.executors.base import Executor
from batchocr.ledger.documents import Stage, StagedRow
from batchocr.ledger.ledger import Ledger
from batchocr.logs import get_logger
from batchocr.worker.messages import Assembled, AssemblyFailed

FOLDERS_AHEAD = 32


class Folders:
    """The documents of one run from their last page to their folder.

    Attributes:
        waiting: documents that wait for their folder, those in the finisher's hands among them.
        spools: of contents whose folders are written.
    """

    def __init__(self, context: RunContext, executor: Executor, ledger: Ledger, intake: Intake) -> None:
        self._context = context
        self._executor = executor
        self._ledger = ledger
        self._intake = intake
        self._writing: dict[int, StagedRow] = {}
        self._engine = context.engine_record()
        self.spools = Spools(context, ledger)
        self.waiting = 0

    @property
    def writing(self) -> bool:
        """The finisher has documents in hand."""
        return bool(self._writing)

    def add(self, documents: int) -> None:
        """Takes note of so many documents that wait for their folder now."""
        self.waiting += documents

    def advance(self) -> None:
        """Gives the finisher what it has room for."""
        room = FOLDERS_AHEAD - len(self._writing)
        if self.waiting <= len(self._writing) or room < FOLDERS_AHEAD // 2:
            return
        for row in self._ledger.take_staged(Stage.READ, Stage.WRITING, room):
            if not is_unchanged(self._intake.path(row), row.identity):
                self._ledger.fail_document(row.document_id, FailureKind.DOCUMENT_CHANGED, CHANGED)
                self._end()
                continue
            self._writing[row.document_id] = row
            self._executor.assemble(self._assembly(row))

    def end_assembly(self, event: Assembled | AssemblyFailed) -> None:
        """Takes the finisher's answer.

        Raises:
            StorageError: the output cannot be written; no further document could be.
        """
        row = self._writing.pop(event.document_id)
        if isinstance(event, Assembled):
            self._ledger.record_commit(event.document_id, event.commit_id, event.write_s)
            if self._intake.finished:  # those written before that are found on the disk
                self.spools.note(row.content_id, row.sha256)
        elif event.kind is FailureKind.OUTPUT_ERROR:
            raise StorageError(event.message)
        else:
            get_logger(__name__, document=self._intake.source(row)).warning("%s", event.message)
            self._ledger.fail_document(event.document_id, event.kind, event.message)
        self._end()

    def _end(self) -> None:
        self.waiting -= 1
        self._intake.ended += 1

    def _assembly(self, row: StagedRow) -> Assembly:
        context, reference = self._context, self._intake.reference(row)
        return Assembly(
            document_id=row.document_id,
            source=reference.source,
            folder=row.folder,
            output=str(context.output),
            state_dir=str(context.commit_dir),
            commit_id=uuid.uuid4().hex,
            sha256=row.sha256,
            size_bytes=row.identity.size_bytes,
            format=reference.format,
            page_count=row.page_count,
            page_nos=self._intake.asked(row.page_count),
            failed=self._ledger.failed_pages(row.content_id),
            segments=segments_of(context.spool(row.sha256)),
            formats=context.settings.formats,
            page_markers=context.settings.page_markers,
            join_tables=context.settings.join_tables,
            relevel_titles=context.settings.relevel_titles,
            fingerprint=context.fingerprint,
            engine=self._engine,
            dpi=context.settings.dpi,
            visualization_dpi=context.settings.visualization_dpi,
            force=context.settings.force,
        )
