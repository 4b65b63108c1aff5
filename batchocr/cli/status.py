"""`batchocr status`: how far a run is, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from batchocr.cli.options import emit, emit_json
from batchocr.cli.summary import documents_text, failures_text
from batchocr.datatypes import DocumentState
from batchocr.errors import ExitCode
from batchocr.logs import printable


@click.command("status")
@click.argument("output", type=click.Path(path_type=Path), default=Path("output"), metavar="[OUT]")
@click.option(
    "--state-dir", type=click.Path(path_type=Path), metavar="PATH", help="if the run had one  [default: OUT/.batchocr]"
)
@click.option("--json", "as_json", is_flag=True, help="write all documents as one JSON object")
def command(output: Path, state_dir: Path | None, as_json: bool) -> int:
    """Shows the last run to OUT (./output unless named), also while it is going on. Changes nothing."""
    from batchocr import runs

    found = runs.status(output, state_dir)
    if as_json:
        emit_json(found)
    else:
        emit(status_text(found, str(output)))
    return int(ExitCode.OK)


def status_text(found: Mapping[str, Any], output: str) -> str:
    """Gives a status for people.

    Args:
        found: as in `batchocr status --json`.
        output: the output folder as the user wrote it.
    """
    run, totals = found["run"], found["totals"]
    states = {state.value: totals[state.value] for state in DocumentState}
    pages = f"{totals['pages_done']} of {totals['pages']} done"
    if totals["pages_failed"]:
        pages += f", {totals['pages_failed']} failed"
    ended = f", ended {_time(run['ended_at'])}" if run["ended_at"] else ""
    lines = [
        f"Run {run['id']} {run['state']}: started {_time(run['started_at'])}{ended}",
        *([f"  {printable(run['message'])}"] if run["message"] else []),
        "",
        f"  engine     {run['engine']} on {', '.join(run['devices'])}",
        f"  documents  {documents_text(states)}",
        f"  pages      {pages}",
        f"  results    {printable(output)}",
    ]
    return "\n".join([*lines, *failures_text(found["documents"], output)])


def _time(utc: str) -> str:
    """Gives a time of the ledger in local time, to the second."""
    return datetime.fromisoformat(utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")
