"""Refuses inputs and output that lie in each other: a run would read its own results."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterable
from pathlib import Path

from batchocr.errors import ConfigError


def check_apart(inputs: Iterable[str], output: Path) -> None:
    """Passes if no input lies in the output folder and the output folder in no input folder.

    Symlinks are followed. `@FILE` lists are not opened; give their lines to this function where they are read.

    Raises:
        ConfigError: names the input and what to do.
    """
    target = Path(os.path.realpath(output))
    for item in inputs:
        if item.startswith("@"):
            continue
        magic = glob.has_magic(item) and not os.path.lexists(item)
        path = Path(os.path.realpath(_fixed_part(item) if magic else item))
        if path == target or (target in path.parents):
            raise ConfigError(
                f"Input {item} lies in the output folder {output}: the run would read its own results. "
                "Choose another output folder with -o."
            )
        if _is_walked(item, path, target) if magic else (path in target.parents and not path.is_file()):
            raise ConfigError(
                f"The output folder {output} lies in the input folder {item}: the next run would read its own "
                "results. Choose an output folder outside of it with -o."
            )


def _fixed_part(pattern: str) -> Path:
    """Gives the folder above a glob's first wildcard."""
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])


def _is_walked(pattern: str, base: Path, target: Path) -> bool:
    """Tells whether a glob finds results in the output folder, or a folder that it lies in."""
    if base not in target.parents:
        return False
    wanted = Path(pattern).parts[len(_fixed_part(pattern).parts) :]
    if "**" in wanted:
        return True
    there = target.relative_to(base).parts
    if not all(map(fnmatch.fnmatchcase, there, wanted)):
        return False
    # A folder that the glob names is walked; of the files right in the output folder none is a result.
    return len(wanted) <= len(there) or len(wanted) > len(there) + 1
