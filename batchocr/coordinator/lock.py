"""One run per output folder: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import filelock
import psutil

from batchocr.errors import StorageError

# 9p is not among them: sandboxes and virtual machines reach a local disk of their host by it.
_NETWORK = frozenset({
    "afpfs", "afs", "beegfs", "ceph", "cifs", "curlftpfs", "davfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "gpfs",
    "juicefs", "lustre", "mount-s3", "ncpfs", "nfs", "nfs4", "rclone", "s3fs", "smb", "smb2", "smb3", "smbfs", "sshfs",
    "webdav",
})  # fmt: skip


class Mount(NamedTuple):
    """A mounted file system: where it is, its type, and its options with commas between them."""

    folder: str
    kind: str
    options: str


def require_local_disk(state_dir: Path) -> None:
    """Refuses a state folder for which locks and SQLite's write-ahead log cannot be trusted.

    Raises:
        StorageError: it is on a network file system.
    """
    try:
        mounts = [Mount(part.mountpoint, part.fstype, part.opts) for part in psutil.disk_partitions(all=True)]
    except OSError:
        return  # a system that does not tell
    kind = network_file_system(state_dir.resolve(), mounts)
    if kind is not None:
        raise StorageError(
            f"{state_dir} is on a network file system ({kind}), where the ledger could be damaged. Name a folder on a "
            "local disk with --state-dir; the results may stay where they are."
        )


def network_file_system(path: Path, mounts: Sequence[Mount]) -> str | None:
    """Gives the type of the network file system that holds a resolved path, None if it is a local one."""
    holding = [mount for mount in mounts if path.is_relative_to(mount.folder)]
    if not holding:
        return None
    # Of two on one mount point the later one covers the earlier.
    mount = max(reversed(holding), key=lambda mount: len(mount.folder))
    remote = mount.kind.lower().removeprefix("fuse.") in _NETWORK or "remote" in mount.options.split(",")
    return mount.kind if remote else None


def holder_of(folder: Path) -> str | None:
    """Gives who holds the lock of a folder, in words, None if nobody does.

    Raises:
        StorageError: the lock cannot be asked for.
    """
    if not (folder / "lock").exists():
        return None
    try:
        with filelock.FileLock(folder / "lock", timeout=0):
            return None
    except filelock.Timeout:
        return _told(folder / "lock.json")
    except OSError as err:
        raise StorageError(f"{folder / 'lock'} cannot be opened ({err.strerror or err}). Check its rights.") from err


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
