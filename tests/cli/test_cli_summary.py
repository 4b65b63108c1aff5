from __future__ import annotations

import json
from typing import Any

import pytest

from batchocr.cli.summary import summary_json, summary_text
from batchocr.datatypes import DocumentReport, DocumentState, FailedPages, RunState, RunSummary, WorkerUse
from batchocr.errors import ExitCode, FailureKind


def summary(**values: Any) -> RunSummary:
    known = {
        "run_id": "r1", "state": RunState.COMPLETED, "exit_code": ExitCode.OK, "output": "/out", "engine": "ppocr",
        "devices": ("cpu:0", "cpu:1"), "documents": {"done": 3}, "pages_done": 30, "pages_failed": 0,
        "elapsed_s": 15.0,
    }  # fmt: skip
    return RunSummary(**{**known, **values})


def report(source: str, *failures: FailedPages) -> DocumentReport:
    return DocumentReport(source, "folder", DocumentState.PARTIAL, 9, 8, failures)


TIMEOUT = FailedPages(3, 5, FailureKind.TIMEOUT, "no page finished for 120 s")


def test_idle_share_of_each_device_is_told() -> None:
    workers = (
        WorkerUse("gpu:0", "gpu:0", pages=20, ready_s=10.0, busy_s=9.5),
        WorkerUse("gpu:0/2", "gpu:0", pages=20, ready_s=10.0, busy_s=8.5),
        WorkerUse("gpu:1", "gpu:1"),
    )
    assert "  idle       gpu:0 10.0%, gpu:1 not used" in summary_text(summary(workers=workers)).splitlines()
    assert summary_json(summary(workers=workers))["workers"][0]["idle_share"] == pytest.approx(0.05)


def test_whole_run_is_told_in_a_few_lines() -> None:
    assert summary_text(summary()).splitlines() == [
        "Run r1 completed in 15 s, ppocr on cpu:0, cpu:1",
        "",
        "  documents  3 done",
        "  pages      30 read  (2.00 pages/s)",
        "  results    /out",
    ]


def test_failures_come_with_reasons_and_the_next_command() -> None:
    unreadable = FailedPages(None, None, FailureKind.DOCUMENT_UNREADABLE, "it is no PDF")
    text = summary_text(
        summary(
            output="/my out",
            documents={"failed": 1, "partial": 1, "done": 1},
            pages_failed=3,
            failures=(report("a.pdf", TIMEOUT), report("b.pdf", unreadable)),
        )
    )
    assert "  documents  1 done, 1 partial, 1 failed" in text
    assert "30 read, 3 failed" in text
    assert "  partial  a.pdf\n           pages 3-5: timeout: no page finished for 120 s" in text
    assert "           document_unreadable: it is no PDF" in text
    assert text.endswith("Next: batchocr retry '/my out'    reads again what failed")


def test_many_failures_are_counted_and_not_listed() -> None:
    pages = tuple(FailedPages(page, page, FailureKind.ENGINE_ERROR, "x") for page in range(1, 10, 2))
    text = summary_text(summary(failures=tuple(report(f"{number}.pdf", *pages) for number in range(12))))
    assert "9.pdf" in text
    assert "11.pdf" not in text
    assert "and 2 more\n" in text
    assert "and 2 more documents: batchocr status /out" in text


def test_interrupted_run_says_that_it_goes_on() -> None:
    text = summary_text(summary(state=RunState.INTERRUPTED, exit_code=ExitCode.INTERRUPTED, message="stopped"))
    assert "was interrupted after 15 s" in text
    assert "  stopped\n" in text
    assert "the same command again" in text


def test_hostile_names_are_harmless_in_text_and_json() -> None:
    hostile = summary(failures=(report("\x1b[2J\udcff.pdf", TIMEOUT),))
    summary_text(hostile).encode("utf-8")
    assert "\x1b" not in summary_text(hostile)
    assert json.loads(json.dumps(summary_json(hostile)))["failures"][0]["source"] == "\x1b[2J\udcff.pdf"


def test_json_has_a_schema_and_plain_values() -> None:
    data = json.loads(json.dumps(summary_json(summary(failures=(report("a.pdf", TIMEOUT),)))))
    assert (data["schema"], data["state"], data["exit_code"]) == (1, "completed", 0)
    assert data["failures"][0]["state"] == "partial"
    assert data["failures"][0]["failures"] == [
        {"page": 3, "last_page": 5, "kind": "timeout", "message": "no page finished for 120 s"}
    ]
