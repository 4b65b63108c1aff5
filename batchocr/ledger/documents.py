"""The documents of a run in the ledger: what each is, and what it waits for.

A document goes through stages until nothing is left to do on it in this run (stage NULL):

    found ─► probing ─► counted ─► reading ─► read ─► writing
                        equal ────────────────┘   (another document with that content is counted or being read)

What waits, waits here and not in memory, in the order of `rank`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from batchocr.datatypes import DocumentFormat, FileIdentity, PageRanges, SourceFile
from batchocr.errors import FailureKind
from batchocr.ledger.connection import Connection, display_name

MIN_RANK = -(1 << 62)


class Stage(str, Enum):
    """What a document waits for."""

    FOUND = "found"
    PROBING = "probing"
    COUNTED = "counted"
    EQUAL = "equal"
    READING = "reading"
    READ = "read"
    WRITING = "writing"


@dataclass(frozen=True)
class DocumentRow:
    """What the ledger knows of one document when a run meets it.

    Attributes:
        document_id: the ledger's number.
        root_id: the ledger's number of the folder that it was found under.
        content_id: its content under the run's fingerprint, or None if it must be probed.
        sha256: of that content, "" if unknown.
        format, page_count: of that content, None if unknown.
        commit_id: of its committed folder, or None.
    """

    document_id: int
    root_id: int
    content_id: int | None
    sha256: str = ""
    format: DocumentFormat | None = None
    page_count: int | None = None
    commit_id: str | None = None


@dataclass(frozen=True)
class StagedRow:
    """One document taken from its stage; what is known of its content, if it was probed.

    Attributes:
        document_id: the ledger's number.
        root_id: the ledger's number of the folder that it was found under.
        relative: its path below that; may hold surrogate escapes.
        folder: output folder, relative.
        identity: of the file as discovered or probed.
        rank: its place in the order.
        content_id: of its content, 0 if unknown.
        sha256: of its content.
        format, page_count: of its content, None if unknown.
    """

    document_id: int
    root_id: int
    relative: str
    folder: str
    identity: FileIdentity
    rank: int
    content_id: int = 0
    sha256: str = ""
    format: DocumentFormat | None = None
    page_count: int = 0


class Documents(Connection):
    """Documents and contents."""

    # --- meeting them ---

    def root_id(self, root: str) -> int:
        """Gives the number of an input folder, which becomes known if it is new."""
        path = os.fsencode(root)
        found = self._read("SELECT id FROM roots WHERE path = ?", (path,))
        if found:
            return int(found[0][0])
        return int(self._write("INSERT INTO roots (path) VALUES (?)", (path,)).lastrowid or 0)

    def meet_document(
        self, run_id: str, root_id: int, file: SourceFile, source: str, folder: str, fingerprint: str, rank: int = 0
    ) -> DocumentRow:
        """Records that a run found a document, and gives what is known of it; what is new to the ledger is `found`.

        Content found by an earlier run is trusted while size, time and inode stay; a document whose folder moves loses
        its commit.
        """
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
                "INSERT INTO documents (root_id, relative, source, folder, size_bytes, mtime_ns, inode, run_id, stage,"
                " rank) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'found', ?)",
                (root_id, relative, display_name(source), folder, identity.size_bytes, identity.mtime_ns,
                 identity.inode, run_id, rank),
            )  # fmt: skip
            return DocumentRow(int(cursor.lastrowid or 0), root_id, None)
        document_id, old_folder, size, mtime, inode, commit_id, sha256, format_, pages, known_by, content_id = found[0]
        same = (size, mtime, inode) == (identity.size_bytes, identity.mtime_ns, identity.inode)
        if old_folder != folder or not same:
            commit_id = None
        self._write(
            "UPDATE documents SET source = ?, folder = ?, size_bytes = ?, mtime_ns = ?, inode = ?, kind = NULL,"
            " message = NULL, commit_id = ?, run_id = ?, skipped = 0, content_id = ?, stage = 'found', rank = ?"
            " WHERE id = ?",
            (display_name(source), folder, identity.size_bytes, identity.mtime_ns, identity.inode, commit_id, run_id,
             content_id if same else None, rank, document_id),
        )  # fmt: skip
        if not same or sha256 is None:
            return DocumentRow(document_id, root_id, None)
        known = (sha256, DocumentFormat(format_), pages)
        if known_by != fingerprint:
            return DocumentRow(document_id, root_id, None, *known)
        return DocumentRow(document_id, root_id, content_id, *known, commit_id)

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

    def take_content(self, run_id: str, content_id: int) -> bool:
        """Notes that a run has to do with a content; tells whether this is the first time."""
        cursor = self._write(
            "UPDATE contents SET run_id = ? WHERE id = ? AND run_id IS NOT ?", (run_id, content_id, run_id)
        )
        return cursor.rowcount == 1

    # --- stages ---

    def queue_document(self, document_id: int, content_id: int, rank: int) -> bool:
        """Puts a probed document where it waits for its pages; tells whether it is the one through which they are read.

        The others with its content wait for that one.
        """
        others = self._read(
            "SELECT 1 FROM documents WHERE content_id = ? AND stage IN ('counted', 'reading') LIMIT 1", (content_id,)
        )
        stage = Stage.EQUAL if others else Stage.COUNTED
        self._write("UPDATE documents SET stage = ?, rank = ? WHERE id = ?", (stage.value, rank, document_id))
        return not others

    def take_staged(
        self, stage: Stage, following: Stage, count: int, *, last_from: int | None = None
    ) -> list[StagedRow]:
        """Moves the documents that are next in a stage to the stage that follows, and gives them.

        Args:
            stage: where they wait.
            following: where they go.
            count: how many at most.
            last_from: take them from the end of the order, of this rank or later ones.
        """
        order, rank = ("ASC", MIN_RANK) if last_from is None else ("DESC", last_from)
        found = self._read(
            "SELECT d.id, d.root_id, d.relative, d.folder, d.size_bytes, d.mtime_ns, d.inode, d.rank,"
            " c.id, c.sha256, c.format, c.page_count FROM documents d LEFT JOIN contents c ON c.id = d.content_id"
            f" WHERE d.stage = ? AND d.rank >= ? ORDER BY d.rank {order}, d.id {order} LIMIT ?",
            (stage.value, rank, count),
        )
        rows = [_staged(row) for row in found]
        self._write_many(
            "UPDATE documents SET stage = ? WHERE id = ?", [(following.value, row.document_id) for row in rows]
        )
        return rows

    def end_reading(self, content_id: int) -> int:
        """Lets the documents of a content wait for their folders; gives how many these are."""
        return self._write(
            "UPDATE documents SET stage = 'read' WHERE content_id = ? AND stage IN ('reading', 'equal')", (content_id,)
        ).rowcount

    def end_without_folder(self, content_id: int, failure: tuple[FailureKind, str] | None) -> int:
        """Ends the documents of a content of which there is nothing to write; gives how many these are.

        Args:
            content_id: the content.
            failure: why they fail as a whole; None where each page has its own reason.
        """
        kind, message = (failure[0].value, display_name(failure[1])) if failure else (None, None)
        return self._write(
            "UPDATE documents SET stage = NULL, kind = ?, message = ?"
            " WHERE content_id = ? AND stage IN ('reading', 'equal')",
            (kind, message, content_id),
        ).rowcount

    def skip_document(self, document_id: int) -> None:
        """Records that the document was finished before this run."""
        self._write("UPDATE documents SET skipped = 1, stage = NULL WHERE id = ?", (document_id,))

    def fail_document(self, document_id: int, kind: FailureKind, message: str) -> None:
        """Records that the whole document cannot be done."""
        self._write(
            "UPDATE documents SET kind = ?, message = ?, stage = NULL WHERE id = ?",
            (kind.value, display_name(message), document_id),
        )

    def record_commit(self, document_id: int, commit_id: str, write_s: float | None = None) -> None:
        """Records that a document's folder is in place, and what writing it took, s, if that is known."""
        self._write(
            "UPDATE documents SET commit_id = ?, committed_at = ?, write_s = ?, stage = NULL WHERE id = ?",
            (commit_id, self._now(), write_s, document_id),
        )

    # --- what is needed no more ---

    def content_named(self, sha256_start: str, fingerprint: str) -> int | None:
        """Gives the content whose sha256 begins so, or None."""
        found = self._read(
            "SELECT id FROM contents WHERE sha256 >= ? AND sha256 < ? AND fingerprint = ?",
            (sha256_start, sha256_start + "g", fingerprint),
        )
        return int(found[0][0]) if found else None

    def is_whole(self, content_id: int, run_id: str) -> bool:
        """Tells whether every page of a content has a result and every folder that a run wants of it is in place."""
        pages = self._read(
            "SELECT 1 FROM pages WHERE content_id = ? AND state NOT IN ('done', 'blank') LIMIT 1", (content_id,)
        )
        folders = self._read(
            "SELECT COALESCE(SUM(commit_id IS NOT NULL AND kind IS NULL AND stage IS NULL), 0), COUNT(*) FROM documents"
            " WHERE content_id = ? AND run_id = ?",
            (content_id, run_id),
        )
        committed, wanted = folders[0]
        return not pages and 0 < wanted == committed


def _staged(row: Sequence[Any]) -> StagedRow:
    document_id, root_id, relative, folder, size, mtime, inode, rank, content_id, sha256, format_, pages = row
    return StagedRow(
        document_id, root_id, os.fsdecode(relative), folder, FileIdentity(size, mtime, inode), rank, content_id or 0,
        sha256 or "", DocumentFormat(format_) if format_ else None, pages or 0,
    )  # fmt: skip
