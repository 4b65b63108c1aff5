"""`batchocr run`: the main job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchocr.cli.options import GroupedCommand, emit, emit_json, given_settings, setting_options
from batchocr.cli.progress import choose_progress
from batchocr.cli.status import status_text
from batchocr.cli.summary import summary_json, summary_text
from batchocr.config import RunSettings, load_settings
from batchocr.datatypes import RunSummary, counted
from batchocr.errors import ExitCode, RunFailedError
from batchocr.logs import console_logging, printable

if TYPE_CHECKING:
    from batchocr.runs import Plan

SHOWN_DOCUMENTS = 20

EPILOG = """\b
Examples:
  batchocr run scans/                             all documents below scans/
  batchocr run 'in/**/*.pdf' photo.jpg @list.txt  globs, files, lists
  batchocr run scans/ -o out --devices gpu:0,gpu:1
  batchocr run scans/ --mode ocr --dpi 300        read all text from the image
  batchocr run scans/ --pages 1-3,7 --formats md,json
  batchocr run scans/ --engine ppocr --engine-option runtime=onnxruntime
  batchocr run --job jobs/nightly.yaml --dry-run  what a job would do

Every option is also a key of a job file, with underscores (`--max-attempts 3` is `max_attempts: 3`), and a variable
(`BATCHOCR_MAX_ATTEMPTS=3`). Stronger wins: option, variable, job file, profile, default.

The results of one document are a folder in the output folder. The same command again does only what is missing.
"""


@setting_options()
@click.command("run", cls=GroupedCommand, epilog=EPILOG)
@click.option("--job", type=click.Path(path_type=Path), metavar="FILE", help="job file with settings (YAML)")
@click.option(
    "--profile",
    metavar="NAME",
    help="settings from a YAML file, from configs/NAME.yaml here, or from a profile that comes along (kaggle-t4x2, …)",
)
@click.option("--quiet", is_flag=True, help="show no progress, and nothing at all when every page is read")
@click.option("--json", "as_json", is_flag=True, help="write one JSON summary to stdout, and nothing else there")
def command(job: Path | None, quiet: bool, as_json: bool, **parameters: Any) -> int:
    """Reads documents: PDF, PNG, JPEG, TIFF, WebP and BMP in; Markdown, JSON, xlsx, images and PDFs to look at out.

    INPUT is a file, a folder (with all folders in it), a glob in quotes, or @FILE with one of these on each line.
    """
    settings = load_settings(given_settings(parameters), job, os.environ)
    console_logging("warning" if quiet and settings.log_level in ("debug", "info") else settings.log_level)
    from batchocr import runs

    if settings.dry_run:
        plan = runs.plan(settings)
        if as_json:
            emit_json(plan_json(plan))
        else:
            emit(plan_text(plan, settings))
        return int(ExitCode.OK)
    with told_if_stopped(settings.output, settings.state_dir, as_json), choose_progress(quiet or as_json) as progress:
        summary = runs.run(settings, listener=progress)
    return show_summary(summary, quiet=quiet, as_json=as_json)


@contextmanager
def told_if_stopped(output: Path, state_dir: Path | None, as_json: bool) -> Iterator[None]:
    """Shows how far a run came that had to stop early; the caller gets its error all the same.

    Args:
        output: the output folder.
        state_dir: where its ledger is, if not in it.
        as_json: stdout is for a program, and stays empty.
    """
    try:
        yield
    except RunFailedError:
        if not as_json:
            from batchocr import runs

            emit(status_text(runs.status(output, state_dir), str(output), str(state_dir) if state_dir else None))
        raise


def show_summary(summary: RunSummary, *, quiet: bool, as_json: bool) -> int:
    """Writes a summary to stdout and gives the exit code."""
    if as_json:
        emit_json(summary_json(summary))
    elif not quiet or summary.exit_code:
        emit(summary_text(summary))
    return int(summary.exit_code)


def plan_json(plan: Plan) -> dict[str, Any]:
    """Gives a plan as JSON-safe data with a schema number."""
    return {
        "schema": 1,
        "documents": plan.documents,
        "skipped": plan.skipped,
        "to_do": [{"source": source, "folder": plan.folders[source]} for source in plan.to_do],
        "refused": [{"source": source, "reason": reason} for source, reason in plan.refused],
        "engine": plan.engine,
        "devices": list(plan.devices),
        "note": plan.note,
    }


def plan_text(plan: Plan, settings: RunSettings) -> str:
    """Gives a plan for people: what would be read and to where, what is done, what is refused."""
    lines = [
        f"Would read {len(plan.to_do)} of {counted(plan.documents, 'document')} into {printable(str(settings.output))}",
        f"  skipped    {plan.skipped} done before",
        f"  refused    {len(plan.refused)}",
        "  pages      not known before a run opens the documents",
        f"  engine     {plan.engine} on {', '.join(plan.devices)}" + (f" ({plan.note})" if plan.note else ""),
        "",
    ]
    for source in plan.to_do[:SHOWN_DOCUMENTS]:
        lines.append(f"  {printable(source)} -> {printable(plan.folders[source])}/")
    if len(plan.to_do) > SHOWN_DOCUMENTS:
        lines.append(f"  and {counted(len(plan.to_do) - SHOWN_DOCUMENTS, 'more document')} (--json lists all)")
    lines += [f"  refused: {printable(source)}: {printable(reason)}" for source, reason in plan.refused]
    return "\n".join(lines).rstrip()
