"""What earlier runs have done: folders that stand, pages in the spool, failures to try again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from batchocr.coordinator.contents import Content
from batchocr.coordinator.context import RunContext
from batchocr.datatypes import PageState, Probe
from batchocr.errors import FailureKind
from batchocr.ledger.documents import StagedRow
from batchocr.ledger.ledger import Ledger
from batchocr.outputs.manifest import read_manifest
from batchocr.outputs.spool import read_segment

# Page number to what a manifest says of it: state, why it failed, in words.
Listed: TypeAlias = dict[int, tuple[PageState, FailureKind | None, str]]


class Recall:
    """Finds out what is left to do on documents and contents."""

    def __init__(self, context: RunContext, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger

    def begin_content(self, content_id: int, sha256: str) -> None:
        """Makes pages pending that this run is to read again; once for each content."""
        context = self._context
        if not self._ledger.take_content(context.run_id, content_id):
            return
        if context.settings.force:
            shutil.rmtree(context.spool(sha256), ignore_errors=True)
            page_nos = [row.page_no for row in self._ledger.page_rows(content_id)]
            self._ledger.record_pages(content_id, page_nos, PageState.PENDING)
        else:
            self._reset_failed(content_id)

    def folder_stands(self, row: StagedRow, probe: Probe, content_id: int, commit_id: str | None, *, new: bool) -> bool:
        """Tells whether a document's committed folder is what this run would give; a lost ledger learns of it.

        Args:
            row: the document.
            probe: what is known of it.
            content_id: its content.
            commit_id: of the folder as the ledger knows it.
            new: the ledger has not known the content.
        """
        manifest = read_manifest(self._context.output / row.folder)
        wanted = (probe.sha256, self._context.fingerprint)
        if manifest is None or (manifest.get("sha256"), manifest.get("fingerprint")) != wanted:
            return False
        listed = _listed(manifest, probe.page_count)
        if listed is None:
            return False
        if new:
            self._learn(content_id, listed)
            self._reset_failed(content_id)
        counts = self._ledger.count_pages(content_id)
        if counts.get(PageState.PENDING):
            return False
        failed = {page_no for page_no, (state, *_) in listed.items() if state is PageState.FAILED}
        if failed or counts.get(PageState.FAILED):
            rows = self._ledger.page_rows(content_id)
            if failed != {row.page_no for row in rows if row.state is PageState.FAILED}:
                return False
        if manifest["commit_id"] != commit_id:
            self._ledger.record_commit(row.document_id, manifest["commit_id"])
        return True

    def fill(self, content: Content) -> None:
        """Fills in what is left to do on a content that is taken in hand."""
        self._compare_with_spool(content)
        for row in self._ledger.page_rows(content.content_id):
            if row.state is PageState.PENDING:
                (content.alone if row.attempts else content.pending).append(row.page_no)
                if row.attempts:
                    content.attempts[row.page_no] = row.attempts
            elif row.state is PageState.FAILED and row.kind is not None:
                content.failed[row.page_no] = (row.kind, row.message)

    def _learn(self, content_id: int, listed: Listed) -> None:
        """Takes from a manifest what the ledger does not know."""
        for state in (PageState.DONE, PageState.BLANK):
            page_nos = [page_no for page_no, entry in listed.items() if entry[0] is state]
            self._ledger.record_pages(content_id, page_nos, state)
        for page_no, (_, kind, message) in listed.items():
            if kind is not None:
                self._ledger.fail_page(content_id, page_no, kind, message)

    def _reset_failed(self, content_id: int) -> None:
        """Makes failed pages pending again if this run is a retry of their kind."""
        kinds = self._context.retry_kinds
        if kinds is not None:
            rows = self._ledger.page_rows(content_id)
            again = [row.page_no for row in rows if row.state is PageState.FAILED and row.kind in kinds]
            self._ledger.record_pages(content_id, again, PageState.PENDING)

    def _compare_with_spool(self, content: Content) -> None:
        """Believes the spool, not the ledger: a kill may have cut off either, and only the spool holds the pages."""
        wanted = {"sha256": content.reference.sha256, "fingerprint": self._context.fingerprint}
        stored: dict[int, PageState] = {}
        for path in segments_of(Path(content.spool)):
            segment = read_segment(Path(path))
            if {key: segment.header.get(key) for key in wanted} == wanted:
                stored.update({page.page_no: PageState(page.meta["state"]) for page in segment})
        rows = self._ledger.page_rows(content.content_id)
        gone = [r.page_no for r in rows if r.state in {PageState.DONE, PageState.BLANK} and r.page_no not in stored]
        self._ledger.record_pages(content.content_id, gone, PageState.PENDING)
        for state in (PageState.DONE, PageState.BLANK):
            found = [r.page_no for r in rows if stored.get(r.page_no) is state and r.state is not state]
            self._ledger.record_pages(content.content_id, found, state)


def segments_of(spool: Path) -> tuple[str, ...]:
    """Gives the absolute paths of a spool's segments, by name; none if there is no spool."""
    try:
        names = os.listdir(spool)  # noqa: PTH208 - once for every document
    except FileNotFoundError:
        return ()
    return tuple(f"{spool}/{name}" for name in sorted(names) if name.endswith(".seg"))


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
