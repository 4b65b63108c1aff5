"""`batchocr schedule`: lets the system start an ingest by itself."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

import click

from batchocr.cli.options import emit
from batchocr.errors import ConfigError, ExitCode

EPILOG = """\b
Examples:
  batchocr schedule --job jobs/nightly.yaml --cron "0 2 * * *"
  batchocr schedule --job jobs/nightly.yaml --cron "*/5 * * * *" --install
  batchocr schedule --job jobs/nightly.yaml --cron "@daily" --kind systemd
  batchocr schedule --job jobs/nightly.yaml --remove

Two ingests of a job never run at once: the second says who is at work and ends.
"""


@click.command("schedule", epilog=EPILOG)
@click.option(
    "--job", "path", required=True, type=click.Path(path_type=Path), metavar="FILE", help="job file with `ingest`"
)
@click.option("--cron", "when", metavar="TIME", help='minute, hour, day, month, weekday: "0 2 * * *" is 2:00 at night')
@click.option(
    "--kind",
    type=click.Choice(["crontab", "systemd", "windows"]),
    help="what starts it  [default: what this machine has]",
)
@click.option("--install", is_flag=True, help="install it, in place of an older one for this job")
@click.option("--remove", is_flag=True, help="take it away again")
def command(path: Path, when: str | None, kind: str | None, install: bool, remove: bool) -> int:
    """Shows what makes the system start `batchocr ingest` for a job by itself, or installs it."""
    from batchocr.ingest.job import load_job
    from batchocr.scheduling.cron import parse
    from batchocr.scheduling.entry import make_entry

    if install and remove:
        raise click.UsageError("--install and --remove do not go together.")
    if when is None and not remove:
        raise click.UsageError('--cron is missing: when is it to start? "0 2 * * *" is 2:00 every night.')
    if remove and not path.exists():  # the job may be gone: only its name counts
        log = path.parent
    else:
        log = load_job(path, {}, os.environ).run.state_path / "logs" / "cron.log"
    entry = make_entry(path, parse(when or "@daily"), log)
    keeper = import_module(f"batchocr.scheduling.{kind or _kind_here(needed=install or remove)}")
    if install or remove:
        done = keeper.install(entry) if install else keeper.remove(entry)
        emit(f"{done[0].upper()}{done[1:]}.")
    if not remove:
        emit(keeper.text(entry).rstrip("\n"))
    return int(ExitCode.OK)


def _kind_here(*, needed: bool) -> str:
    """Gives what this machine has.

    Args:
        needed: not only to be shown.

    Raises:
        ConfigError: it has none.
    """
    if sys.platform == "win32":
        return "windows"
    if shutil.which("crontab"):
        return "crontab"
    if Path("/run/systemd/system").is_dir():
        return "systemd"
    if needed:
        raise ConfigError(
            "This machine has neither crontab nor systemd: install cron, or start `batchocr ingest` yourself."
        )
    return "crontab"
