"""The commit of a document's folder: all or nothing, whatever dies when.

A folder is written to `staging/<commit id>/`, made durable, and renamed to `staging/<commit id>.ready`: from then on it
will take its place, if need be by `recover` in the next run. It takes its place by an exchange with the folder that
stands there, or by two renames where the system has no exchange. The old folder is deleted from `trash/`.
A folder that holds anything that we did not write is never deleted: it goes to `kept/`, or blocks the commit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchocr.errors import DocumentError, FailureKind, StorageError
from batchocr.outputs.exchange import exchange
from batchocr.outputs.manifest import MANIFEST_NAME, read_manifest

_READY = ".ready"
# What a desktop leaves behind when somebody looks at a folder.
_DROPPINGS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_NAMES_IN_MESSAGE = 5


@dataclass(frozen=True)
class RecoveredFolder:
    """A commit that `recover` brought to its end: the folder (POSIX, relative to the output) and its manifest."""

    folder: str
    manifest: Mapping[str, Any]


class FolderCommit:
    """One try to commit one folder. Write into `staging`, then call `commit`, or `abandon`.

    Args:
        output: absolute path of the output root.
        state_dir: holds staging/, trash/ and kept/; on the same file system as `output`.
        folder: POSIX, relative to `output`.
        commit_id: unique per try.

    Raises:
        StorageError: the staging folder cannot be made.
    """

    def __init__(self, output: Path, state_dir: Path, folder: str, commit_id: str) -> None:
        self._place = _Place(output, state_dir, folder, commit_id)
        self.staging = self._place.staging
        with storage_errors(self.staging):
            if self.staging.exists():
                shutil.rmtree(self.staging)
            self.staging.mkdir(parents=True)

    def commit(self, *, force: bool) -> None:
        """Puts the staged folder, its manifest included, in its place.

        Args:
            force: a folder in that place that is not wholly ours is moved to kept/ instead of refused.

        Raises:
            DocumentError: `output_blocked`: that place holds what we did not write, or (on Windows) an open file.
            StorageError: the output cannot be written.
        """
        if not force:
            _refuse_foreign(self._place.target)
        with storage_errors(self._place.target):
            _sync_tree(self.staging)
            self.staging.rename(self._place.ready)
            _sync_folder(self._place.ready.parent)
            _roll_forward(self._place)

    def abandon(self) -> None:
        """Deletes what was staged; leaves an own mess to `recover`."""
        shutil.rmtree(self.staging, ignore_errors=True)


def recover(output: Path, state_dir: Path) -> list[RecoveredFolder]:
    """Brings every commit that was cut short to its end, and clears staging/ and trash/.

    Called under the output's lock, before anything else. May be cut short itself, and called again.

    Returns:
        The folders that took their place now; the ledger may not know of them.

    Raises:
        StorageError: the output cannot be written.
    """
    recovered = []
    staging = state_dir / "staging"
    with storage_errors(state_dir):
        for path in sorted(staging.iterdir()) if staging.is_dir() else ():
            if path.suffix == _READY:
                recovered += _settle(output, state_dir, path)
            else:
                _delete(path)
        if (state_dir / "trash").is_dir():
            shutil.rmtree(state_dir / "trash")
    return recovered


def finish_commit(output: Path, state_dir: Path, folder: str, commit_id: str) -> bool:
    """Brings the commit of a process that has died to its end; tells whether its folder stands in its place now.

    Nothing of it is left in staging/, so the same commit may be tried again.

    Raises:
        DocumentError: `output_blocked`: (on Windows) a file in that place is open.
        StorageError: the output cannot be written.
    """
    place = _Place(output, state_dir, folder, commit_id)
    with storage_errors(place.target):
        _delete(place.staging)
        if place.ready.is_dir():
            _settle(output, state_dir, place.ready)
        _delete(place.trash)
    manifest = read_manifest(place.target)
    return manifest is not None and manifest["commit_id"] == commit_id


def foreign_files(folder: Path) -> list[str]:
    """Gives the files (POSIX, relative) of a document's folder that we did not write or that changed since.

    A missing file is no loss and is not named. Without a manifest of ours every file is foreign.

    Raises:
        OSError: the folder cannot be read.
    """
    manifest = read_manifest(folder)
    hashes = manifest["files"] if manifest else {}
    foreign = []
    for path, is_file in _entries(folder):
        name = path.relative_to(folder).as_posix()
        if (manifest and name == MANIFEST_NAME) or (is_file and path.name in _DROPPINGS):
            continue
        if not is_file or name not in hashes or file_sha256(path) != hashes[name]:
            foreign.append(name)
    return foreign


def file_sha256(path: Path) -> str:
    """Gives the hex digest of a file's content; raises OSError as `open` does."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns an OSError into what it means for the run: a blocked document on Windows, else the end of the run."""
    try:
        yield
    except OSError as err:
        if sys.platform == "win32" and isinstance(err, PermissionError):
            raise DocumentError(
                f"{err.filename or path}: a file of this folder is open in another program; close it and run again",
                FailureKind.OUTPUT_BLOCKED,
            ) from err
        raise StorageError(
            f"{err.filename or path}: cannot write the output ({err.strerror or err}); free disk space or correct the "
            "folder's rights, then run the same command again"
        ) from err


@dataclass(frozen=True)
class _Place:
    """Where one commit's folder stands at each step."""

    output: Path
    state_dir: Path
    folder: str
    commit_id: str

    @property
    def target(self) -> Path:
        return self.output / self.folder

    @property
    def staging(self) -> Path:
        return self.state_dir / "staging" / self.commit_id

    @property
    def ready(self) -> Path:
        return self.state_dir / "staging" / (self.commit_id + _READY)

    @property
    def trash(self) -> Path:
        return self.state_dir / "trash" / self.commit_id

    @property
    def kept(self) -> Path:
        return self.state_dir / "kept" / f"{self.target.name}-{self.commit_id}"


def _roll_forward(place: _Place) -> None:
    """Puts a ready folder in its place; what stood there goes to the trash, or to kept/ if any of it is foreign."""
    _clear_way(place)
    if os.path.lexists(place.target):
        if exchange(place.ready, place.target):
            _sync_folder(place.target.parent)
            _discard(place.ready, place.trash)
            return
        _move(place.target, place.trash)
    place.ready.rename(place.target)
    _sync_folder(place.target.parent)
    _delete(place.trash)


def _settle(output: Path, state_dir: Path, ready: Path) -> list[RecoveredFolder]:
    """Brings a commit past its commit point to its end; gives the folder that took its place, if one did."""
    commit_id = ready.name[: -len(_READY)]
    manifest = read_manifest(ready)
    if manifest is None:
        # Nothing that we made lacks a manifest; whatever this is, it is not ours to delete.
        _move(ready, state_dir / "kept" / f"{ready.name}-{commit_id}")
    elif manifest["commit_id"] == commit_id:
        _roll_forward(_Place(output, state_dir, manifest["folder"], commit_id))
        return [RecoveredFolder(manifest["folder"], manifest)]
    else:
        # The exchange was done: this is the old folder, and the new one stands in its place.
        new = read_manifest(output / manifest["folder"])
        _discard(ready, state_dir / "trash" / commit_id)
        if new and new["commit_id"] == commit_id:
            return [RecoveredFolder(manifest["folder"], new)]
    return []


def _clear_way(place: _Place) -> None:
    """Makes the target's parents, and keeps aside what may not be deleted."""
    for parent in reversed(place.target.relative_to(place.output).parents[:-1]):
        folder = place.output / parent
        if os.path.lexists(folder) and not folder.is_dir():
            _move(folder, place.state_dir / "kept" / f"{folder.name}-{place.commit_id}")
    _make_folder(place.target.parent)
    if os.path.lexists(place.target) and (_is_foreign_entry(place.target) or foreign_files(place.target)):
        _move(place.target, place.kept)


def _is_foreign_entry(target: Path) -> bool:
    return target.is_symlink() or not target.is_dir()


def _refuse_foreign(target: Path) -> None:
    with storage_errors(target):
        blocking = next((parent for parent in target.parents if os.path.lexists(parent) and not parent.is_dir()), None)
        if blocking is not None:
            names = [str(blocking)]
        elif not os.path.lexists(target):
            return
        else:
            names = [str(target)] if _is_foreign_entry(target) else foreign_files(target)
    if names:
        shown = ", ".join(names[:_NAMES_IN_MESSAGE])
        more = f" and {len(names) - _NAMES_IN_MESSAGE} more" if len(names) > _NAMES_IN_MESSAGE else ""
        raise DocumentError(
            f"{target}: holds what batchocr did not write, or what changed since: {shown}{more}; move it away, or run "
            "with --force, which moves the folder to kept/",
            FailureKind.OUTPUT_BLOCKED,
        )


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Gives everything below a folder that is not a plain folder, and whether it is a plain file."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path))
        else:
            yield Path(entry.path), entry.is_file(follow_symlinks=False)


def _move(path: Path, to: Path) -> None:
    _make_folder(to.parent)
    path.rename(to)
    _sync_folder(to.parent)
    _sync_folder(path.parent)


def _discard(path: Path, trash: Path) -> None:
    """Deletes a folder in one step that nobody sees the middle of."""
    _delete(trash)
    _move(path, trash)
    _delete(trash)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Makes a folder and its parents, each durable."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_tree(folder: Path) -> None:
    """Makes a folder and everything in it survive a power cut."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            _sync_tree(Path(entry.path))
        else:
            with Path(entry.path).open("r+b") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Makes renames in a folder survive a power cut; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
