"""`batchocr retry`: only what failed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from batchocr.cli.options import GroupedCommand, given_settings, setting_options
from batchocr.cli.progress import choose_progress
from batchocr.cli.run import show_summary, told_if_stopped
from batchocr.config import secrets_from_environment
from batchocr.errors import FailureKind
from batchocr.logs import console_logging

# Settings that a retry may change: none of them changes what a page's result would be.
CHANGEABLE = (
    "state_dir", "password_file", "devices", "workers_per_device", "max_attempts", "page_timeout_s", "load_timeout_s",
    "render_timeout_s", "render_memory", "time_budget", "metrics", "log_level",
)  # fmt: skip

EPILOG = """\b
Examples:
  batchocr retry out                                   all that failed
  batchocr retry out --kind timeout --page-timeout-s 900
  batchocr retry out --kind document_encrypted --password-file passwords.tsv
"""


@setting_options(CHANGEABLE, default_text="that of the last run", apart=("state_dir", "time_budget"))
@click.command("retry", cls=GroupedCommand, epilog=EPILOG)
@click.argument("output", type=click.Path(path_type=Path), default=Path("output"), metavar="[OUT]")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in FailureKind]),
    metavar="KIND",
    help="only failures of this kind; may be given several times; kinds: "
    + ", ".join(kind.value for kind in FailureKind)
    + "  [default: all]",
)
@click.option("--quiet", is_flag=True, help="show no progress, and nothing at all when every page is read")
@click.option("--json", "as_json", is_flag=True, help="write one JSON summary to stdout, and nothing else there")
def command(output: Path, kinds: tuple[str, ...], quiet: bool, as_json: bool, **parameters: Any) -> int:
    """Reads again what failed in the last run to OUT (./output unless named), with that run's settings.

    Pages that were read stay as they are. With nothing to retry the exit code is 0. Keys that the engine needs are not
    stored with a run: give them in BATCHOCR_ENGINE_OPTIONS again.
    """
    overrides = {**given_settings(parameters), "engine_options": secrets_from_environment(os.environ)}
    level = overrides.get("log_level", "info")
    console_logging("warning" if quiet and level in ("debug", "info") else level)
    from batchocr import runs

    state_dir = Path(overrides.pop("state_dir")) if "state_dir" in overrides else None
    with told_if_stopped(output, state_dir, as_json), choose_progress(quiet or as_json) as progress:
        summary = runs.retry(output, kinds=kinds, state_dir=state_dir, overrides=overrides, listener=progress)
    return show_summary(summary, quiet=quiet, as_json=as_json)
