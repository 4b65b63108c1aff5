"""`batchocr cancel`: stops a run from elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from batchocr.cli.options import emit
from batchocr.errors import ExitCode
from batchocr.logs import printable


@click.command("cancel")
@click.argument("output", type=click.Path(path_type=Path), default=Path("output"), metavar="[OUT]")
def command(output: Path) -> int:
    """Asks the run that writes to OUT (./output unless named) to finish the pages in hand and stop.

    Returns at once; that run ends with exit code 143, and the same command goes on where it stopped. A second cancel
    ends it without waiting for its pages. With no run there is nothing to do, and the exit code is 0 as well.
    """
    from batchocr import runs

    holder = runs.cancel(output)
    folder = printable(str(output))
    if holder is None:
        emit(f"No run is writing to {folder}.")
    else:
        emit(f"The run that writes to {folder} ({printable(holder)}) was asked to finish its pages in hand and stop.")
    return int(ExitCode.OK)
