"""The ledger's tables, as steps forward. A step is never changed once it was released; a new one is added."""

from __future__ import annotations

import sqlite3

from batchocr.errors import StorageError

# Step N takes a ledger from version N to N + 1. Times are UTC, ISO 8601. No path is absolute: roots are relative to the
# output folder where the platform allows it.
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('running', 'completed', 'failed', 'interrupted')),
        started_at TEXT NOT NULL,
        ended_at TEXT,
        version TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        settings TEXT NOT NULL,
        engine TEXT NOT NULL,
        devices TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        message TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE TABLE roots (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE contents (
        id INTEGER PRIMARY KEY,
        sha256 TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        format TEXT NOT NULL,
        page_count INTEGER NOT NULL CHECK (page_count > 0),
        UNIQUE (sha256, fingerprint)
    ) STRICT;
    CREATE TABLE pages (
        content_id INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
        page_no INTEGER NOT NULL CHECK (page_no > 0),
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed', 'blank')),
        attempts INTEGER NOT NULL DEFAULT 0,
        kind TEXT,
        message TEXT,
        PRIMARY KEY (content_id, page_no),
        CHECK ((state = 'failed') = (kind IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY,
        root_id INTEGER NOT NULL REFERENCES roots (id),
        relative BLOB NOT NULL,
        source TEXT NOT NULL,
        folder TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        content_id INTEGER REFERENCES contents (id) ON DELETE SET NULL,
        kind TEXT,
        message TEXT,
        commit_id TEXT,
        committed_at TEXT,
        run_id TEXT NOT NULL REFERENCES runs (id),
        skipped INTEGER NOT NULL DEFAULT 0 CHECK (skipped IN (0, 1)),
        UNIQUE (root_id, relative)
    ) STRICT;
    CREATE INDEX documents_by_content ON documents (content_id);
    CREATE INDEX documents_by_run ON documents (run_id);
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs (id),
        content_id INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
        pages TEXT NOT NULL,
        worker TEXT NOT NULL,
        device TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'lost', 'timed_out', 'cancelled')),
        started_at TEXT NOT NULL,
        ended_at TEXT
    ) STRICT;
    CREATE INDEX attempts_by_content ON attempts (content_id);
    CREATE TABLE page_attempts (
        attempt_id INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
        page_no INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('failed', 'lost', 'timed_out')),
        kind TEXT NOT NULL,
        message TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX page_attempts_by_attempt ON page_attempts (attempt_id);
    """,
    # What a document waits for in the run that goes on, and its place in the order: what is not in hand waits here.
    """
    ALTER TABLE documents ADD COLUMN stage TEXT
        CHECK (stage IN ('found', 'probing', 'counted', 'equal', 'reading', 'read', 'writing'));
    ALTER TABLE documents ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX documents_by_stage ON documents (stage, rank, id) WHERE stage IS NOT NULL;
    DROP INDEX documents_by_content;
    CREATE INDEX documents_by_content ON documents (content_id, stage);
    ALTER TABLE contents ADD COLUMN run_id TEXT;
    """,
    # Where the time goes: of each page, of each folder, of each worker; in seconds.
    """
    ALTER TABLE pages ADD COLUMN render_s REAL;
    ALTER TABLE pages ADD COLUMN queue_wait_s REAL;
    ALTER TABLE pages ADD COLUMN recognize_s REAL;
    ALTER TABLE pages ADD COLUMN spool_s REAL;
    ALTER TABLE documents ADD COLUMN write_s REAL;
    CREATE TABLE workers (
        run_id TEXT NOT NULL REFERENCES runs (id),
        worker TEXT NOT NULL,
        device TEXT NOT NULL,
        pages INTEGER NOT NULL,
        loads INTEGER NOT NULL,
        load_s REAL NOT NULL,
        ready_s REAL NOT NULL,
        busy_s REAL NOT NULL,
        render_s REAL NOT NULL,
        queue_wait_s REAL NOT NULL,
        recognize_s REAL NOT NULL,
        spool_s REAL NOT NULL,
        gpu_busy REAL,
        gpu_bytes INTEGER,
        PRIMARY KEY (run_id, worker)
    ) STRICT, WITHOUT ROWID;
    """,
)


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Takes the ledger to this program's version; each step and its record are one transaction.

    Raises:
        StorageError: the ledger was written by a newer release.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(STEPS):
        raise StorageError(
            f"{name} was written by a newer batchocr (ledger version {version}, this one knows {len(STEPS)}). "
            "Upgrade batchocr, or choose another output folder. Nothing was changed."
        )
    for number in range(version, len(STEPS)):
        connection.executescript(f"BEGIN IMMEDIATE; {STEPS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
