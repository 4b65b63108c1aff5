"""One ingest of a job at a time: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import filelock

from batchocr.errors import StorageError


@contextmanager
def single_instance(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Holds the lock of a folder, which is made if need be.

    Args:
        folder: where the lock is, on a local disk.
        wait_s: how long to wait while somebody else holds it.

    Raises:
        StorageError: somebody else still holds it (names host, pid and age), or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock")
        lock.acquire(timeout=wait_s)
    except filelock.Timeout as err:
        waited = f" after {wait_s:g} s of waiting" if wait_s else ""
        raise StorageError(
            f"Another ingest of this job is at work{waited} ({_told(folder / 'lock.json')}). Wait for it to end; "
            "--wait TIME waits by itself."
        ) from err
    except OSError as err:
        raise StorageError(f"{folder} cannot be written ({err.strerror or err}). Check its rights.") from err
    try:
        holder = {"host": platform.node(), "pid": os.getpid(), "since": datetime.now(timezone.utc).isoformat()}
        _write(folder / "lock.json", json.dumps(holder))
        yield
    finally:
        lock.release()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise StorageError(f"{path} cannot be written ({err.strerror or err}). Check its rights and the disk.") from err


def _told(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        age_s = (datetime.now(timezone.utc) - datetime.fromisoformat(holder["since"])).total_seconds()
        return f"host {holder['host']}, pid {holder['pid']}, for {max(0, int(age_s))} s"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said who it is"
