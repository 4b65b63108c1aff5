"""One run per output folder: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path

import filelock

from batchocr.errors import StorageError


@contextmanager
def run_lock(*folders: Path) -> Iterator[None]:
    """Holds the lock of these folders, which are made if need be.

    Raises:
        StorageError: another run holds one (names its host, pid and start), or a folder cannot be written.
    """
    with ExitStack() as stack:
        for folder in dict.fromkeys(folder.absolute() for folder in folders):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(filelock.FileLock(folder / "lock", timeout=0))
                (folder / "lock.json").write_text(json.dumps(_holder()), encoding="utf-8")
            except filelock.Timeout as err:
                holder = _told(folder / "lock.json")
                raise StorageError(
                    f"Another run is writing to {folder.parent} ({holder}). Wait for it to end, or choose another "
                    "output folder with -o."
                ) from err
            except OSError as err:
                reason = err.strerror or err
                raise StorageError(f"{folder} cannot be written ({reason}). Check its rights.") from err
        yield


def _holder() -> dict[str, object]:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"host": platform.node(), "pid": os.getpid(), "started_at": now}


def _told(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"host {holder['host']}, pid {holder['pid']}, since {holder['started_at']}"
    except (OSError, ValueError, KeyError):
        return "it has not said who it is"
