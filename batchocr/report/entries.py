"""Documents, failures and workers as JSON-safe data: one shape for `status`, `report --json` and the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from batchocr.datatypes import DocumentReport, FailedPages, WorkerUse


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


def failed_pages(failures: Iterable[Mapping[str, Any]]) -> int:
    """Gives how many pages failed, from the entries of failures."""
    pages = ((entry["page"], entry.get("last_page", entry["page"])) for entry in failures if entry["page"] is not None)
    return sum(last - first + 1 for first, last in pages)
