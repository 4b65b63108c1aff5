"""What a person sees while a run goes on: bars on a terminal, a line now and then elsewhere. All of it on stderr."""

from __future__ import annotations

import shutil
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from batchocr.datatypes import RunProgress, WorkerView
from batchocr.logs import get_logger, printable

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_EVERY_S = 10.0
STEP_PERCENT = 10
NARROW_COLUMNS = 60
BAR_FORMAT = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} pages [{elapsed}<{remaining}, {rate_fmt}{postfix}]"

logger = get_logger(__name__)


class Progress:
    """Listens to a run and says how it starts; use it in a `with` block.

    This one shows no progress; the others add it. A run calls its methods from one thread.
    """

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes away what stands on the screen."""

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None:
        """Says what the run is going to do."""
        done = f" ({skipped} done before)" if skipped else ""
        why = f"; {note}" if note else ""
        logger.info("%s%s, engine %s on %s%s", count(documents, "document"), done, engine, ", ".join(devices), why)

    def on_progress(self, progress: RunProgress) -> None:
        """Takes note of how far the run is."""

    def on_warning(self, message: str) -> None:
        """Says nothing more: the run logs its warnings, and they reach the terminal from there."""


class LineProgress(Progress):
    """A plain line every ten seconds and at every tenth of the pages, for log files and pipes."""

    def __init__(self) -> None:
        self._said_s = 0.0
        self._said_step = 0
        self._idle_s = 0.0

    def on_progress(self, progress: RunProgress) -> None:
        """Writes a line when it is time for one."""
        ended = progress.pages_done + progress.pages_failed
        if not ended:
            # Loading an engine takes minutes at times and says nothing about speed.
            self._idle_s = progress.elapsed_s
        step = 0 if progress.counting or not progress.pages_total else ended * 100 // progress.pages_total
        step -= step % STEP_PERCENT
        if step <= self._said_step and progress.elapsed_s - self._said_s < LINE_EVERY_S:
            return
        self._said_step, self._said_s = max(step, self._said_step), progress.elapsed_s
        logger.info("%s", progress_line(progress, progress.elapsed_s - self._idle_s))


class BarProgress(Progress):
    """A bar of pages with speed, time left and failures, and a line for each worker where there is room."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._lines: list[tqdm[Any]] = []

    def on_progress(self, progress: RunProgress) -> None:
        """Redraws what has changed."""
        if self._bar is None:
            self._bar = _bar(progress.pages_total)
        bar = self._bar
        bar.total = progress.pages_total
        postfix = f"{progress.pages_failed} failed" if progress.pages_failed else ""
        bar.set_postfix_str("counting" if progress.counting and not postfix else postfix, refresh=False)
        ended = progress.pages_done + progress.pages_failed
        if ended > bar.n:
            bar.update(ended - bar.n)
        bar.refresh()
        self._show_workers(progress.workers)

    def _show_workers(self, workers: tuple[WorkerView, ...]) -> None:
        size = shutil.get_terminal_size()
        room = size.columns >= NARROW_COLUMNS and size.lines >= len(workers) + 4
        while len(self._lines) < (len(workers) if room else 0):
            self._lines.append(_line(len(self._lines) + 1))
        for line, worker in zip(self._lines, workers, strict=False):
            line.set_description_str(worker_line(worker, size.columns - 1), refresh=True)

    def close(self) -> None:
        """Takes the bar and the workers' lines away: the summary says it all."""
        for line in reversed(self._lines):
            line.close()
        if self._bar is not None:
            self._bar.close()
        self._lines, self._bar = [], None


def choose_progress(quiet: bool) -> Progress:
    """Gives what fits where stderr goes to: bars on a terminal, lines elsewhere, nothing if `quiet`."""
    if quiet:
        return Progress()
    return BarProgress() if sys.stderr.isatty() else LineProgress()


def count(number: int, thing: str) -> str:
    """Gives `1 page`, `2 pages`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def duration(seconds: float) -> str:
    """Gives a time span for people: `42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def progress_line(progress: RunProgress, busy_s: float) -> str:
    """Gives how far a run is, in one line.

    Args:
        progress: what is known.
        busy_s: seconds since pages began to be read.
    """
    ended = progress.pages_done + progress.pages_failed
    share = f" ({ended * 100 // progress.pages_total} %)" if progress.pages_total and not progress.counting else ""
    total = f"{progress.pages_total} pages" + (" so far" if progress.counting else share)
    parts = [f"{ended}/{total}"]
    if ended and busy_s > 0:
        rate = ended / busy_s
        parts.append(f"{rate:.2f} pages/s")
        if not progress.counting and progress.pages_total > ended:
            parts.append(f"{duration((progress.pages_total - ended) / rate)} left")
    if progress.pages_failed:
        parts.append(f"{progress.pages_failed} failed")
    return f"{', '.join(parts)}; {progress.documents_ended}/{progress.documents_total} documents"


def worker_line(worker: WorkerView, columns: int) -> str:
    """Gives what a worker is doing, in at most `columns` characters; a long document name loses its beginning."""
    memory = f"  {worker.rss_bytes / (1 << 20):.0f} MiB" if worker.rss_bytes else ""
    if worker.gpu_bytes is not None:
        memory += f"  GPU {worker.gpu_bytes / (1 << 20):.0f} MiB"
    page = f" page {worker.page_no}" if worker.page_no else ""
    head = f"  {worker.worker:<7} {worker.state:<8} "
    room = max(0, columns - len(head) - len(page) - len(memory))
    source = printable(worker.source)
    if len(source) > room:
        source = "…" + source[len(source) - room + 1 :] if room > 1 else ""
    return f"{head}{source}{page}{memory}"[:columns]


def _bar(total: int) -> tqdm[Any]:
    from tqdm import tqdm

    # Its monitor is a thread that would outlive the bar.
    tqdm.monitor_interval = 0
    return tqdm(
        total=total, unit=" pages", leave=False, file=sys.stderr, dynamic_ncols=True, smoothing=0.1, mininterval=0.2,
        bar_format=BAR_FORMAT,
    )  # fmt: skip


def _line(position: int) -> tqdm[Any]:
    from tqdm import tqdm

    return tqdm(total=0, file=sys.stderr, position=position, bar_format="{desc}", leave=False, dynamic_ncols=True)
