"""batchocr: folders of PDFs and page images into Markdown, tables, images and visualization PDFs, on every device."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from batchocr.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchocr.datatypes import RunSummary
    from batchocr.runs import RunListener

__all__ = ["__version__", "run"]


def run(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    *,
    job: str | os.PathLike[str] | None = None,
    listener: RunListener | None = None,
    **settings: Any,
) -> RunSummary:
    """Runs a job and gives what came of it; the same call again does only what is missing.

    It works from a script without a `__main__` guard, from `python -`, `-c` and a notebook alike.

    Args:
        inputs: files, folders, globs or `@list.txt`, one or several.
        job: a job file; its settings are overridden by those given here.
        listener: is told how the run goes.
        **settings: any setting of `batchocr run`, such as `output="out"`, `devices="gpu:0,gpu:1"`, `engine="ppocr"`.

    Raises:
        batchocr.errors.ConfigError, InputError, SetupError, StorageError, RunFailedError: as `batchocr run`; a document
            or page that fails is no exception: see `RunSummary.failures` and `RunSummary.exit_code`.
    """
    from pathlib import Path

    # A `socket.py` in the current folder must not be taken for the standard library's.
    before = list(sys.path)
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(Path.cwd())}]
    try:
        from batchocr import runs
        from batchocr.config import load_settings
    finally:
        sys.path[:] = before
    if inputs is not None:
        many = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
        settings["inputs"] = tuple(os.fspath(entry) for entry in many)
    return runs.run(load_settings(settings, Path(job) if job else None, os.environ), listener=listener)
