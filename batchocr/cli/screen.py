"""The screen of a run on a terminal: a bar, speed and time left, a line for each worker. Logs scroll by above it.

It is drawn by the thread that runs the run, and taken away at the end, so that nothing is left for the shell to trip
over. Everything that came out of a document passes through `printable` and is never read as markup.
"""

from __future__ import annotations

from contextlib import ExitStack

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batchocr.cli.progress import Progress, logger, pace_texts, pages_text, plan_line
from batchocr.datatypes import RunProgress, WorkerView, counted
from batchocr.logs import SHOWN, lines_above, printable

# Below this a worker's line holds nothing of use.
NARROW_COLUMNS = 60
# Lines for everything but the workers: bar, figures, a line of the log, the cursor.
OTHER_LINES = 4
MIB = 1 << 20
GIB = 1 << 30
STYLES = {"busy": "green", "loading": "yellow", "waiting": "yellow", "timed_out": "red", "retired": "red"}


def open_console() -> Console:
    """Gives the terminal behind stderr. It heeds NO_COLOR and TERM, and takes no text for markup."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


class ScreenProgress(Progress):
    """Shows what the run will do at once, and then how it goes.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        # Drawn by hand a few times a second: a thread of its own would draw while a signal stops the run.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._open = ExitStack()
        self._has_said = False

    def __enter__(self) -> ScreenProgress:
        self._open.enter_context(self._live)
        self._open.enter_context(lines_above(self._say))
        self._live.update(Text("Looking at documents, engine and devices ..."), refresh=True)
        return self

    def close(self) -> None:
        """Takes the screen away: the summary says it all."""
        self._live.update(Text())
        self._open.close()
        if self._has_said:
            self._console.print()

    def _say(self, line: str) -> None:
        self._has_said = True
        self._console.print(Text(line), soft_wrap=True)

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None:
        """Says what the run is going to do; the log gets it as one line."""
        logger.info("%s", plan_line(documents, skipped, devices, engine, note), extra={SHOWN: True})
        plan = Table.grid(padding=(0, 2))
        plan.add_column()
        plan.add_column(overflow="fold")
        plan.add_row("documents", f"{documents} found" + (f", {skipped} done before" if skipped else ""))
        plan.add_row("engine", f"{engine} on {', '.join(devices)}")
        for number, reason in enumerate(note.split("; ") if note else []):
            plan.add_row("" if number else "why", printable(reason))
        self._console.print(plan)
        self._console.print()

    def on_progress(self, progress: RunProgress) -> None:
        """Draws the screen again."""
        columns, lines = self._console.size
        rows: list[RenderableType] = [bar_row(progress, columns), figures_row(progress)]
        if columns >= NARROW_COLUMNS:
            room = lines - OTHER_LINES
            rows += [worker_row(worker, columns) for worker in shown_workers(progress.workers, room)]
            hidden = len(progress.workers) - len(rows) + 2
            rows += [Text(f"  and {counted(hidden, 'more worker')}", style="dim")] if hidden else []
        self._live.update(Group(*rows), refresh=True)


def shown_workers(workers: tuple[WorkerView, ...], room: int) -> tuple[WorkerView, ...]:
    """Gives the workers that have a line on the screen: all, or the first ones and a line that counts the others."""
    return workers if len(workers) <= room else workers[: max(0, room - 1)]


def bar_row(progress: RunProgress, columns: int) -> RenderableType:
    """Gives the bar with the share before it and the pages after it, as wide as the terminal."""
    known = progress.pages_total and not progress.counting
    share = f"{progress.pages_ended * 100 // progress.pages_total:3d} %" if known else "    -"
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(width=5)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True, justify="right")
    total = max(1, progress.pages_total)
    bar = ProgressBar(total, progress.pages_ended, complete_style="cyan", finished_style="green")
    row.add_row(share, bar if columns >= NARROW_COLUMNS else "", pages_text(progress))
    return row


def figures_row(progress: RunProgress) -> Text:
    """Gives speed, time left, documents and failures in one line."""
    parts = [Text(part) for part in pace_texts(progress)]
    parts.append(Text(f"{progress.documents_ended}/{progress.documents_total} documents"))
    if progress.pages_failed:
        parts.append(Text(f"{counted(progress.pages_failed, 'page')} failed", style="bold red"))
    return Text("  ", overflow="ellipsis", no_wrap=True) + Text("   ").join(parts)


def worker_row(worker: WorkerView, columns: int) -> Text:
    """Gives what a worker is doing, at most so many columns wide; a long document name loses its beginning."""
    head = f"  {worker.worker:<7} {worker.state:<8} "
    tail = f"  page {worker.page_no}" if worker.source and worker.page_no else ""
    tail += f"  {size(worker.rss_bytes)}" if worker.rss_bytes else ""
    tail += f"  GPU {size(worker.gpu_bytes)}" if worker.gpu_bytes is not None else ""
    source = Text(printable(worker.source))
    room = max(0, columns - len(head) - len(tail) - 1)
    if source.cell_len > room:
        source = _end_of(source.plain, room)
    row = Text(head, no_wrap=True, overflow="crop")
    row.stylize(STYLES.get(worker.state, "dim"), 2)
    return row + source + Text(tail, style="dim")


def size(number: int) -> str:
    """Gives bytes for people: `812 MiB`, `3.1 GiB`."""
    return f"{number / GIB:.1f} GiB" if number >= GIB else f"{number / MIB:.0f} MiB"


def _end_of(text: str, columns: int) -> Text:
    """Gives the end of a text that fits; wide characters take two columns."""
    if columns <= 3:
        return Text()
    kept = Text(text[-columns:])
    while kept.cell_len > columns - 3:
        kept = kept[1:]
    return Text("...") + kept
