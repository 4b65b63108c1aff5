"""`batchocr ingest`: folders that documents are dropped into, once; for cron."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from batchocr.cli.options import GroupedCommand, GroupedOption, emit
from batchocr.cli.progress import choose_progress
from batchocr.config import IngestSettings
from batchocr.datatypes import counted
from batchocr.errors import BatchOcrError, ExitCode
from batchocr.logs import console_logging, printable

if TYPE_CHECKING:
    from batchocr.ingest.ingesting import Look
    from batchocr.ingest.job import IngestJob
    from batchocr.ingest.outcome import Outcome

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

EPILOG = """\b
Examples:
  batchocr ingest --job jobs/nightly.yaml             read what has come
  batchocr ingest --job jobs/nightly.yaml --dry-run   what would be read
  batchocr schedule --job jobs/nightly.yaml --cron "0 2 * * *" --install

Nothing is said when there is nothing to do. Exit codes: 0 all read or nothing to do, 2 wrong call or folders that lie
in each other, 3 an input folder is missing, 4 something is missing on this machine, 5 something cannot be written or
moved, or another ingest of this job is at work, 6 documents failed, 7 the run stopped early. docs/cron.md says more.
"""


def ingest_options(command: Decorated) -> Decorated:
    """Adds the options that all commands with an ingest job have: `--job` and one for each setting of its section."""
    for name, info in reversed(IngestSettings.model_fields.items()):
        flag = "--" + name.replace("_", "-")
        if info.annotation is bool:
            option: dict[str, Any] = {"default": None}
            declarations = [name, f"{flag}/--no-{flag[2:]}"]
        else:
            metavar = {"on_success": "[keep|move|delete]", "done": "FOLDER", "failed": "FOLDER", "notify": "COMMAND"}
            option, declarations = {"metavar": metavar.get(name, "N")}, [name, flag]
        shown = "" if info.default in (None, ()) else f"; {_default_words(info.default)}"
        words = f"{info.description}  [default: the job's{shown}]"
        decorate = click.option(*declarations, cls=GroupedOption, group="What becomes of files", help=words, **option)
        command = decorate(command)
    job = click.option(
        "--job", "path", required=True, type=click.Path(path_type=Path), metavar="FILE",
        help="job file with settings of a run and a section `ingest` (YAML)",
    )  # fmt: skip
    return job(command)


def _default_words(value: object) -> str:
    if value is False:
        return "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def wait_option(command: Decorated) -> Decorated:
    """Adds `--wait`."""
    return click.option(
        "--wait", "wait_s", type=float, default=0.0, metavar="SECONDS",
        help="wait so long while another ingest of this job is at work  [default: not at all]",
    )(command)  # fmt: skip


@click.command("ingest", cls=GroupedCommand, epilog=EPILOG)
@ingest_options
@wait_option
@click.option("--dry-run", is_flag=True, help="show what would be read, and stop; changes nothing")
@click.option("--quiet", is_flag=True, help="say nothing unless something went wrong")
@click.option(
    "--json", "as_json", is_flag=True, help="write one JSON object on one line to stdout, and nothing else there"
)
def command(path: Path, wait_s: float, dry_run: bool, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Reads the files that have come into the input folders of a job, once, and keeps, moves or deletes them."""
    from batchocr.ingest.ingesting import ingest, look_around
    from batchocr.ingest.job import load_job
    from batchocr.ingest.outcome import Outcome

    job = load_job(path, flags, os.environ)
    show_progress = sys.stderr.isatty() and not (quiet or as_json)
    console_logging(job.run.log_level if show_progress or job.run.log_level == "debug" else "warning")
    if dry_run:
        _show_look(job, look_around(job), as_json=as_json)
        return int(ExitCode.OK)
    try:
        with choose_progress(not show_progress) as progress:
            outcome = ingest(job, wait_s=wait_s, listener=progress)
    except BatchOcrError as err:
        tell_command(job, Outcome(job.name, err.exit_code, message=str(err)))
        raise
    tell(job, outcome, quiet=quiet, as_json=as_json)
    return int(outcome.exit_code)


def tell(job: IngestJob, outcome: Outcome, *, quiet: bool, as_json: bool) -> None:
    """Says what an ingest came to: on stdout, and to the command of the user."""
    from batchocr.ingest import outcome as words

    if as_json:
        emit(json.dumps(words.as_json(outcome)))
    elif outcome.worth_telling and (outcome.exit_code or not quiet):
        emit(words.text(outcome))
    tell_command(job, outcome)


def tell_command(job: IngestJob, outcome: Outcome) -> None:
    """Tells the command of the user, if something happened."""
    from batchocr.ingest.notify import notify
    from batchocr.ingest.outcome import as_json

    if outcome.worth_telling:
        notify(job.ingest, as_json(outcome), job.path.parent)


def _show_look(job: IngestJob, look: Look, *, as_json: bool) -> None:
    found = {
        "to_read": list(look.settled),
        "refused": dict(look.refused),
        "vanished": list(look.vanished),
        "known": look.known,
    }
    if as_json:
        emit(json.dumps({"schema": 1, "job": job.name, **found}))
        return
    emit(f"Would read {counted(len(look.settled), 'file')} once settled; {look.known} were read before.")
    for path in look.settled:
        emit(f"  {printable(path)}")
    for path, reason in look.refused.items():
        emit(f"  refused: {printable(path)}: {printable(reason)}")
    for path in look.vanished:
        emit(f"  gone from the input: {printable(path)}")
