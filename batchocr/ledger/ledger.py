"""All writes to the ledger, by its one writer: the coordinator.

Writes gather in one transaction that `flush` commits (WAL, synchronous=FULL): the coordinator flushes at least every
second, and always before it acts on a change in a way that cannot be taken back.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from batchocr.datatypes import (
    AttemptState,
    DocumentFormat,
    FileIdentity,
    PageRanges,
    PageState,
    RunState,
    SourceFile,
)
from batchocr.errors import FailureKind, StorageError
from batchocr.ledger.migrations import migrate

FILE_NAME = "ledger.sqlite3"


@dataclass(frozen=True)
class DocumentRow:
    """What the ledger knows of one document when a run meets it.

    Attributes:
        document_id: the ledger's number.
        content_id: its content under the run's fingerprint, or None if it must be probed.
        sha256: of that content, "" if unknown.
        format, page_count: of that content, None if unknown.
        commit_id: of its committed folder, or None.
    """

    document_id: int
    content_id: int | None
    sha256: str = ""
    format: DocumentFormat | None = None
    page_count: int | None = None
    commit_id: str | None = None


@dataclass(frozen=True)
class PageRow:
    """One page as recorded."""

    page_no: int
    state: PageState
    attempts: int
    kind: FailureKind | None
    message: str


def display_name(source: str) -> str:
    """Gives a name that can be stored and printed: bytes that are no UTF-8 become escapes."""
    return source.encode("utf-8", "backslashreplace").decode("utf-8")


def utc_now() -> str:
    """Gives the time, UTC, ISO 8601, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


class Ledger:
    """The SQLite file of one output folder, open for writing."""

    def __init__(self, path: Path, now: Callable[[], str] = utc_now) -> None:
        """Opens or creates the ledger and takes it to this program's version.

        Raises:
            StorageError: not writable, damaged, or written by a newer release. Nothing is changed then.
        """
        self._path = path
        self._now = now
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as err:
            raise self._trouble(err) from err
        try:
            migrate(self._db, path.name)  # first of all: a newer ledger must stay as it is
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as err:
            self._db.close()
            raise self._trouble(err) from err
        except StorageError:
            self._db.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Commits what is open and closes the file."""
        self.flush()
        self._db.close()

    def flush(self) -> None:
        """Makes every write so far durable.

        Raises:
            StorageError: the disk is full or the file cannot be written.
        """
        if self._db.in_transaction:
            try:
                self._db.execute("COMMIT")
            except sqlite3.Error as err:
                raise self._trouble(err) from err

    # --- runs ---

    def start_run(
        self, run_id: str, *, version: str, host: str, settings: Mapping[str, Any], engine: Mapping[str, Any],
        devices: Iterable[str], fingerprint: str,
    ) -> None:  # fmt: skip
        """Records that a run begins; runs that never ended are closed as interrupted."""
        now = self._now()
        self._write("UPDATE runs SET state = 'interrupted', ended_at = ? WHERE state = 'running'", (now,))
        self._write("UPDATE attempts SET state = 'lost', ended_at = ? WHERE state = 'running'", (now,))
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

    # --- documents ---

    def meet_document(
        self, run_id: str, root: str, file: SourceFile, source: str, folder: str, fingerprint: str
    ) -> DocumentRow:
        """Records that a run found a document, and gives what is known of it.

        Content found by an earlier run is trusted while size, time and inode stay; a document whose folder moves loses
        its commit.
        """
        root_id = self._root_id(root)
        identity = file.identity
        relative = os.fsencode(file.relative)
        found = self._read(
            "SELECT d.id, d.folder, d.size_bytes, d.mtime_ns, d.inode, d.commit_id, c.sha256, c.format, c.page_count,"
            " c.fingerprint, c.id FROM documents d LEFT JOIN contents c ON c.id = d.content_id"
            " WHERE d.root_id = ? AND d.relative = ?",
            (root_id, relative),
        )
        if not found:
            cursor = self._write(
                "INSERT INTO documents (root_id, relative, source, folder, size_bytes, mtime_ns, inode, run_id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (root_id, relative, display_name(source), folder, identity.size_bytes, identity.mtime_ns,
                 identity.inode, run_id),
            )  # fmt: skip
            return DocumentRow(int(cursor.lastrowid or 0), None)
        document_id, old_folder, size, mtime, inode, commit_id, sha256, format_, pages, known_by, content_id = found[0]
        same = (size, mtime, inode) == (identity.size_bytes, identity.mtime_ns, identity.inode)
        if old_folder != folder or not same:
            commit_id = None
        self._write(
            "UPDATE documents SET source = ?, folder = ?, size_bytes = ?, mtime_ns = ?, inode = ?, kind = NULL,"
            " message = NULL, commit_id = ?, run_id = ?, skipped = 0, content_id = ? WHERE id = ?",
            (display_name(source), folder, identity.size_bytes, identity.mtime_ns, identity.inode, commit_id, run_id,
             content_id if same else None, document_id),
        )  # fmt: skip
        if not same or sha256 is None:
            return DocumentRow(document_id, None)
        if known_by != fingerprint:
            return DocumentRow(document_id, None, sha256, DocumentFormat(format_), pages)
        return DocumentRow(document_id, content_id, sha256, DocumentFormat(format_), pages, commit_id)

    def skip_document(self, document_id: int) -> None:
        """Records that the document was finished before this run."""
        self._write("UPDATE documents SET skipped = 1 WHERE id = ?", (document_id,))

    def fail_document(self, document_id: int, kind: FailureKind, message: str) -> None:
        """Records that the whole document cannot be done."""
        self._write(
            "UPDATE documents SET kind = ?, message = ? WHERE id = ?", (kind.value, display_name(message), document_id)
        )

    def set_content(
        self, document_id: int, sha256: str, fingerprint: str, format_: DocumentFormat, page_count: int,
        identity: FileIdentity, page_nos: PageRanges,
    ) -> tuple[int, bool]:  # fmt: skip
        """Ties a document to its content, which is created with its pages pending if it is new.

        Returns:
            The content's number, and whether it is new.
        """
        found = self._read("SELECT id FROM contents WHERE sha256 = ? AND fingerprint = ?", (sha256, fingerprint))
        if found:
            content_id = int(found[0][0])
        else:
            cursor = self._write(
                "INSERT INTO contents (sha256, fingerprint, format, page_count) VALUES (?, ?, ?, ?)",
                (sha256, fingerprint, format_.value, page_count),
            )
            content_id = int(cursor.lastrowid or 0)
            self._write_many(
                "INSERT INTO pages (content_id, page_no) VALUES (?, ?)", ((content_id, page_no) for page_no in page_nos)
            )
        self._write(
            "UPDATE documents SET content_id = ?, size_bytes = ?, mtime_ns = ?, inode = ?,"
            " commit_id = CASE WHEN content_id = ? THEN commit_id END WHERE id = ?",
            (content_id, identity.size_bytes, identity.mtime_ns, identity.inode, content_id, document_id),
        )
        return content_id, not found

    def record_commit(self, document_id: int, commit_id: str) -> None:
        """Records that a document's folder is in place."""
        self._write(
            "UPDATE documents SET commit_id = ?, committed_at = ? WHERE id = ?", (commit_id, self._now(), document_id)
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

    # --- plumbing ---

    def _root_id(self, root: str) -> int:
        path = os.fsencode(root)
        found = self._read("SELECT id FROM roots WHERE path = ?", (path,))
        if found:
            return int(found[0][0])
        return int(self._write("INSERT INTO roots (path) VALUES (?)", (path,)).lastrowid or 0)

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as err:
            raise self._trouble(err) from err

    def _write(self, sql: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        try:
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            return self._db.execute(sql, values)
        except sqlite3.Error as err:
            raise self._trouble(err) from err

    def _write_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        try:
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(sql, rows)
        except sqlite3.Error as err:
            raise self._trouble(err) from err

    def _trouble(self, err: sqlite3.Error) -> StorageError:
        if isinstance(err, sqlite3.DatabaseError) and not isinstance(err, sqlite3.OperationalError):
            return StorageError(
                f"The ledger {self._path} is damaged ({err}). Nothing was overwritten. Move it away and run "
                "again: finished folders are recognised by their manifests."
            )
        return StorageError(
            f"The ledger {self._path} cannot be written ({err}). Check free space and permissions, or put it elsewhere "
            "with --state-dir."
        )
