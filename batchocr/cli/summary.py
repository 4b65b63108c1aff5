"""What a run came to, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from batchocr.cli.outcome import Outcome, outcome_text
from batchocr.cli.progress import duration
from batchocr.datatypes import DocumentReport, FailedPages, RunState, RunSummary, WorkerUse, counted

WHEN = {RunState.COMPLETED: "in", RunState.FAILED: "after", RunState.INTERRUPTED: "after", RunState.RUNNING: "for"}


def summary_json(summary: RunSummary) -> dict[str, Any]:
    """Gives a run's summary as JSON-safe data with a schema number."""
    return {
        "schema": 1,
        **asdict(summary),
        "pages_failed": summary.failed.pages,
        "whole_documents_failed": summary.failed.whole_documents,
        "failures_by_kind": {kind.value: asdict(count) for kind, count in summary.failures_by_kind.items()},
        "failures": [report_json(report) for report in summary.failures],
        "workers": [{**asdict(use), "idle_share": use.idle_share} for use in summary.workers],
    }


def report_json(report: DocumentReport) -> dict[str, Any]:
    """Gives one document as JSON-safe data, its failures as in `batchocr status --json`."""
    failures = [_failure(failed) for failed in report.failures]
    return {**asdict(report), "state": report.state.value, "failures": failures}


def _failure(failed: FailedPages) -> dict[str, Any]:
    last = {} if failed.last_page == failed.first_page else {"last_page": failed.last_page}
    return {"page": failed.first_page, "kind": failed.kind.value, "message": failed.message, **last}


def summary_text(summary: RunSummary) -> str:
    """Gives a run's summary for people: a table, the first failures of each kind, and what to type next."""
    return outcome_text(
        Outcome(
            run_id=summary.run_id,
            state=summary.state.value,
            when=f"{WHEN[summary.state]} {duration(summary.elapsed_s)}",
            message=summary.message,
            documents=summary.documents,
            pages=summary.pages,
            facts=tuple(_facts(summary)),
            failures_by_kind=summary.failures_by_kind,
            failures=((report.source, failed) for report in summary.failures for failed in report.failures),
            output=summary.output,
            state_dir=summary.state_dir,
            report=summary.report,
        )
    )


def _facts(summary: RunSummary) -> Iterator[tuple[str, str]]:
    if summary.pages_done and summary.elapsed_s > 0:
        read = counted(summary.pages_done, "page")
        yield "speed", f"{summary.pages_done / summary.elapsed_s:.2f} pages/s: {read} read in this run"
    idle = f"; idle {idle_text(summary.workers)}" if summary.pages_done and summary.workers else ""
    yield "engine", f"{summary.engine} on {', '.join(summary.devices) or 'no device'}{idle}"
    if summary.recycled:
        yield "memory", f"{counted(summary.recycled, 'worker')} replaced, for having grown too large"


def idle_text(workers: Sequence[WorkerUse]) -> str:
    """Gives the share of its time, from its start to the last page, in which each device had nothing to do."""
    by_device: dict[str, list[WorkerUse]] = {}
    for use in workers:
        by_device.setdefault(use.device, []).append(use)
    parts = []
    for device, uses in by_device.items():
        ready_s, busy_s = sum(use.ready_s for use in uses), sum(use.busy_s for use in uses)
        parts.append(f"{device} {max(0.0, 1 - busy_s / ready_s):.1%}" if ready_s > 0 else f"{device} not used")
    return ", ".join(parts)
