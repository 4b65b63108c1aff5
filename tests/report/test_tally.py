from __future__ import annotations

from batchocr.datatypes import DocumentReport, DocumentState, FailedPages, FailureCount
from batchocr.errors import FailureKind
from batchocr.report.entries import totals_entry
from batchocr.report.tally import RunTally


def counted(*reports: DocumentReport) -> RunTally:
    counts = RunTally()
    for report in reports:
        counts.add(report)
    return counts


def document(state: DocumentState, pages: int | None, done: int, *failures: FailedPages) -> DocumentReport:
    return DocumentReport("a.pdf", "a", state, pages, done, failures)


def failed(first: int | None, last: int | None, kind: FailureKind = FailureKind.TIMEOUT) -> FailedPages:
    return FailedPages(first, last, kind, "why")


def test_pages_and_whole_documents_are_counted_apart() -> None:
    counts = counted(
        document(DocumentState.PARTIAL, 10, 6, failed(1, 3), failed(5, 5)),
        document(DocumentState.FAILED, None, 0, failed(None, None, FailureKind.DOCUMENT_UNREADABLE)),
        document(DocumentState.FAILED, 1, 0, failed(1, 1)),
    )
    assert str(counts.failed) == "5 pages and 1 whole document"
    assert counts.failures_by_kind == {
        FailureKind.TIMEOUT: FailureCount(5),
        FailureKind.DOCUMENT_UNREADABLE: FailureCount(0, 1),
    }


def test_states_of_pages_add_up_to_all_pages() -> None:
    totals = totals_entry(
        counted(
            document(DocumentState.DONE, 4, 4),
            document(DocumentState.SKIPPED, 20, 20),
            document(DocumentState.RUNNING, 10, 3, failed(2, 2)),
            document(DocumentState.PENDING, None, 0),
        )
    )
    assert (totals["documents"], totals["done"], totals["running"]) == (4, 1, 1)
    pages = {name: totals[f"pages_{name}"] for name in ("done", "failed", "skipped", "pending")}
    assert pages == {"done": 7, "failed": 1, "skipped": 20, "pending": 6}
    assert totals["pages"] == sum(pages.values())


def test_pages_of_a_document_that_failed_as_a_whole_are_not_waited_for() -> None:
    blocked = failed(None, None, FailureKind.OUTPUT_BLOCKED)
    assert counted(document(DocumentState.FAILED, 5, 2, blocked)).pages["pending"] == 0


def test_kinds_are_told_by_how_much_they_cost() -> None:
    counts = counted(
        document(DocumentState.FAILED, None, 0, failed(None, None, FailureKind.INTERNAL)),
        document(DocumentState.FAILED, None, 0, failed(None, None, FailureKind.INTERNAL)),
        document(DocumentState.PARTIAL, 10, 6, failed(1, 4)),
    )
    assert list(counts.failures_by_kind) == [FailureKind.TIMEOUT, FailureKind.INTERNAL]


def test_counts_in_words() -> None:
    words = [str(FailureCount(*numbers)) for numbers in ((0, 0), (1, 0), (0, 2), (12, 1))]
    assert words == ["nothing", "1 page", "2 whole documents", "12 pages and 1 whole document"]
    assert [failed(*pages).where for pages in ((None, None), (3, 3), (3, 5))] == ["", "page 3", "pages 3-5"]
