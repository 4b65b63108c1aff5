"""Runs and documents in a notebook: bars while a run goes on, and pages to look at.

Cells run in the kernel's main thread, so an interrupted cell ends a run as Ctrl-C does; workers are processes of their
own and need nothing of the cell.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Collection
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from batchocr.datatypes import RunProgress, WorkerView, counted
from batchocr.errors import SetupError
from batchocr.logs import printable
from batchocr.preview import DocumentPreview, PagePreview, Picture, preview_document

if TYPE_CHECKING:
    from tqdm import tqdm

GIB = 1 << 30
BAR_FORMAT = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} pages [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
_CELL = '<td style="vertical-align:top;text-align:left">'


def in_notebook() -> bool:
    """Tells whether this code was called from a notebook's cell."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookProgress:
    """Listens to a run and shows a bar of its pages, and what each worker is doing; use it in a `with` block.

    Outside a notebook, and where ipywidgets is missing, the bars are text.
    """

    def __init__(self) -> None:
        from tqdm import TqdmWarning

        with warnings.catch_warnings():
            # Bars of text are a good answer to a missing ipywidgets.
            warnings.simplefilter("ignore", TqdmWarning)
            from tqdm.auto import tqdm

        # Its monitor is a thread that would outlive the bar.
        tqdm.monitor_interval = 0
        self._make = tqdm
        self._bar: tqdm[Any] | None = None
        self._lines: dict[str, tqdm[Any]] = {}

    def __enter__(self) -> NotebookProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in (*self._lines.values(), *([self._bar] if self._bar is not None else [])):
            bar.close()

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None:
        """Says what the run is going to do."""
        done = f", {skipped} done before" if skipped else ""
        self._make.write(f"{counted(documents, 'document')}{done}; engine {engine} on {', '.join(devices)}")
        if note:
            self._make.write(printable(note))

    def on_progress(self, progress: RunProgress) -> None:
        """Moves the bars."""
        if self._bar is None:
            self._bar = self._make(total=progress.pages_total, unit=" pages", bar_format=BAR_FORMAT, dynamic_ncols=True)
        bar = self._bar
        if bar.total != progress.pages_total:
            bar.reset(total=progress.pages_total) if not bar.n else setattr(bar, "total", progress.pages_total)
        words = [f"{progress.documents_ended}/{progress.documents_total} documents"]
        words += [f"{counted(progress.pages_failed, 'page')} failed"] if progress.pages_failed else []
        words += ["counting"] if progress.counting else []
        bar.set_postfix_str(", ".join(words), refresh=False)
        bar.update(progress.pages_ended - bar.n)
        bar.refresh()
        for worker in progress.workers:
            self._show_worker(worker)

    def _show_worker(self, worker: WorkerView) -> None:
        line = self._lines.get(worker.worker)
        if line is None:
            line = self._lines[worker.worker] = self._make(total=0, bar_format="{desc}", leave=False)
            graphical = getattr(line, "container", None)
            if graphical is not None:  # the words alone, without the empty bar in front of them
                graphical.children[1].layout.display = "none"
        line.set_description_str(worker_text(worker))

    def on_warning(self, message: str) -> None:
        """Says it above the bars."""
        self._make.write("\n".join(map(printable, message.splitlines())))


def worker_text(worker: WorkerView) -> str:
    """Gives what a worker is doing, in one line."""
    page = f" page {worker.page_no}" if worker.source and worker.page_no else ""
    memory = f"  {worker.rss_bytes / GIB:.1f} GiB" if worker.rss_bytes else ""
    memory += f"  GPU {worker.gpu_bytes / GIB:.1f} GiB" if worker.gpu_bytes is not None else ""
    return f"{worker.worker} {worker.state}  {printable(worker.source)}{page}{memory}"


def show(document: str | os.PathLike[str], pages: Collection[int] | None = None) -> None:
    """Shows pages of a document in the cell's output: the page, what was found on it, and its Markdown.

    Args:
        document: the document's folder in the output folder, such as `output/reports/invoice`.
        pages: page numbers such as `[2, 5]` or `range(10, 20)`; the first three unless given.

    Raises:
        InputError: there is no such document.
        SetupError: IPython is missing, so there is nothing to show it in.
    """
    try:
        from IPython.display import HTML, Markdown, display
    except ImportError as err:
        raise SetupError("batchocr.show is for notebooks, and IPython is not installed: pip install ipykernel") from err
    found = preview_document(Path(document), pages)
    display(HTML(heading_html(found)))
    for page in found.pages:
        display(HTML(page_html(page)))
        display(Markdown(page.markdown))


def heading_html(document: DocumentPreview) -> str:
    """Gives the name of a document and how much of it is shown."""
    shown = f"{len(document.pages)} of {counted(document.page_count, 'page')}"
    return f"<h3>{_text(document.source)}</h3><p>{shown}; others with <code>pages=range(4, 7)</code></p>"


def page_html(page: PagePreview) -> str:
    """Gives a page and its visualization side by side."""
    cells = "".join(f"{_CELL}{_picture(picture)}</td>" for picture in (page.page, page.layout))
    return f"<h4>Page {page.page_no}</h4><table><tr>{cells}</tr></table>"


def _picture(picture: Picture | str) -> str:
    if isinstance(picture, str):
        return f"<i>no picture: {_text(picture)}</i>"
    return f'<img style="max-width:100%" src="{escape(picture.url)}">'


def _text(words: str) -> str:
    return escape(printable(words))
