"""`batchocr status`: how far a run is, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from batchocr.cli.options import emit, emit_json
from batchocr.cli.outcome import Outcome, outcome_text
from batchocr.datatypes import DocumentState, FailedPages, FailureCount
from batchocr.errors import ExitCode, FailureKind


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
        emit(status_text(found, str(output), str(state_dir) if state_dir else None))
    return int(ExitCode.OK)


def status_text(found: Mapping[str, Any], output: str, state_dir: str | None = None) -> str:
    """Gives a status for people.

    Args:
        found: as in `batchocr status --json`.
        output: the output folder as the user wrote it.
        state_dir: where the ledger is, if not in it.
    """
    run, totals = found["run"], found["totals"]
    states = ("done", "failed", "skipped", "pending")
    counts = {FailureKind(kind): FailureCount(**count) for kind, count in totals["failures_by_kind"].items()}
    ended = f", ended {_time(run['ended_at'])}" if run["ended_at"] else ""
    engine = f"{run['engine']} on {', '.join(run['devices'])}"
    return outcome_text(
        Outcome(
            run_id=run["id"],
            state=run["state"],
            when="",
            message=run["message"],
            documents={state.value: totals[state.value] for state in DocumentState},
            pages={state: totals[f"pages_{state}"] for state in states},
            facts=(("time", f"started {_time(run['started_at'])}{ended}"), ("engine", engine)),
            failures_by_kind=counts,
            failures=_failures(found["documents"]),
            output=output,
            state_dir=state_dir,
            report=found["report"],
        )
    )


def _failures(documents: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, FailedPages]]:
    for document in documents:
        for entry in document["failures"]:
            last = entry.get("last_page", entry["page"])
            failed = FailedPages(entry["page"], last, FailureKind(entry["kind"]), entry["message"])
            yield document["source"], failed


def _time(utc: str) -> str:
    """Gives a time of the ledger in local time, to the second."""
    return datetime.fromisoformat(utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")
