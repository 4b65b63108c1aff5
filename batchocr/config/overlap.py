"""Refuses inputs and output that lie in each other: a run would read its own results."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from batchocr.errors import ConfigError


def check_apart(inputs: Iterable[str], output: Path) -> None:
    """Passes if no input lies in the output folder and the output folder in no input folder.

    Symlinks are followed. `@FILE` lists are not opened, and of a glob only the folder in front of its wildcards counts:
    what they name is not taken from the output folder when inputs are discovered.

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
        if not magic and path in target.parents and not path.is_file():
            raise ConfigError(
                f"The output folder {output} lies in the input folder {item}: the next run would read its own "
                "results. Choose an output folder outside of it with -o."
            )


def _fixed_part(pattern: str) -> Path:
    """Gives the folder above a glob's first wildcard."""
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])
