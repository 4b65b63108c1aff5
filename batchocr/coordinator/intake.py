"""Takes in the inputs: discovery streams documents into the ledger, where they wait to be probed and to be read.

Only what is in hand is in memory. What was finished before is passed over as it is met.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from batchocr.coordinator.contents import Content
from batchocr.coordinator.context import RunContext
from batchocr.coordinator.policy import rank_of
from batchocr.coordinator.recall import Recall
from batchocr.coordinator.sharding import in_shard
from batchocr.datatypes import (
    DocumentRef,
    FileIdentity,
    FoundFolder,
    InputRoot,
    PageRanges,
    PageState,
    Probe,
    RefusedFile,
    SourceFile,
    counted,
)
from batchocr.documents.discovery import discover
from batchocr.errors import FailureKind
from batchocr.ledger.documents import Stage, StagedRow
from batchocr.ledger.ledger import Ledger
from batchocr.outputs.paths import folder_names
from batchocr.worker.messages import ProbeOrder

PROBES_AHEAD = 16


class Intake:
    """The documents of one run on their way to being contents with pages.

    Attributes:
        documents: that were found so far.
        skipped: of them, finished before this run.
        ended: of them, on which nothing is left to do.
        pages_counted: pages of documents that wait to be opened.
        walked: every document among the inputs was found.
        limited: there are more, but the user wants no more of them.
    """

    def __init__(self, context: RunContext, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger
        self._recall = Recall(context, ledger)
        self._walk = self._meet_all()
        self._roots: dict[int, InputRoot] = {}
        self._root_ids: dict[InputRoot, int] = {}
        self._probing: dict[int, StagedRow] = {}
        self._taken = 0
        self._to_probe = 0
        self._to_open = 0
        self.documents = 0
        self.skipped = 0
        self.ended = 0
        self.pages_counted = 0
        self.walked = False
        self.limited = False

    @property
    def finished(self) -> bool:
        """Every document is known."""
        return self.walked and not self._to_probe

    @property
    def pages_left(self) -> int:
        """Pages of documents that wait here, as far as known: at least one of each that is not counted."""
        return self.pages_counted + self._to_probe

    def discover(self, budget_s: float) -> bool:
        """Meets further documents among the inputs for so long, s; tells whether that was the last of them.

        Raises:
            InputError: an input does not exist.
        """
        until = time.monotonic() + budget_s
        while not self.walked and time.monotonic() < until:
            self.walked = next(self._walk, None) is None
        return self.walked

    def probe_orders(self) -> Iterator[ProbeOrder]:
        """Gives the documents to probe next, a few at a time."""
        room = PROBES_AHEAD - len(self._probing)
        if self._to_probe <= len(self._probing) or room < PROBES_AHEAD // 2:
            return
        for row in self._ledger.take_staged(Stage.FOUND, Stage.PROBING, room):
            self._probing[row.document_id] = row
            yield ProbeOrder(row.document_id, self.path(row), self._password(row))

    def probed(self, document_id: int, probe: Probe) -> None:
        """Takes the prober's answer."""
        row = self._probing.pop(document_id)
        self._to_probe -= 1
        self._queue(row, probe, commit_id=None)

    def probe_failed(self, document_id: int, kind: FailureKind, message: str) -> None:
        """Takes the prober's refusal: the document has failed."""
        del self._probing[document_id]
        self._to_probe -= 1
        self._ledger.fail_document(document_id, kind, message)
        self.ended += 1

    def open_next(self, pages_at_most: int | None = None) -> Content | None:
        """Takes the next content in hand, with what is left to do on it; None if none waits.

        Args:
            pages_at_most: take the shortest one instead, if it has no more pages than this.
        """
        if not self._to_open:
            return None
        if pages_at_most is None:
            rows = self._ledger.take_staged(Stage.COUNTED, Stage.READING, 1)
        else:
            rows = self._ledger.take_staged(Stage.COUNTED, Stage.READING, 1, last_from=-pages_at_most)
        if not rows:
            return None
        (row,) = rows
        self._to_open -= 1
        counted = self._ledger.count_pages(row.content_id).get(PageState.PENDING, 0)
        self.pages_counted -= counted
        content = Content(
            row.content_id,
            self.reference(row),
            self.asked(row.page_count),
            str(self._context.spool(row.sha256)),
            rank=row.rank,
        )
        self._recall.fill(content)
        return content

    # --- documents as others see them ---

    def source(self, row: StagedRow) -> str:
        """Gives a document's name."""
        label = self._roots[row.root_id].label
        return f"{label}/{row.relative}" if label else row.relative

    def path(self, row: StagedRow) -> str:
        """Gives a document's absolute path."""
        return os.path.join(self._roots[row.root_id].path, *row.relative.split("/"))  # noqa: PTH118 - may hold surrogates

    def reference(self, row: StagedRow) -> DocumentRef:
        """Gives how a child opens a document that was probed."""
        assert row.format is not None
        return DocumentRef(
            self.path(row), self.source(row), row.sha256, row.identity, row.format, row.page_count, self._password(row)
        )

    def asked(self, page_count: int) -> PageRanges:
        """Gives the pages asked for that a document of so many pages has."""
        asked = self._context.settings.page_ranges()
        if asked is None:
            return PageRanges(((1, page_count),))
        return PageRanges(tuple((first, min(last, page_count)) for first, last in asked.ranges if first <= page_count))

    def _password(self, row: StagedRow) -> str | None:
        passwords = self._context.passwords
        return passwords.password_for(self.source(row)) if passwords else None

    # --- meeting documents ---

    def _meet_all(self) -> Iterator[bool]:
        """Meets every document, one a step."""
        settings = self._context.settings
        for folder in discover(settings.inputs, excluded=[self._context.output]):
            names = folder_names(
                folder.root.label, folder.parent, [_name(file) for file in folder.files], list(folder.names)
            )
            for file in folder.files:
                target = self._target(file, names[_name(file)])
                if target is not None:
                    if settings.max_documents is not None and self._taken >= settings.max_documents:
                        self.limited = True
                        return
                    self._meet(file, target)
                yield True
            for refused in folder.refused:
                if self._context.choose is None and in_shard(refused.relative, settings.shard):
                    self._refuse(folder, refused)
                yield True

    def _target(self, file: SourceFile, folder: str) -> str | None:
        """Gives the output folder of a file, None if this run passes the file over."""
        if not in_shard(file.relative, self._context.settings.shard):
            return None
        choose = self._context.choose
        return folder if choose is None else choose(file, folder)

    def _meet(self, file: SourceFile, folder: str) -> None:
        context = self._context
        source = f"{file.root.label}/{file.relative}" if file.root.label else file.relative
        self.documents += 1
        rank = rank_of(context.settings.order, self.documents, file.identity.size_bytes)
        met = self._ledger.meet_document(
            context.run_id, self._root_id(file.root), file, source, folder, context.fingerprint, rank
        )
        if met.page_count is None or met.format is None or context.settings.verify_inputs:
            self._to_probe += 1
            self._taken += 1
            return
        row = StagedRow(met.document_id, met.root_id, file.relative, folder, file.identity, rank)
        if self._queue(row, Probe(met.sha256, file.identity, met.format, met.page_count), met.commit_id):
            self._taken += 1

    def _refuse(self, folder: FoundFolder, refused: RefusedFile) -> None:
        """Records a file that must not be touched as a document that failed, so that nobody has to search for it."""
        file = SourceFile(refused.root, refused.relative, "", FileIdentity(0, 0, 0))
        source = f"{refused.root.label}/{refused.relative}" if refused.root.label else refused.relative
        context = self._context
        met = self._ledger.meet_document(
            context.run_id, self._root_id(folder.root), file, source, "", context.fingerprint
        )
        self._ledger.fail_document(met.document_id, FailureKind.DOCUMENT_UNREADABLE, refused.reason)
        self.documents += 1
        self.ended += 1

    def _root_id(self, root: InputRoot) -> int:
        if root not in self._root_ids:
            number = self._ledger.root_id(self._context.relative(root.path))
            self._root_ids[root] = number
            self._roots[number] = root
        return self._root_ids[root]

    def _queue(self, row: StagedRow, probe: Probe, commit_id: str | None) -> bool:
        """Lets a document wait for its pages; False if there is nothing to do on it.

        Args:
            row: the document.
            probe: what is known of it.
            commit_id: of its folder, as the ledger knows it.
        """
        context, ledger = self._context, self._ledger
        asked = self.asked(probe.page_count)
        if not len(asked):
            message = f"it has {counted(probe.page_count, 'page')}, none of them among --pages {context.settings.pages}"
            ledger.fail_document(row.document_id, FailureKind.DOCUMENT_UNREADABLE, message)
            self.ended += 1
            return False
        content_id, new = ledger.set_content(
            row.document_id, probe.sha256, context.fingerprint, probe.format, probe.page_count, probe.identity, asked
        )
        self._recall.begin_content(content_id, probe.sha256)
        if not context.settings.force and self._recall.folder_stands(row, probe, content_id, commit_id, new=new):
            ledger.skip_document(row.document_id)
            self.skipped += 1
            self.ended += 1
            return False
        pending = ledger.count_pages(content_id).get(PageState.PENDING, 0)
        rank = rank_of(context.settings.order, row.rank, pending)
        if ledger.queue_document(row.document_id, content_id, rank):
            self.pages_counted += pending
            self._to_open += 1
        return True


def _name(file: SourceFile) -> str:
    return file.relative.rpartition("/")[2]
