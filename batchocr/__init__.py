"""batchocr: folders of PDFs and page images into Markdown, tables, images and visualization PDFs, on every device."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from batchocr.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from batchocr.datatypes import RunSummary
    from batchocr.runs import RunListener

__all__ = ["__version__", "run", "show"]


def run(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    *,
    job: str | os.PathLike[str] | None = None,
    listener: RunListener | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> RunSummary:
    """Runs a job and gives what came of it; the same call again does only what is missing.

    It works from a script without a `__main__` guard, from `python -`, `-c` and a notebook alike.

    Args:
        inputs: files, folders, globs or `@list.txt`, one or several.
        job: a job file; its settings are overridden by those given here.
        listener: is told how the run goes.
        progress: show bars; in a notebook unless told otherwise, and never with a listener.
        **settings: any setting of `batchocr run`, such as `output="out"`, `devices="gpu:0,gpu:1"`, `engine="ppocr"`.

    Raises:
        batchocr.errors.ConfigError, InputError, SetupError, StorageError, RunFailedError: as `batchocr run`; a document
            or page that fails is no exception: see `RunSummary.failures` and `RunSummary.exit_code`.
    """
    from pathlib import Path

    with _without_current_folder():
        from batchocr import runs
        from batchocr.config import load_settings
        from batchocr.notebook import NotebookProgress, in_notebook

        wanted = listener is None and (in_notebook() if progress is None else progress)
        bars = NotebookProgress() if wanted else nullcontext(listener)
    if inputs is not None:
        many = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
        settings["inputs"] = tuple(os.fspath(entry) for entry in many)
    with bars as told:
        return runs.run(load_settings(settings, Path(job) if job else None, os.environ), listener=told)


def show(document: str | os.PathLike[str], pages: Collection[int] | None = None) -> None:
    """Shows pages of a document in a notebook: the page, what was found on it, and its Markdown.

    Args:
        document: the document's folder in the output folder, such as `output/reports/invoice`.
        pages: page numbers such as `[2, 5]` or `range(10, 20)`; the first three unless given.

    Raises:
        batchocr.errors.InputError: there is no such document.
        batchocr.errors.SetupError: IPython is not installed.
    """
    with _without_current_folder():
        from batchocr import notebook
    notebook.show(document, pages)


@contextmanager
def _without_current_folder() -> Iterator[None]:
    """Keeps a `socket.py` in the current folder from being taken for the standard library's."""
    from pathlib import Path

    before = list(sys.path)
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(Path.cwd())}]
    try:
        yield
    finally:
        sys.path[:] = before
