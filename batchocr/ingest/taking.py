"""Takes files out of input folders: moved or deleted, but only if they are the ones that were read.

A file is first put aside under a hidden name in its own folder, where nobody will replace it, then looked at once more,
and only then moved or deleted. Before that a note says what is about to happen: after a crash, `mend` finishes it or
takes it back. Called by one process at a time, under the lock of the job.
"""

# Names are hostile and may hold surrogates; these calls take them as they are.
# ruff: noqa: PTH104, PTH108

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from batchocr.datatypes import FileIdentity, KnownFile
from batchocr.errors import StorageError
from batchocr.ingest.memory import write_whole
from batchocr.ingest.renaming import MAX_NAME_BYTES, copy_new, numbered, rename_new

CHANGED = "it has changed since it was read"
REASON_ENDING = ".reason.txt"


@dataclass(frozen=True)
class Taken:
    """What came of taking a file.

    Attributes:
        to: where it is now; None if it was deleted, or stays where it was.
        problem: why it stays where it was, "" if it does not.
        changed: it is no longer the file that was read.
        for_good: trying again would not help.
    """

    to: Path | None = None
    problem: str = ""
    changed: bool = False
    for_good: bool = False


class Taker:
    """Takes one file after another."""

    def __init__(self, note: Path) -> None:
        """Names the file for the note on what is in hand."""
        self._note = note

    def mend(self) -> str | None:
        """Finishes or takes back what a crash has cut short; gives the file, None if there was nothing to do.

        Raises:
            StorageError: that is not possible now.
        """
        try:
            note = json.loads(self._note.read_text("ascii"))
            path, aside, target = Path(note["path"]), Path(note["aside"]), note["target"] and Path(note["target"])
            beside, reason = note["beside"] and Path(note["beside"]), note["reason"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as err:
            raise StorageError(f"{self._note} cannot be read ({err}). See what it names, then delete it.") from err
        try:
            if beside:
                beside.unlink(missing_ok=True)
            arrived = bool(target) and target.is_file()
            if os.path.lexists(aside):
                arrived = arrived and _are_equal(target, aside)
                if arrived:
                    os.unlink(aside)
                else:
                    put_back(aside, path)
            if arrived and reason and not _reason_file(target).exists():
                _write_reason(target, reason)
        except OSError as err:
            raise StorageError(
                f"{path} was being moved when the last ingest was cut short, and that cannot be finished "
                f"({err.strerror or err}). {self._note} says where it is."
            ) from err
        self._note.unlink()
        return str(path)

    def move(self, file: KnownFile, target: Path, reason: str = "") -> Taken:
        """Moves a file to a name, or to the first free one like it; over file systems too.

        Args:
            file: as it was read.
            target: absolute; folders are made if need be.
            reason: text for a file beside it, "" for none.

        Raises:
            StorageError: the note cannot be written.
        """
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            return Taken(problem=f"{target.parent} cannot be made ({err.strerror or err})")
        aside = _aside(file.path)
        for name in numbered(target):
            if os.path.lexists(name) or (reason and os.path.lexists(_reason_file(name))):
                continue
            beside = name.with_name(f".{uuid.uuid4().hex}.part")
            self._write_note(path=file.path, aside=aside, target=name, beside=beside, reason=reason)
            taken = self._put_aside(file, aside)
            if taken is not None:
                return taken
            try:
                _move(aside, beside, name)
                if reason:
                    _write_reason(name, reason)
            except FileExistsError:  # somebody was quicker
                put_back(aside, Path(file.path))
                continue
            except OSError as err:
                taken = self._give_up(file, aside, name, err)
            self._note.unlink()
            return taken or Taken(to=name)
        raise AssertionError("there is always another number")

    def _give_up(self, file: KnownFile, aside: Path, target: Path, err: OSError) -> Taken:
        reason = err.strerror or err
        if not os.path.lexists(aside):
            return Taken(to=target, problem=f"it is at {target}, but its reason cannot be written beside it ({reason})")
        put_back(aside, Path(file.path))
        return Taken(problem=f"it cannot be moved to {target} ({reason}); see its rights and the disk")

    def delete(self, file: KnownFile) -> Taken:
        """Deletes a file.

        Raises:
            StorageError: the note cannot be written.
        """
        aside = _aside(file.path)
        self._write_note(path=file.path, aside=aside, target="", beside="", reason="")
        taken = self._put_aside(file, aside)
        if taken is not None:
            return taken
        try:
            os.unlink(aside)
        except OSError as err:
            put_back(aside, Path(file.path))
            taken = Taken(problem=f"it cannot be deleted ({err.strerror or err})")
        self._note.unlink()
        return taken or Taken()

    def _write_note(self, **note: object) -> None:
        write_whole(self._note, json.dumps(note, default=str))

    def _put_aside(self, file: KnownFile, aside: Path) -> Taken | None:
        """Puts a file aside; gives why it stays where it was, None if it is aside and the one that was read."""
        taken = None
        try:
            if not stat.S_ISREG(os.lstat(file.path).st_mode):
                taken = Taken(problem="it is a link, and only files are taken away", for_good=True)
            else:
                os.rename(file.path, aside)
                if not is_same(aside, file):
                    put_back(aside, Path(file.path))
                    taken = Taken(problem=CHANGED, changed=True)
        except FileNotFoundError:
            taken = Taken(problem="it was taken away by somebody else", changed=True)
        except OSError as err:
            if os.path.lexists(aside):
                put_back(aside, Path(file.path))
            taken = Taken(
                problem=f"it cannot be taken away ({err.strerror or err}); is it open, or are rights missing?"
            )
        if taken is not None:
            self._note.unlink()
        return taken


def is_same(path: Path, file: KnownFile) -> bool:
    """Tells whether a path holds the very file that was read: size, time, inode, and every byte."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return False
    with path.open("rb") as opened:
        before = _identity(os.fstat(opened.fileno()))
        if before != file.identity:
            return False
        same = not file.sha256 or _sha256(opened) == file.sha256
        return same and _identity(os.fstat(opened.fileno())) == before


def put_back(aside: Path, path: Path) -> Path:
    """Puts a file back to its name, or to the first free one like it if somebody has taken that; gives the name.

    Raises:
        StorageError: that is not possible; it is still aside.
    """
    for name in numbered(path):
        try:
            rename_new(aside, name)
        except FileExistsError:
            continue
        except OSError as err:
            reason = err.strerror or err
            raise StorageError(
                f"{aside} cannot be put back to {name} ({reason}). The next ingest tries again."
            ) from err
        return name
    raise AssertionError("there is always another number")


def _move(aside: Path, beside: Path, target: Path) -> None:
    try:
        rename_new(aside, target)
    except OSError as err:
        if err.errno != errno.EXDEV:
            raise
        copy_new(aside, beside, target)
        os.unlink(aside)


def _reason_file(path: Path) -> Path:
    """Gives the name for the reason; of one that is too long the end is kept, which may hold its number."""
    room = MAX_NAME_BYTES - len(REASON_ENDING)
    return path.with_name(os.fsdecode(os.fsencode(path.name)[-room:]) + REASON_ENDING)


def _write_reason(path: Path, reason: str) -> None:
    _reason_file(path).write_text(reason, encoding="utf-8", errors="backslashreplace")


def _aside(path: str) -> Path:
    return Path(path).with_name(f".{uuid.uuid4().hex}.taking")


def _identity(found: os.stat_result) -> FileIdentity:
    return FileIdentity(found.st_size, found.st_mtime_ns, found.st_ino)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _are_equal(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        return _sha256(first) == _sha256(second)
