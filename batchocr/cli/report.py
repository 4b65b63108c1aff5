"""`batchocr report`: what happened in the last run, to look at."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from batchocr.cli.options import emit, emit_json
from batchocr.errors import ExitCode
from batchocr.logs import console_logging, printable

EPILOG = """\b
Examples:
  batchocr report out             writes out/report.html
  batchocr report out --open      the same, and shows it in the browser
  batchocr report out --json      its data, on stdout; writes nothing
"""


@click.command("report", epilog=EPILOG)
@click.argument("output", type=click.Path(path_type=Path), default=Path("output"), metavar="[OUT]")
@click.option(
    "--state-dir", type=click.Path(path_type=Path), metavar="PATH", help="if the run had one  [default: OUT/.batchocr]"
)
@click.option("--open", "show", is_flag=True, help="show it in the browser")
@click.option("--json", "as_json", is_flag=True, help="write its data as one JSON object, and no HTML")
def command(output: Path, state_dir: Path | None, show: bool, as_json: bool) -> int:
    """Writes OUT/report.html (./output unless named) about the last run to OUT, with all pictures of pages it can hold.

    It is one file that opens from disk: totals, failures and what to do about them, workers over time, and each
    document with page, boxes and text side by side. A run of more than 1,000 pages has these in OUT/report_files/.
    """
    console_logging("warning")
    from batchocr import runs

    if as_json:
        emit_json(runs.report_data(output, state_dir))
        return int(ExitCode.OK)
    path = runs.report(output, state_dir)
    emit(printable(str(path)))
    if show and not webbrowser.open(path.absolute().as_uri()):
        click.echo("No browser could be started: open the file yourself.", err=True)
    return int(ExitCode.OK)
