"""What a run came to, for people and for scripts."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from batchocr.cli.progress import count, duration
from batchocr.datatypes import DocumentReport, DocumentState, FailedPages, RunState, RunSummary, WorkerUse
from batchocr.logs import printable

SHOWN_FAILURES = 10
WIDTH = 80
ENDED = (DocumentState.DONE, DocumentState.PARTIAL, DocumentState.FAILED, DocumentState.SKIPPED)


def summary_json(summary: RunSummary) -> dict[str, Any]:
    """Gives a run's summary as JSON-safe data with a schema number."""
    failures = [report_json(report) for report in summary.failures]
    workers = [{**asdict(use), "idle_share": use.idle_share} for use in summary.workers]
    return {"schema": 1, **asdict(summary), "failures": failures, "workers": workers}


def summary_text(summary: RunSummary) -> str:
    """Gives a run's summary as a short text: counts, the first failures, where to look, what to type next."""
    pages = f"{summary.pages_done} read"
    if summary.pages_failed:
        pages += f", {summary.pages_failed} failed"
    if summary.pages_done and summary.elapsed_s > 0:
        pages += f"  ({summary.pages_done / summary.elapsed_s:.2f} pages/s)"
    if summary.recycled:
        pages += f"; {summary.recycled} worker(s) replaced for their memory"
    on = f" on {', '.join(summary.devices)}" if summary.devices else ""
    lines = [
        f"Run {summary.run_id} {_state_words(summary)} {duration(summary.elapsed_s)}, {summary.engine}{on}",
        *([f"  {printable(summary.message)}"] if summary.message else []),
        "",
        f"  documents  {documents_text(summary.documents)}",
        f"  pages      {pages}",
        f"  results    {printable(summary.output)}",
    ]
    if summary.pages_done and summary.workers:
        lines += wrapped(f"idle       {idle_text(summary.workers)}", "  ", " " * 13)
    lines += failures_text([report_json(report) for report in summary.failures], summary.output)
    following = _next_command(summary)
    return "\n".join([*lines, *(["", following] if following else [])])


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


def _state_words(summary: RunSummary) -> str:
    return {
        RunState.COMPLETED: "completed in",
        RunState.FAILED: "stopped early after",
        RunState.INTERRUPTED: "was interrupted after",
    }.get(summary.state, f"is {summary.state.value} since")


def documents_text(documents: Mapping[str, int]) -> str:
    """Gives the number of documents in each state, those that have ended first."""
    states = [state.value for state in ENDED]
    states += [state for state in documents if state not in states]
    parts = [f"{documents[state]} {state}" for state in states if documents.get(state)]
    return ", ".join(parts) or "none"


def report_json(report: DocumentReport) -> dict[str, Any]:
    """Gives one document as JSON-safe data, its failures as in `batchocr status --json`."""
    failures = [_failure(failed) for failed in report.failures]
    return {**asdict(report), "state": report.state.value, "failures": failures}


def _failure(failed: FailedPages) -> dict[str, Any]:
    last = {} if failed.last_page == failed.first_page else {"last_page": failed.last_page}
    return {"page": failed.first_page, "kind": failed.kind.value, "message": failed.message, **last}


def failures_text(documents: list[dict[str, Any]], output: str) -> list[str]:
    """Gives lines that tell the first documents that are not whole, and why.

    Args:
        documents: as in `batchocr status --json`.
        output: the output folder, for the command that lists the others.
    """
    broken = [document for document in documents if document["failures"]]
    if not broken:
        return []
    lines = ["", "Not whole:"]
    for document in broken[:SHOWN_FAILURES]:
        lines.append(f"  {document['state']:<8} {printable(document['source'])}")
        reasons = [f"{_page_words(failure)}{failure['kind']}: {failure['message']}" for failure in document["failures"]]
        for reason in reasons[:3]:
            lines += wrapped(reason, " " * 11, " " * 13)
        if len(reasons) > 3:
            lines.append(f"{' ' * 11}and {len(reasons) - 3} more")
    if len(broken) > SHOWN_FAILURES:
        others = count(len(broken) - SHOWN_FAILURES, "more document")
        lines.append(f"  and {others}: batchocr status {quoted(output)}")
    return lines


def _page_words(failure: Mapping[str, Any]) -> str:
    if failure["page"] is None:
        return ""
    return (
        f"pages {failure['page']}-{failure['last_page']}: " if "last_page" in failure else f"page {failure['page']}: "
    )


def _next_command(summary: RunSummary) -> str:
    if summary.state is not RunState.COMPLETED:
        return "Next: the same command again goes on where it stopped."
    if summary.documents.get("failed") or summary.documents.get("partial"):
        return f"Next: batchocr retry {quoted(summary.output)}    reads again what failed"
    return ""


def wrapped(text: str, first: str, others: str) -> list[str]:
    """Gives a text in lines of a terminal's width; names with hyphens stay whole.

    Args:
        text: what to say.
        first: what the first line begins with.
        others: what all other lines begin with.
    """
    return textwrap.wrap(printable(text), WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def quoted(path: str) -> str:
    """Gives a path as a shell takes it."""
    return shlex.quote(printable(path))
