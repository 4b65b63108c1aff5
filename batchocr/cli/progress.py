"""What a person sees while a run goes on: a screen on a terminal, lines now and then elsewhere. All on stderr."""

from __future__ import annotations

import sys
from types import TracebackType

from batchocr.datatypes import RunProgress, counted
from batchocr.logs import get_logger

LINE_EVERY_S = 10.0
STEP_PERCENT = 10
MINUTE, HOUR = 60, 3600

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
        logger.info("%s", plan_line(documents, skipped, devices, engine, note))

    def on_progress(self, progress: RunProgress) -> None:
        """Takes note of how far the run is."""

    def on_warning(self, message: str) -> None:
        """Says nothing more: the run logs its warnings, and they reach the terminal from there."""


class LineProgress(Progress):
    """A plain line at the start, every ten seconds and at every tenth of the pages, for log files and pipes."""

    def __init__(self) -> None:
        self._said_s = 0.0
        self._said_step = -STEP_PERCENT

    def on_progress(self, progress: RunProgress) -> None:
        """Writes a line when it is time for one."""
        step = (
            0 if progress.counting or not progress.pages_total else progress.pages_ended * 100 // progress.pages_total
        )
        step -= step % STEP_PERCENT
        if step <= self._said_step and progress.elapsed_s - self._said_s < LINE_EVERY_S:
            return
        self._said_step, self._said_s = max(step, self._said_step), progress.elapsed_s
        logger.info("%s", progress_line(progress))


def choose_progress(quiet: bool) -> Progress:
    """Gives what fits where stderr goes to: a screen on a terminal, lines elsewhere and on a dumb one.

    Args:
        quiet: show nothing.
    """
    if quiet:
        return Progress()
    if not sys.stderr.isatty():
        return LineProgress()
    from batchocr.cli.screen import ScreenProgress, open_console

    console = open_console()
    return LineProgress() if console.is_dumb_terminal else ScreenProgress(console)


def duration(seconds: float) -> str:
    """Gives a time span for people: `42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def left_text(left_s: tuple[float, float]) -> str:
    """Gives how long it will take, at best and at worst: `40 to 55 s left`, `3 min left`, `1.5 to 2.0 h left`."""
    best, worst = left_s
    if worst < 2 * MINUTE:
        figures, unit = (f"{best:.0f}", f"{worst:.0f}"), "s"
    elif worst < 2 * HOUR:
        figures, unit = (f"{best / MINUTE:.0f}", f"{worst / MINUTE:.0f}"), "min"
    else:
        figures, unit = (f"{best / HOUR:.1f}", f"{worst / HOUR:.1f}"), "h"
    return f"{figures[0] if figures[0] == figures[1] else ' to '.join(figures)} {unit} left"


def plan_line(documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> str:
    """Gives what a run is going to do, in one line."""
    done = f" ({skipped} done before)" if skipped else ""
    why = f"; {note}" if note else ""
    return f"{counted(documents, 'document')}{done}, engine {engine} on {', '.join(devices)}{why}"


def pages_text(progress: RunProgress) -> str:
    """Gives `12/340 pages`; `so far` is added while they are being counted."""
    return f"{progress.pages_ended}/{progress.pages_total} pages" + (" so far" if progress.counting else "")


def pace_texts(progress: RunProgress) -> list[str]:
    """Gives speed, time left and failures, as far as there is something to say."""
    parts = []
    if progress.pages_per_s is not None:
        parts.append(f"{progress.pages_per_s:.2f} pages/s")
    if progress.left_s is not None and progress.pages_total > progress.pages_ended:
        parts.append(left_text(progress.left_s))
    return parts


def progress_line(progress: RunProgress) -> str:
    """Gives how far a run is, in one line."""
    share = ""
    if progress.pages_total and not progress.counting:
        share = f" ({progress.pages_ended * 100 // progress.pages_total} %)"
    parts = [pages_text(progress) + share, *pace_texts(progress)]
    if progress.pages_failed:
        parts.append(f"{counted(progress.pages_failed, 'page')} failed")
    return f"{', '.join(parts)}; {progress.documents_ended}/{progress.documents_total} documents"
