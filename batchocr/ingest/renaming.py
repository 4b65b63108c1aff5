"""Moves of files that overwrite nothing, on every platform and over file systems."""

# Names are hostile and may hold surrogates; these calls take them as they are.
# ruff: noqa: PTH104, PTH108

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

MAX_NAME_BYTES = 255
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}


def rename_new(old: Path, new: Path) -> None:
    """Renames a file within its file system, unless the new name is taken.

    Raises:
        FileExistsError: it is taken; nothing was changed.
        OSError: as `rename` does; `EXDEV` for another file system.
    """
    if sys.platform == "win32":
        os.rename(old, new)
        return
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError as err:
        if err.errno not in _NO_LINKS:
            raise
        # A file system without hard links: an empty file of ours takes the name first.
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        old.replace(new)
        return
    os.unlink(old)


def copy_new(old: Path, beside: Path, new: Path) -> None:
    """Copies a file, with its times and rights, to a file system of its own; whole or not at all.

    Args:
        old: the file, which stays.
        beside: a name in the new folder that nobody else uses, for the time of copying.
        new: its new name.

    Raises:
        FileExistsError: the new name is taken; nothing was changed.
        OSError: as `open` and `write` do.
    """
    try:
        with old.open("rb") as source, beside.open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        shutil.copystat(old, beside)
        rename_new(beside, new)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def numbered(path: Path, *, stem: bool = True) -> Iterator[Path]:
    """Gives a name and its alternatives: `a.pdf`, `a~2.pdf`, `a~3.pdf` and so on; without `stem`, `a.pdf~2`.

    Names that would be too long for a file system are cut before the number.
    """
    yield path
    for number in count(2):
        ending = f"~{number}{path.suffix if stem else ''}"
        start = os.fsencode(path.stem if stem else path.name)[: MAX_NAME_BYTES - len(os.fsencode(ending))]
        yield path.with_name(os.fsdecode(start) + ending)
