"""The ledger's file, open for writing: transactions and their errors. Knows no table."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from batchocr.errors import StorageError
from batchocr.ledger.migrations import migrate

if TYPE_CHECKING:
    from typing_extensions import Self


FILE_NAME = "ledger.sqlite3"


def display_name(source: str) -> str:
    """Gives a name that can be stored and printed: bytes that are no UTF-8 become escapes."""
    return source.encode("utf-8", "backslashreplace").decode("utf-8")


def utc_now() -> str:
    """Gives the time, UTC, ISO 8601, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


class Connection:
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

    def __enter__(self) -> Self:
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

    # --- for the tables ---

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
