"""Reads of the ledger for people and scripts: never writes, works while a run is going and on a read-only mount."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from batchocr.datatypes import (
    DocumentFormat,
    DocumentRef,
    DocumentReport,
    DocumentState,
    FailedPages,
    FileIdentity,
    KnownFile,
    PageState,
    PageTimes,
    RunState,
    WorkerUse,
)
from batchocr.errors import FailureKind, StorageError
from batchocr.ledger.migrations import STEPS


@dataclass(frozen=True)
class RunRow:
    """One run as recorded; `settings` and `engine` are the resolved ones."""

    run_id: str
    state: str
    started_at: str
    ended_at: str | None
    version: str
    host: str
    pid: int
    settings: dict[str, Any]
    engine: dict[str, Any]
    devices: tuple[str, ...]
    fingerprint: str
    message: str

    @property
    def is_going(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return self.state == RunState.RUNNING.value

    def cut_off(self, ended_at: str) -> RunRow:
        """Gives it as a run that was killed: it had no time to say so itself.

        Args:
            ended_at: when it was last seen at work.
        """
        message = "it was killed, or the machine went down; the same command goes on"
        return replace(self, state=RunState.INTERRUPTED.value, ended_at=ended_at, message=message)


@contextmanager
def reading(path: Path) -> Iterator[Queries]:
    """Opens a ledger for reading.

    Raises:
        StorageError: there is none, it is damaged, or it was written by a newer release.
    """
    if not path.is_file():
        raise StorageError(f"There is no ledger at {path}: no run has written to this output folder yet.")
    # Where nothing may be written beside it, or no run has it open, the file is read as it stands and leaves no trace.
    going = path.with_name(path.name + "-wal").exists()
    immutable = "" if going and os.access(path.parent, os.W_OK) else "&immutable=1"
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{immutable}", uri=True, isolation_level=None)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(STEPS):
                raise StorageError(f"{path} was written by a newer batchocr; upgrade batchocr to read it.")
            db.execute("BEGIN")  # one snapshot for all reads
            yield Queries(db, path)
        finally:
            db.close()
    except sqlite3.Error as err:
        raise StorageError(f"The ledger {path} cannot be read ({err}).") from err


class Queries:
    """One consistent view of a ledger."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    @property
    def last_write(self) -> str:
        """When something was last written to the ledger, in UTC."""
        log = self._path.with_name(self._path.name + "-wal")
        written_at_s = max(path.stat().st_mtime for path in (self._path, log) if path.exists())
        return datetime.fromtimestamp(written_at_s, timezone.utc).isoformat()

    def last_run(self) -> RunRow | None:
        """Gives the newest run, or None."""
        row = self._db.execute(
            "SELECT id, state, started_at, ended_at, version, host, pid, settings, engine, devices, fingerprint,"
            " message FROM runs ORDER BY started_at DESC, rowid DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        run_id, state, started_at, ended_at, version, host, pid, settings, engine, devices, fingerprint, message = row
        return RunRow(
            run_id, state, started_at, ended_at, version, host, pid, json.loads(settings), json.loads(engine),
            tuple(json.loads(devices)), fingerprint, message,
        )  # fmt: skip

    def documents(self, run_id: str, *, is_going: bool = True) -> Iterator[DocumentReport]:
        """Gives the documents that a run met, by source, each with its state and failures.

        Args:
            run_id: of the run.
            is_going: it goes on; once it has ended, a document that was begun waits for the next run.
        """
        for _, report in self._reports(run_id):
            waits = report.state is DocumentState.RUNNING and not is_going
            yield replace(report, state=DocumentState.PENDING) if waits else report

    def files(self, run_id: str) -> Iterator[tuple[KnownFile, DocumentReport]]:
        """Gives the same, each with its file; paths start at the output folder."""
        for document_id, report in self._reports(run_id):
            found = self._db.execute(
                "SELECT r.path, d.relative, d.size_bytes, d.mtime_ns, d.inode, COALESCE(c.sha256, '') FROM documents d"
                " JOIN roots r ON r.id = d.root_id LEFT JOIN contents c ON c.id = d.content_id WHERE d.id = ?",
                (document_id,),
            )
            root, relative, size, mtime, inode, sha256 = found.fetchone()
            path = os.path.join(os.fsdecode(root), *os.fsdecode(relative).split("/"))  # noqa: PTH118 - hostile names
            yield KnownFile(path, FileIdentity(size, mtime, inode), sha256), report

    def _reports(self, run_id: str) -> Iterator[tuple[int, DocumentReport]]:
        rows = self._db.execute(
            "SELECT d.id, d.source, d.folder, d.kind, d.message, d.commit_id, d.skipped, d.content_id, c.page_count,"
            " COALESCE(SUM(p.state IN ('done', 'blank')), 0), COALESCE(SUM(p.state = 'failed'), 0), COUNT(p.page_no),"
            " d.write_s, TOTAL(p.render_s), TOTAL(p.queue_wait_s), TOTAL(p.recognize_s), TOTAL(p.spool_s)"
            " FROM documents d LEFT JOIN contents c ON c.id = d.content_id LEFT JOIN pages p ON p.content_id = c.id"
            " WHERE d.run_id = ? GROUP BY d.id ORDER BY d.source, d.id",
            (run_id,),
        )
        for number, source, folder, kind, message, commit_id, skipped, content_id, *rest in rows:
            page_count, good, bad, asked, write_s, *of_pages = rest
            failures: tuple[FailedPages, ...] = ()
            if kind:
                failures = (FailedPages(None, None, FailureKind(kind), message or ""),)
            if bad:
                failures += self.failed_pages(content_id)
            state = document_state(bool(kind), bool(commit_id), bool(skipped), good, bad, asked)
            report = DocumentReport(
                source, folder, state, asked or page_count, good, failures, PageTimes(*of_pages), write_s
            )
            yield number, report

    def workers(self, run_id: str) -> list[WorkerUse]:
        """Gives what each worker of a run did, by name."""
        names = ", ".join(entry.name for entry in fields(WorkerUse))
        rows = self._db.execute(f"SELECT {names} FROM workers WHERE run_id = ? ORDER BY worker", (run_id,))
        return [WorkerUse(*row) for row in rows]

    def document_files(self, run_id: str) -> Iterator[tuple[str, DocumentRef | None]]:
        """Gives folder and input of the documents that a run met, in the order of `documents`; None: never counted.

        Paths are as the ledger has them: relative to the output folder where the platform allows it.
        """
        rows = self._db.execute(
            "SELECT d.folder, d.source, r.path, d.relative, d.size_bytes, d.mtime_ns, d.inode, c.sha256, c.format,"
            " c.page_count FROM documents d JOIN roots r ON r.id = d.root_id"
            " LEFT JOIN contents c ON c.id = d.content_id WHERE d.run_id = ? ORDER BY d.source, d.id",
            (run_id,),
        )
        for folder, source, root, relative, size, mtime, inode, sha256, format_, page_count in rows:
            path = os.path.join(os.fsdecode(root), os.fsdecode(relative))  # noqa: PTH118 - may hold surrogate escapes
            identity = FileIdentity(size, mtime, inode)
            known = None
            if sha256 is not None:
                known = DocumentRef(path, source, sha256, identity, DocumentFormat(format_), page_count)
            yield folder, known

    def slowest_pages(self, run_id: str, count: int) -> list[tuple[str, int, PageTimes]]:
        """Gives folder, page and times of the pages on which the engine was busy longest, the slowest first.

        All pages of the documents that a run met count, whichever run read them.
        """
        rows = self._db.execute(
            "SELECT MIN(d.folder), p.page_no, p.render_s, p.queue_wait_s, p.recognize_s, p.spool_s FROM pages p"
            " JOIN documents d ON d.content_id = p.content_id WHERE d.run_id = ? AND p.recognize_s IS NOT NULL"
            " GROUP BY p.content_id, p.page_no ORDER BY p.recognize_s DESC LIMIT ?",
            (run_id, count),
        )
        return [(folder, page_no, PageTimes(*times)) for folder, page_no, *times in rows]

    def losses(self, run_id: str, limit: int) -> list[tuple[str, str, str]]:
        """Gives worker, state (`lost`, `timed_out`) and time of the tasks that workers of a run took with them."""
        return self._db.execute(
            "SELECT worker, state, ended_at FROM attempts WHERE run_id = ? AND state IN ('lost', 'timed_out')"
            " AND ended_at IS NOT NULL ORDER BY id LIMIT ?",
            (run_id, limit),
        ).fetchall()

    def page_counts(self, run_id: str) -> list[int]:
        """Gives how many pages each document of a run has, as far as they were counted, in the order of discovery."""
        rows = self._db.execute(
            "SELECT c.page_count FROM documents d JOIN contents c ON c.id = d.content_id WHERE d.run_id = ?"
            " ORDER BY d.id",
            (run_id,),
        )
        return [count for (count,) in rows]

    def failed_pages(self, content_id: int) -> tuple[FailedPages, ...]:
        """Gives the failed pages of a content, neighbours with one reason as one range."""
        rows = self._db.execute(
            "SELECT page_no, kind, message FROM pages WHERE content_id = ? AND state = ? ORDER BY page_no",
            (content_id, PageState.FAILED.value),
        )
        return merge_failures((page_no, FailureKind(kind), message or "") for page_no, kind, message in rows)

    def finished(self, fingerprint: str) -> dict[tuple[str, str], FileIdentity]:
        """Gives the documents whose folder is in place under a fingerprint: root and path below it to identity."""
        rows = self._db.execute(
            "SELECT r.path, d.relative, d.size_bytes, d.mtime_ns, d.inode FROM documents d"
            " JOIN roots r ON r.id = d.root_id JOIN contents c ON c.id = d.content_id"
            " WHERE d.commit_id IS NOT NULL AND c.fingerprint = ?",
            (fingerprint,),
        )
        return {
            (os.fsdecode(root), os.fsdecode(relative)): FileIdentity(size, mtime, inode)
            for root, relative, size, mtime, inode in rows
        }


def document_state(failed: bool, committed: bool, skipped: bool, good: int, bad: int, asked: int) -> DocumentState:
    """Gives a document's state, which follows from its pages and its folder.

    Args:
        failed: the document as a whole cannot be done.
        committed: its folder is in place.
        skipped: it was finished before the run.
        good: pages done or blank.
        bad: pages failed.
        asked: pages asked for, 0 while they are not counted.
    """
    if failed:
        return DocumentState.FAILED
    if not asked:
        return DocumentState.PENDING
    if committed and good + bad == asked:
        if bad:
            return DocumentState.PARTIAL
        return DocumentState.SKIPPED if skipped else DocumentState.DONE
    if bad == asked:
        return DocumentState.FAILED
    return DocumentState.RUNNING if good + bad else DocumentState.PENDING


def merge_failures(pages: Iterable[tuple[int, FailureKind, str]]) -> tuple[FailedPages, ...]:
    """Joins neighbouring pages (ascending) that failed for one reason into ranges."""
    merged: list[FailedPages] = []
    for page_no, kind, message in pages:
        last = merged[-1] if merged else None
        if last and last.last_page == page_no - 1 and (last.kind, last.message) == (kind, message):
            merged[-1] = FailedPages(last.first_page, page_no, kind, message)
        else:
            merged.append(FailedPages(page_no, page_no, kind, message))
    return tuple(merged)
