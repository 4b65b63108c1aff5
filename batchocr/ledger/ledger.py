"""All writes to the ledger, by its one writer: the coordinator.

Writes gather in one transaction that `flush` commits (WAL, synchronous=FULL): the coordinator flushes at least every
second, and always before it acts on a change in a way that cannot be taken back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from batchocr.datatypes import AttemptState, FailedPages, PageRanges, PageState, PageTimes, RunState, WorkerUse
from batchocr.errors import FailureKind
from batchocr.ledger.connection import display_name
from batchocr.ledger.documents import Documents
from batchocr.ledger.queries import merge_failures


@dataclass(frozen=True)
class PageRow:
    """One page as recorded."""

    page_no: int
    state: PageState
    attempts: int
    kind: FailureKind | None
    message: str


class Ledger(Documents):
    """The SQLite file of one output folder, open for writing."""

    # --- runs ---

    def start_run(
        self, run_id: str, *, version: str, host: str, settings: Mapping[str, Any], engine: Mapping[str, Any],
        devices: Iterable[str], fingerprint: str,
    ) -> None:  # fmt: skip
        """Records that a run begins; runs that never ended are closed as interrupted."""
        now = self._now()
        self._write("UPDATE runs SET state = 'interrupted', ended_at = ? WHERE state = 'running'", (now,))
        self._write("UPDATE attempts SET state = 'lost', ended_at = ? WHERE state = 'running'", (now,))
        self._write("UPDATE documents SET stage = NULL WHERE stage IS NOT NULL", ())
        self._write(
            "INSERT INTO runs (id, state, started_at, version, host, pid, settings, engine, devices, fingerprint) "
            "VALUES (?, 'running', ?, ?, ?, ?, ?, ?, ?, ?)",
            (run_id, now, version, host, os.getpid(), json.dumps(settings, sort_keys=True),
             json.dumps(engine, sort_keys=True), json.dumps(list(devices)), fingerprint),
        )  # fmt: skip

    def end_run(self, run_id: str, state: RunState, message: str = "") -> None:
        """Records how a run ended."""
        self._write(
            "UPDATE runs SET state = ?, ended_at = ?, message = ? WHERE id = ?",
            (state.value, self._now(), message, run_id),
        )

    def record_workers(self, run_id: str, uses: Iterable[WorkerUse]) -> None:
        """Records what the workers of a run did so far."""
        names = [entry.name for entry in fields(WorkerUse)]
        self._write_many(
            f"INSERT OR REPLACE INTO workers (run_id, {', '.join(names)}) VALUES (?{', ?' * len(names)})",
            ((run_id, *(getattr(use, name) for name in names)) for use in uses),
        )

    # --- pages ---

    def page_rows(self, content_id: int) -> list[PageRow]:
        """Gives every page of a content, ascending."""
        rows = self._read(
            "SELECT page_no, state, attempts, kind, message FROM pages WHERE content_id = ? ORDER BY page_no",
            (content_id,),
        )
        return [
            PageRow(page_no, PageState(state), attempts, FailureKind(kind) if kind else None, message or "")
            for page_no, state, attempts, kind, message in rows
        ]

    def count_pages(self, content_id: int) -> dict[PageState, int]:
        """Gives how many pages of a content are in each state."""
        rows = self._read("SELECT state, COUNT(*) FROM pages WHERE content_id = ? GROUP BY state", (content_id,))
        return {PageState(state): count for state, count in rows}

    def failed_pages(self, content_id: int) -> tuple[FailedPages, ...]:
        """Gives the failed pages of a content, neighbours with one reason as one range."""
        rows = self._read(
            "SELECT page_no, kind, message FROM pages WHERE content_id = ? AND state = 'failed' ORDER BY page_no",
            (content_id,),
        )
        return merge_failures((page_no, FailureKind(kind), message or "") for page_no, kind, message in rows)

    def record_page(self, content_id: int, page_no: int, state: PageState, times: PageTimes) -> None:
        """Records a page as done or blank, and where its time went."""
        self._write(
            "UPDATE pages SET state = ?, kind = NULL, message = NULL, render_s = ?, queue_wait_s = ?, recognize_s = ?,"
            " spool_s = ? WHERE content_id = ? AND page_no = ?",
            (state.value, times.render_s, times.queue_wait_s, times.recognize_s, times.spool_s, content_id, page_no),
        )

    def record_pages(self, content_id: int, page_nos: Iterable[int], state: PageState) -> None:
        """Records pages as done, blank, or pending again."""
        reset = ", attempts = 0" if state is PageState.PENDING else ""
        self._write_many(
            f"UPDATE pages SET state = ?, kind = NULL, message = NULL{reset} WHERE content_id = ? AND page_no = ?",
            ((state.value, content_id, page_no) for page_no in page_nos),
        )

    def fail_page(self, content_id: int, page_no: int, kind: FailureKind, message: str) -> None:
        """Records that a page was given up."""
        self._write(
            "UPDATE pages SET state = 'failed', kind = ?, message = ? WHERE content_id = ? AND page_no = ?",
            (kind.value, display_name(message), content_id, page_no),
        )

    def count_attempts(self, content_id: int, page_no: int, attempts: int) -> None:
        """Records how many tries of a page have failed."""
        self._write(
            "UPDATE pages SET attempts = ? WHERE content_id = ? AND page_no = ?", (attempts, content_id, page_no)
        )

    # --- attempts ---

    def start_attempt(self, run_id: str, content_id: int, page_nos: PageRanges, worker: str, device: str) -> int:
        """Records that a page range was lent to a worker; gives the attempt's number."""
        cursor = self._write(
            "INSERT INTO attempts (run_id, content_id, pages, worker, device, state, started_at)"
            " VALUES (?, ?, ?, ?, ?, 'running', ?)",
            (run_id, content_id, str(page_nos), worker, device, self._now()),
        )
        return int(cursor.lastrowid or 0)

    def end_attempt(self, attempt_id: int, state: AttemptState) -> None:
        """Records how an attempt ended."""
        self._write("UPDATE attempts SET state = ?, ended_at = ? WHERE id = ?", (state.value, self._now(), attempt_id))

    def record_page_attempt(
        self, attempt_id: int, page_no: int, state: AttemptState, kind: FailureKind, message: str
    ) -> None:
        """Records one page of an attempt that did not succeed."""
        self._write(
            "INSERT INTO page_attempts (attempt_id, page_no, state, kind, message, at) VALUES (?, ?, ?, ?, ?, ?)",
            (attempt_id, page_no, state.value, kind.value, display_name(message), self._now()),
        )
