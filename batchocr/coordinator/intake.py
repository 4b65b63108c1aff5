"""Takes in the inputs: meets each document in the ledger, has it probed if need be, and opens its content.

What was finished before is passed over; what a run that died had recorded is found again in the spool.
"""

from __future__ import annotations

import heapq
import itertools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from batchocr.coordinator.contents import Content, OpenDocument
from batchocr.coordinator.context import RunContext
from batchocr.datatypes import (
    DocumentFormat,
    DocumentRef,
    FileIdentity,
    FoundFolder,
    PageRanges,
    PageState,
    RefusedFile,
    SourceFile,
)
from batchocr.documents.discovery import discover
from batchocr.errors import FailureKind
from batchocr.ledger.ledger import DocumentRow, Ledger
from batchocr.outputs.manifest import read_manifest
from batchocr.outputs.paths import folder_names
from batchocr.outputs.spool import read_segment
from batchocr.worker.messages import ProbeOrder

PROBES_AHEAD = 4

# Page number to what a manifest says of it: state, why it failed, in words.
Listed: TypeAlias = dict[int, tuple[PageState, FailureKind | None, str]]


class Intake:
    """The documents of one run on their way to being contents with pages."""

    def __init__(self, context: RunContext, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger
        self._folders = discover(context.settings.inputs, excluded=[context.output])
        self._to_probe: list[tuple[int, int, OpenDocument]] = []
        self._order = itertools.count()
        self._probing: dict[int, OpenDocument] = {}
        self.contents: dict[int, Content] = {}
        self.finished_before: dict[int, Content] = {}
        self.documents = 0
        self.skipped = 0
        self.ended = 0

    @property
    def finished(self) -> bool:
        """Every document is known."""
        return not self._to_probe and not self._probing

    def discover(self) -> Iterator[Content]:
        """Meets every document among the inputs; gives the contents that can be opened without probing.

        Raises:
            InputError: an input does not exist.
        """
        for folder in self._folders:
            names = folder_names(
                folder.root.label, folder.parent, [_name(file) for file in folder.files], list(folder.names)
            )
            for file in folder.files:
                content = self._meet(file, names[_name(file)])
                if content is not None:
                    yield content
            for refused in folder.refused:
                self._refuse(folder, refused)

    def probe_orders(self) -> Iterator[ProbeOrder]:
        """Gives the documents to probe next, biggest first, a few at a time."""
        while self._to_probe and len(self._probing) < PROBES_AHEAD:
            _, _, document = heapq.heappop(self._to_probe)
            self._probing[document.document_id] = document
            yield ProbeOrder(document.document_id, document.path, document.password)

    def probed(
        self, document_id: int, sha256: str, format_: DocumentFormat, page_count: int, identity: FileIdentity
    ) -> Content | None:
        """Takes the prober's answer; gives the document's content unless there is nothing to do on it."""
        document = self._probing.pop(document_id)
        document.identity = identity
        return self._open(document, sha256, format_, page_count)

    def probe_failed(self, document_id: int, kind: FailureKind, message: str) -> None:
        """Takes the prober's refusal: the document has failed."""
        self._probing.pop(document_id)
        self._ledger.fail_document(document_id, kind, message)
        self.ended += 1

    # --- meeting documents ---

    def _meet(self, file: SourceFile, folder: str) -> Content | None:
        context = self._context
        source = f"{file.root.label}/{file.relative}" if file.root.label else file.relative
        self.documents += 1
        row = self._ledger.meet_document(
            context.run_id, context.relative(file.root.path), file, source, folder, context.fingerprint
        )
        password = context.passwords.password_for(source) if context.passwords else None
        document = OpenDocument(row.document_id, source, file.path, folder, file.identity, password)
        if row.page_count is None or row.format is None or context.settings.verify_inputs:
            heapq.heappush(self._to_probe, (-file.identity.size_bytes, next(self._order), document))
            return None
        return self._open(document, row.sha256, row.format, row.page_count)

    def _refuse(self, folder: FoundFolder, refused: RefusedFile) -> None:
        """Records a file that must not be touched as a document that failed, so that nobody has to search for it."""
        nothing = FileIdentity(0, 0, 0)
        file = SourceFile(refused.root, refused.relative, "", nothing)
        source = f"{refused.root.label}/{refused.relative}" if refused.root.label else refused.relative
        context = self._context
        row: DocumentRow = self._ledger.meet_document(
            context.run_id, context.relative(folder.root.path), file, source, "", context.fingerprint
        )
        self._ledger.fail_document(row.document_id, FailureKind.DOCUMENT_UNREADABLE, refused.reason)
        self.documents += 1
        self.ended += 1

    # --- opening contents ---

    def _open(self, document: OpenDocument, sha256: str, format_: DocumentFormat, page_count: int) -> Content | None:
        context = self._context
        asked = _clip(context.settings.page_ranges(), page_count)
        if not len(asked):
            message = f"it has {page_count} page(s), none of them among --pages {context.settings.pages}"
            self._ledger.fail_document(document.document_id, FailureKind.DOCUMENT_UNREADABLE, message)
            self.ended += 1
            return None
        content_id, new = self._ledger.set_content(
            document.document_id, sha256, context.fingerprint, format_, page_count, document.identity, asked
        )
        if content_id in self.contents:
            self.contents[content_id].documents.append(document)
            return self.contents[content_id]
        reference = DocumentRef(
            document.path, document.source, sha256, document.identity, format_, page_count, document.password
        )
        content = Content(content_id, reference, asked, str(context.spool(sha256)))
        self._recall(content, document, new=new)
        if not content.documents:  # its folder stands, and nothing is left to do
            self._note_spool(content)
            self._ledger.skip_document(document.document_id)
            self.skipped += 1
            self.ended += 1
            return None
        self.contents[content_id] = content
        return content

    def _note_spool(self, content: Content) -> None:
        """Remembers a finished content whose spool a run that died has left behind."""
        rows = self._ledger.page_rows(content.content_id) if Path(content.spool).is_dir() else []
        if rows and not any(row.state is PageState.FAILED for row in rows):
            content.committed = True
            self.finished_before[content.content_id] = content

    def _recall(self, content: Content, document: OpenDocument, *, new: bool) -> None:
        """Fills in what earlier runs have done on a content; leaves it without documents if that is everything."""
        context = self._context
        target = context.output / document.folder
        if context.settings.force:
            shutil.rmtree(content.spool, ignore_errors=True)
            self._ledger.record_pages(content.content_id, content.page_nos, PageState.PENDING)
        elif self._folder_stands(content, document, target, new=new):
            return
        else:
            self._compare_with_spool(content)
        for row in self._ledger.page_rows(content.content_id):
            if row.state is PageState.PENDING:
                (content.alone if row.attempts else content.pending).append(row.page_no)
                content.attempts[row.page_no] = row.attempts
            elif row.state is PageState.FAILED and row.kind is not None:
                content.failed[row.page_no] = (row.kind, row.message)
        content.documents.append(document)

    def _folder_stands(self, content: Content, document: OpenDocument, target: Path, *, new: bool) -> bool:
        """Tells whether the document's committed folder is what this run would give; a lost ledger learns of it."""
        manifest = read_manifest(target)
        if manifest is None or (manifest.get("sha256"), manifest.get("fingerprint")) != (
            content.reference.sha256,
            self._context.fingerprint,
        ):
            return False
        listed = _listed(manifest, content.reference.page_count)
        if listed is None:
            return False
        if new:
            self._learn(content, listed)
        self._reset_failed(content)
        rows = self._ledger.page_rows(content.content_id)
        if any(row.state is PageState.PENDING for row in rows):
            return False
        failed = {row.page_no for row in rows if row.state is PageState.FAILED}
        if failed != {page_no for page_no, (state, *_) in listed.items() if state is PageState.FAILED}:
            return False
        self._ledger.record_commit(document.document_id, manifest["commit_id"])
        return True

    def _learn(self, content: Content, listed: Listed) -> None:
        """Takes from a manifest what the ledger does not know."""
        for state in (PageState.DONE, PageState.BLANK):
            page_nos = [page_no for page_no, entry in listed.items() if entry[0] is state]
            self._ledger.record_pages(content.content_id, page_nos, state)
        for page_no, (_, kind, message) in listed.items():
            if kind is not None:
                self._ledger.fail_page(content.content_id, page_no, kind, message)

    def _reset_failed(self, content: Content) -> None:
        """Makes failed pages pending again if this run is a retry of their kind."""
        kinds = self._context.retry_kinds
        if kinds is not None:
            rows = self._ledger.page_rows(content.content_id)
            again = [row.page_no for row in rows if row.state is PageState.FAILED and row.kind in kinds]
            self._ledger.record_pages(content.content_id, again, PageState.PENDING)

    def _compare_with_spool(self, content: Content) -> None:
        """Believes the spool, not the ledger: a kill may have cut off either, and only the spool holds the pages."""
        self._reset_failed(content)
        wanted = {"sha256": content.reference.sha256, "fingerprint": self._context.fingerprint}
        stored: dict[int, PageState] = {}
        for path in sorted(Path(content.spool).glob("*.seg")):
            segment = read_segment(path)
            if {key: segment.header.get(key) for key in wanted} == wanted:
                stored.update({page.page_no: PageState(page.meta["state"]) for page in segment})
        rows = self._ledger.page_rows(content.content_id)
        gone = [r.page_no for r in rows if r.state in {PageState.DONE, PageState.BLANK} and r.page_no not in stored]
        self._ledger.record_pages(content.content_id, gone, PageState.PENDING)
        for state in (PageState.DONE, PageState.BLANK):
            found = [r.page_no for r in rows if stored.get(r.page_no) is state and r.state is not state]
            self._ledger.record_pages(content.content_id, found, state)


def _listed(manifest: Mapping[str, Any], page_count: int) -> Listed | None:
    """Gives what a manifest says of its pages, or None if that makes no sense: somebody has edited it."""
    listed: Listed = {}
    try:
        for state in (PageState.DONE, PageState.BLANK):
            for first, last in manifest[state.value]:
                listed.update(dict.fromkeys(range(first, min(last, page_count) + 1), (state, None, "")))
        for entry in manifest["failed"]:
            failed = (PageState.FAILED, FailureKind(entry["kind"]), str(entry["message"]))
            listed.update(dict.fromkeys(range(entry["first_page"], min(entry["last_page"], page_count) + 1), failed))
    except (KeyError, TypeError, ValueError):
        return None
    return listed


def _name(file: SourceFile) -> str:
    return file.relative.rpartition("/")[2]


def _clip(asked: PageRanges | None, page_count: int) -> PageRanges:
    """Gives the pages asked for (None: all) that a document has."""
    if asked is None:
        return PageRanges(((1, page_count),))
    return PageRanges(tuple((first, min(last, page_count)) for first, last in asked.ranges if first <= page_count))
