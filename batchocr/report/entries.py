"""Documents, failures and workers as JSON-safe data: one shape for `status`, `report --json` and the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from batchocr.datatypes import DocumentReport, DocumentState, FailedPages, PageState, WorkerUse
from batchocr.report.tally import RunTally


def document_entry(report: DocumentReport) -> dict[str, Any]:
    """Gives a document with its failures and where its time went."""
    return {
        "source": report.source,
        "folder": report.folder,
        "state": report.state.value,
        "pages": report.pages,
        "pages_done": report.pages_done,
        "failures": [failure_entry(failure) for failure in report.failures],
        "times": asdict(report.times),
        "write_s": report.write_s,
    }


def worker_entry(use: WorkerUse) -> dict[str, Any]:
    """Gives what a worker did."""
    return {**asdict(use), "idle_share": use.idle_share}


def failure_entry(failure: FailedPages) -> dict[str, Any]:
    """Gives one failure: `page` is None for a whole document; a range has `last_page` too."""
    entry: dict[str, Any] = {"page": failure.first_page, "kind": failure.kind.value, "message": failure.message}
    if failure.last_page != failure.first_page:
        entry["last_page"] = failure.last_page
    return entry


def totals_entry(counts: RunTally) -> dict[str, Any]:
    """Gives documents by state, pages by state, and what failed, by kind; `pages` is the sum of the four."""
    states = (PageState.DONE, PageState.FAILED, DocumentState.SKIPPED, PageState.PENDING)
    return {
        "documents": counts.documents.total(),
        **{state.value: counts.documents[state.value] for state in DocumentState},
        "pages": counts.pages.total(),
        **{f"pages_{state.value}": counts.pages[state.value] for state in states},
        "whole_documents_failed": counts.failed.whole_documents,
        "failures_by_kind": {kind.value: asdict(count) for kind, count in counts.failures_by_kind.items()},
    }
