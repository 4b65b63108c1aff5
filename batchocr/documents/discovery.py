"""Finds the documents among the inputs, folder by folder, without ever holding more than one folder.

Runs in the coordinator: it looks at names and at the first bytes of files, and opens no document.
"""

# Paths stay strings: a root may hold millions of them, and each may hold surrogate escapes.
# ruff: noqa: PTH110, PTH112, PTH116, PTH118

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from batchocr.datatypes import FileIdentity, FoundFolder, RefusedFile, SourceFile
from batchocr.documents.formats import has_document_ending, sniff_path
from batchocr.documents.inputs import RootPlan, is_inside, resolve_inputs


def discover(inputs: Sequence[str], *, excluded: Sequence[Path] = ()) -> Iterator[FoundFolder]:
    """Gives every folder that holds documents or refused files, sorted by name, parents before their sub-folders.

    Args:
        inputs: files, folders (walked), globs (`**` too) and `@list.txt` files (an input per line, relative to the
            list's folder, `#` comments).
        excluded: folders that no walk enters: the output folder.

    Returns:
        A stream. A walk passes over hidden names and over files that are no document; a file that was named or that
        ends like a document is always given, so that it becomes a document that fails with a reason.

    Raises:
        InputError: an input does not exist, or a glob or list names nothing that exists; at once, not while streaming.
    """
    plans = resolve_inputs(inputs)
    closed = frozenset(os.path.realpath(folder) for folder in excluded)
    return (folder for plan in plans for folder in _Walk(plan, closed).folders())


class _Walk:
    """The walk through one root."""

    def __init__(self, plan: RootPlan, closed: frozenset[str]) -> None:
        self._plan = plan
        self._closed = closed

    def folders(self) -> Iterator[FoundFolder]:
        """Gives the folders of this root that hold anything."""
        named = set(self._plan.named)
        pending = [""] if self._plan.patterns and self._plan.real not in self._closed else []
        while pending:
            parent = pending.pop()
            named.discard(parent)
            found, subfolders = self._look(parent)
            if found is not None:
                yield found
            pending.extend(reversed(subfolders))
        # Files that were named where no walk comes: in hidden folders, or with no walk at all.
        for parent in sorted(named):
            found, _ = self._look(parent)
            if found is not None:
                yield found

    def _look(self, parent: str) -> tuple[FoundFolder | None, list[str]]:
        """Gives what is in one folder, and the sub-folders to walk."""
        plan = self._plan
        try:
            with os.scandir(self._path(parent)) as entries:
                listing = {entry.name: self._is_walked_folder(entry, parent) for entry in entries}
        except OSError as err:
            reason = f"the folder cannot be read: {err.strerror}; give batchocr the right to read it"
            return FoundFolder(plan.root, parent, (), (), (self._refused(parent, "", reason),)), []
        files: list[SourceFile] = []
        refused: list[RefusedFile] = []
        names: list[str] = []
        # A named file may be missing here, or be there under another spelling (case, Unicode form).
        for name in sorted(listing.keys() | plan.names(parent)):
            found = None if listing.get(name) else self._found(name, parent)
            if isinstance(found, SourceFile):
                files.append(found)
            elif found is not None:
                refused.append(found)
            if listing.get(name) or isinstance(found, SourceFile) or has_document_ending(name):
                names.append(name)
        below = (_below(parent, name) for name, walked in sorted(listing.items()) if walked)
        subfolders = [folder for folder in below if plan.leads(folder)]
        if not files and not refused:
            return None, subfolders
        return FoundFolder(plan.root, parent, tuple(files), tuple(names), tuple(refused)), subfolders

    def _is_walked_folder(self, entry: os.DirEntry[str], parent: str) -> bool:
        if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
            return False
        # No walk follows a link, so the real path needs no look at the disk.
        return os.path.join(self._plan.real, parent, entry.name) not in self._closed

    def _found(self, name: str, parent: str) -> SourceFile | RefusedFile | None:
        """Gives what one name is to us; None passes it over."""
        relative = _below(parent, name)
        named = name in self._plan.names(parent)
        if not named and (name.startswith(".") or not self._plan.wants(relative)):
            return None
        path = os.path.join(self._path(parent), name)
        try:
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                return None
            # The way to a named file may lead through a linked folder.
            if stat.S_ISLNK(status.st_mode) or (named and parent):
                target = os.path.realpath(path)
                if reason := self._why_refused(target):
                    return self._refused(parent, name, reason)
                if os.path.isdir(target) or self._finds_elsewhere(target, relative):
                    return None
                status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                return self._refused(
                    parent, name, "it is not a regular file, and only such files are read; move it away"
                )
            if not named and not has_document_ending(name) and sniff_path(path) is None:
                return None
            if not os.access(path, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as err:
            return self._refused(parent, name, f"it cannot be read: {err.strerror}; check its name and rights")
        identity = FileIdentity(status.st_size, status.st_mtime_ns, status.st_ino)
        return SourceFile(self._plan.root, relative, path, identity)

    def _why_refused(self, target: str) -> str:
        """Gives the reason not to follow a symbolic link to `target`, "" for none."""
        if not os.path.exists(target):
            return "it is a symbolic link to nothing; restore its target or remove the link"
        if not is_inside(target, self._plan.real):
            return "it is a symbolic link that leaves the input folder; name its target as an input if you want it"
        return ""

    def _finds_elsewhere(self, target: str, relative: str) -> bool:
        """Tells whether a link's target inside the root is found under its own name anyway."""
        own = Path(os.path.relpath(target, self._plan.real)).as_posix()
        parent, _, name = own.rpartition("/")
        if own == relative:
            return False
        if name in self._plan.names(parent):
            return True
        return not any(part.startswith(".") for part in own.split("/")) and self._plan.wants(own)

    def _path(self, parent: str) -> str:
        return os.path.join(self._plan.path, *parent.split("/")) if parent else self._plan.path

    def _refused(self, parent: str, name: str, reason: str) -> RefusedFile:
        return RefusedFile(self._plan.root, _below(parent, name) or ".", reason)


def _below(parent: str, name: str) -> str:
    return "/".join(part for part in (parent, name) if part)
