"""`batchocr watch`: folders that documents are dropped into, for as long as it is let."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from batchocr.cli.ingest import ingest_options, tell, tell_command, wait_option
from batchocr.cli.options import GroupedCommand
from batchocr.cli.progress import choose_progress
from batchocr.errors import BatchOcrError
from batchocr.logs import console_logging

EPILOG = """\b
Examples:
  batchocr watch --job jobs/nightly.yaml
  batchocr watch --job jobs/nightly.yaml --poll     on a network share

Ctrl-C and SIGTERM let a run finish the pages in hand; the exit code is 130 or 143. The next start goes on.
"""


@click.command("watch", cls=GroupedCommand, epilog=EPILOG)
@ingest_options
@wait_option
@click.option("--poll", is_flag=True, help="look at the folders every 2 s instead of waiting for reports of changes")
@click.option("--quiet", is_flag=True, help="say nothing unless something went wrong")
@click.option(
    "--json", "as_json", is_flag=True, help="write a JSON object on a line to stdout whenever something happened"
)
def command(path: Path, wait_s: float, poll: bool, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Does what `batchocr ingest` does, again and again: for files that are there, and as soon as one comes."""
    from batchocr.ingest.job import load_job
    from batchocr.ingest.outcome import Outcome
    from batchocr.ingest.watching import watch

    job = load_job(path, flags, os.environ)
    console_logging("warning" if quiet and job.run.log_level in ("debug", "info") else job.run.log_level)

    def told(outcome: Outcome) -> None:
        tell(job, outcome, quiet=quiet, as_json=as_json)

    try:
        return int(watch(job, told, poll=poll, wait_s=wait_s, listener=choose_progress(True)))
    except BatchOcrError as err:
        tell_command(job, Outcome(job.name, err.exit_code, message=str(err)))
        raise
