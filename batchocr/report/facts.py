"""What a run came to, in numbers and failures, as JSON-safe data: one pass over the ledger, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from batchocr.datatypes import DocumentReport, DocumentState, FailedPages, PageTimes, WorkerUse
from batchocr.datatypes.remedies import REMEDIES, command, retry_command
from batchocr.errors import FailureKind, StorageError
from batchocr.ledger.connection import FILE_NAME
from batchocr.ledger.queries import RunRow, reading
from batchocr.report.entries import document_entry, failure_entry, totals_entry, worker_entry
from batchocr.report.samples import read_samples
from batchocr.report.tally import RunTally
from batchocr.report.timeline import Timeline, build_timeline

MAX_FAILURES = 1_000
MAX_LISTED = 20_000
MAX_LOSSES = 400
MAX_SLOWEST = 10


@dataclass(frozen=True)
class Place:
    """Where a run wrote: the output folder as people type it, and the folder of its ledger."""

    output: Path
    state_dir: Path

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.state_dir / FILE_NAME

    def command(self, verb: str) -> str:
        """Gives a command about it, such as `batchocr report out`."""
        return command(verb, os.fspath(self.output), self._elsewhere)

    def retry_command(self, kind: FailureKind) -> str:
        """Gives the command that tries again what failed in this way."""
        return retry_command(kind, os.fspath(self.output), self._elsewhere)

    @property
    def _elsewhere(self) -> str | None:
        return None if self.state_dir == self.output / ".batchocr" else os.fspath(self.state_dir)


@dataclass(frozen=True)
class SlowPage:
    """A page that took long: its document's number and name, and where its time went."""

    number: int
    source: str
    page_no: int
    times: PageTimes


@dataclass
class Facts:
    """What the overview shows.

    Attributes:
        run: the run's own row.
        elapsed_s: from its start to its end, or until now.
        counts: documents, pages and failures, of all documents that the run met.
        failures: the first `MAX_FAILURES`: document, failed pages.
        failures_left_out: how many more there are.
        listed: the first `MAX_LISTED` documents, with their numbers from 1.
        timeline: what workers did over time, None where nothing is known.
        workers: what each did in all, from the ledger.
        slowest: document's number, source, page and times of the slowest pages.
    """

    run: RunRow
    elapsed_s: float
    counts: RunTally
    failures: list[tuple[int, DocumentReport, FailedPages]]
    failures_left_out: int
    listed: list[tuple[int, DocumentReport]]
    timeline: Timeline | None
    workers: list[WorkerUse] = field(default_factory=list)
    slowest: list[SlowPage] = field(default_factory=list)

    @property
    def document_count(self) -> int:
        """Documents that the run met."""
        return self.counts.documents.total()

    @property
    def unfinished(self) -> int:
        """Documents that wait for this run or the next to go on with them."""
        return self.counts.documents[DocumentState.PENDING.value] + self.counts.documents[DocumentState.RUNNING.value]

    @property
    def is_idle(self) -> bool:
        """Whether all documents were finished before the run."""
        return set(self.counts.documents) == {DocumentState.SKIPPED.value}

    @property
    def all_counted(self) -> bool:
        """Whether the number of pages is known of all documents that are listed."""
        return all(report.pages is not None or report.failures for _, report in self.listed)

    @property
    def pages(self) -> int:
        """Pages of these documents."""
        return self.counts.pages.total()


def collect(place: Place, *, is_cut_off: bool = False) -> Facts:
    """Gives what the ledger and the samples know of the last run.

    Args:
        place: where it wrote.
        is_cut_off: nobody is at work there, even if the run has not ended: it was killed.

    Raises:
        StorageError: no run has written there yet, or the ledger cannot be read.
    """
    with reading(place.ledger) as queries:
        run = queries.last_run()
        if run is None:
            raise StorageError(f"No run has written to {place.output} yet.")
        if is_cut_off and run.is_going:
            run = run.cut_off(queries.last_write)
        ended_at = run.ended_at or datetime.now(timezone.utc).isoformat()
        losses = _losses(run, queries.losses(run.run_id, MAX_LOSSES))
        timeline = build_timeline(read_samples(place.state_dir, run.run_id), losses)
        facts = Facts(
            run, _seconds(run.started_at, ended_at), RunTally(), [], 0, [], timeline, queries.workers(run.run_id)
        )
        slowest = queries.slowest_pages(run.run_id, MAX_SLOWEST)
        named = {folder: (0, "") for folder, _, _ in slowest}
        for number, report in enumerate(queries.documents(run.run_id, is_going=run.is_going), start=1):
            _add(facts, number, report)
            if report.folder in named:
                named[report.folder] = (number, report.source)
        facts.slowest += [SlowPage(*named[folder], page_no, times) for folder, page_no, times in slowest]
    return facts


def _add(facts: Facts, number: int, report: DocumentReport) -> None:
    facts.counts.add(report)
    for failed in report.failures:
        if len(facts.failures) < MAX_FAILURES:
            facts.failures.append((number, report, failed))
        else:
            facts.failures_left_out += 1
    if len(facts.listed) < MAX_LISTED:
        facts.listed.append((number, report))


def report_json(place: Place, *, is_cut_off: bool = False) -> dict[str, Any]:
    """Gives the report's data (schema 1), JSON-safe; every failure and document that the report would list."""
    facts = collect(place, is_cut_off=is_cut_off)
    run = facts.run
    return {
        "schema": 1,
        "run": {
            "id": run.run_id, "state": run.state, "started_at": run.started_at, "ended_at": run.ended_at,
            "elapsed_s": round(facts.elapsed_s, 3), "engine": run.engine["name"], "devices": list(run.devices),
            "host": run.host, "version": run.version, "message": run.message,
        },
        "totals": totals_entry(facts.counts),
        "failures": [
            {"source": report.source, "folder": report.folder, **failure_entry(failed)}
            for _, report, failed in facts.failures
        ],
        "failures_left_out": facts.failures_left_out,
        "remedies": [
            {"kind": kind.value, **asdict(count), "title": REMEDIES[kind].title, "advice": REMEDIES[kind].advice,
             "command": place.retry_command(kind)}
            for kind, count in facts.counts.failures_by_kind.items()
        ],
        "documents": [
            document_entry(report) for _, report in facts.listed
        ],
        "documents_left_out": facts.document_count - len(facts.listed),
        "workers": [worker_entry(use) for use in facts.workers],
        "slowest": [{"source": page.source, "page": page.page_no, **asdict(page.times)} for page in facts.slowest],
        "timeline": facts.timeline.to_json() if facts.timeline else None,
    }  # fmt: skip


def _losses(run: RunRow, rows: list[tuple[str, str, str]]) -> Iterator[tuple[str, str, float]]:
    for worker, state, ended_at in rows:
        yield worker, state, _seconds(run.started_at, ended_at)


def _seconds(start: str, end: str) -> float:
    """Gives the seconds between two times of the ledger, never negative: clocks are set back at times."""
    return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
