"""Counts of a run's documents, pages and failures: made here alone, so that every door gives the same numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from batchocr.datatypes import DocumentReport, DocumentState, FailureCount, PageState
from batchocr.errors import FailureKind


@dataclass
class RunTally:
    """Counts documents as they are added.

    Attributes:
        documents: document state to documents.
        pages: page state to pages: `done` (blank ones too), `failed`, `pending`, and `skipped`: those of documents that
            were finished before.
        failures: failure kind to what failed so.
    """

    documents: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    failures: dict[FailureKind, FailureCount] = field(default_factory=dict)

    def add(self, report: DocumentReport) -> None:
        """Counts one document."""
        self.documents[report.state.value] += 1
        good = report.state if report.state is DocumentState.SKIPPED else PageState.DONE
        bad = sum(failed.page_count for failed in report.failures)
        whole = any(failed.first_page is None for failed in report.failures)
        # Nobody waits for the pages of a document that failed as a whole.
        pending = 0 if whole else max(0, (report.pages or 0) - report.pages_done - bad)
        self.pages.update(
            {good.value: report.pages_done, PageState.FAILED.value: bad, PageState.PENDING.value: pending}
        )
        for failed in report.failures:
            count = FailureCount(failed.page_count, int(failed.first_page is None))
            self.failures[failed.kind] = self.failures.get(failed.kind, FailureCount()) + count

    @property
    def failed(self) -> FailureCount:
        """What failed in all."""
        return sum(self.failures.values(), FailureCount())

    @property
    def failures_by_kind(self) -> dict[FailureKind, FailureCount]:
        """What failed, the most frequent kind first."""
        return dict(sorted(self.failures.items(), key=lambda entry: -entry[1].total))
