"""What an ingest came to: for mail in one line, for programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchocr.datatypes import DocumentReport, counted
from batchocr.errors import ExitCode
from batchocr.logs import printable

SHOWN = 10


@dataclass(frozen=True)
class Failure:
    """A document that was not read whole.

    Attributes:
        path: of its file, as it was found.
        reasons: what failed, page by page.
        attempts: runs in which it failed so far.
        given_up: it is not tried again, unless it changes.
        moved_to: where the file is now, None if it is where it was.
    """

    path: str
    reasons: tuple[str, ...]
    attempts: int
    given_up: bool
    moved_to: str | None = None


@dataclass
class Outcome:
    """What came of one look at the input folders.

    Attributes:
        job: its name.
        exit_code: what the command answers.
        documents: read whole in this run, or found to be so.
        pages: read in this run.
        moved, deleted: files of such documents.
        failures: documents that are not whole.
        changed: files that have changed while they were read; they are read again next time.
        waiting: files that are still being written, or whose turn comes next time.
        vanished: files of earlier runs that somebody has deleted; their results stay.
        stuck: file to why it could not be moved or deleted.
        mended: a file whose move an earlier ingest could not finish, or None.
        run_id: of the run, None if there was nothing to read.
        message: why the run stopped early, or "".
        elapsed_s: wall clock, seconds.
    """

    job: str
    exit_code: ExitCode = ExitCode.OK
    documents: int = 0
    pages: int = 0
    moved: int = 0
    deleted: int = 0
    failures: list[Failure] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    stuck: dict[str, str] = field(default_factory=dict)
    mended: str | None = None
    run_id: str | None = None
    message: str = ""
    elapsed_s: float = 0.0

    @property
    def worth_telling(self) -> bool:
        """Something happened; that a file is still being written is nothing."""
        told = (self.documents, self.failures, self.changed, self.vanished, self.stuck, self.mended, self.message)
        return any(told) or bool(self.exit_code)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Gives an outcome as JSON-safe data with a schema number."""
    values = {name: value for name, value in vars(outcome).items() if name != "failures"}
    failures = [{**vars(failure), "reasons": list(failure.reasons)} for failure in outcome.failures]
    values = {**values, "exit_code": int(outcome.exit_code), "elapsed_s": round(outcome.elapsed_s, 3)}
    return {"schema": 1, "line": line(outcome), **values, "failures": failures}


def line(outcome: Outcome) -> str:
    """Gives an outcome in one line, fit for the subject of a mail."""
    given_up = sum(failure.given_up for failure in outcome.failures)
    counts = {
        f"read ({outcome.pages} {'page' if outcome.pages == 1 else 'pages'})": outcome.documents,
        "moved": outcome.moved,
        "deleted": outcome.deleted,
        "given up": given_up,
        "failed and tried again next time": len(outcome.failures) - given_up,
        "changed while read": len(outcome.changed),
        "could not be taken away": len(outcome.stuck),
        "gone from the input": len(outcome.vanished),
        "left for the next time": len(outcome.waiting),
    }
    words = [f"{count} {what}" for what, count in counts.items() if count]
    if outcome.message:
        words.append(outcome.message)
    return printable(f"batchocr ingest {outcome.job}: {', '.join(words) or 'nothing to do'}")


def text(outcome: Outcome) -> str:
    """Gives an outcome for people: the line, then what they should look at."""
    lines = [line(outcome)]
    told: list[str] = []
    for failure in outcome.failures:
        end = "given up" if failure.given_up else f"failed in {counted(failure.attempts, 'run')} so far"
        where = f", now {failure.moved_to}" if failure.moved_to else ""
        told.append(f"{failure.path}: {end}{where}: {'; '.join(failure.reasons[:3])}")
    told += [f"{path}: {problem}" for path, problem in outcome.stuck.items()]
    told += [f"{path}: changed while it was read; it is read again next time" for path in outcome.changed]
    told += [f"{path}: is gone from the input folder; its results stay" for path in outcome.vanished]
    if outcome.mended:
        told.append(f"{outcome.mended}: its move was cut short the last time; that is mended")
    lines += [f"  {printable(entry)}" for entry in told[:SHOWN]]
    if len(told) > SHOWN:
        lines.append(f"  and {len(told) - SHOWN} more (--json and the log name all)")
    return "\n".join(lines)


def reasons_of(report: DocumentReport) -> tuple[str, ...]:
    """Gives in words why a document is not whole."""
    reasons = []
    for failure in report.failures:
        where = f"{failure.where}: " if failure.where else ""
        reasons.append(f"{where}{failure.kind.value}: {failure.message}")
    return tuple(reasons)


def reason_text(path: str, report: DocumentReport, facts: Mapping[str, object]) -> str:
    """Gives the text that lies beside a file that was given up.

    Args:
        path: where the file was.
        report: of its document.
        facts: name to value, shown as they are.
    """
    head = [f"batchocr could not read this document whole: {path}", ""]
    table = [f"{name}: {value}" for name, value in facts.items()]
    foot = ["", "To try again, put the file back into the input folder."]
    return "\n".join([*head, *reasons_of(report), "", *table, *foot]) + "\n"
