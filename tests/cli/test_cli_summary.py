from __future__ import annotations

import json
from typing import Any

import pytest

from batchocr.cli.summary import summary_json, summary_text
from batchocr.datatypes import (
    DocumentReport,
    DocumentState,
    FailedPages,
    FailureCount,
    RunState,
    RunSummary,
    WorkerUse,
)
from batchocr.errors import ExitCode, FailureKind


def summary(**values: Any) -> RunSummary:
    known = {
        "run_id": "r1", "state": RunState.COMPLETED, "exit_code": ExitCode.OK, "output": "/out", "engine": "ppocr",
        "devices": ("cpu:0", "cpu:1"), "documents": {"done": 3}, "pages": {"done": 30, "failed": 0}, "pages_done": 30,
        "elapsed_s": 15.0, "report": "/out/report.html",
    }  # fmt: skip
    return RunSummary(**{**known, **values})


def report(source: str, *failures: FailedPages) -> DocumentReport:
    return DocumentReport(source, "folder", DocumentState.PARTIAL, 9, 8, failures)


TIMEOUT = FailedPages(3, 5, FailureKind.TIMEOUT, "no page finished for 120 s")
TIMED_OUT = {FailureKind.TIMEOUT: FailureCount(3)}


def test_idle_share_of_each_device_is_told() -> None:
    workers = (
        WorkerUse("gpu:0", "gpu:0", pages=20, ready_s=10.0, busy_s=9.5),
        WorkerUse("gpu:0/2", "gpu:0", pages=20, ready_s=10.0, busy_s=8.5),
        WorkerUse("gpu:1", "gpu:1"),
    )
    assert "on cpu:0, cpu:1; idle gpu:0 10.0%, gpu:1 not used" in summary_text(summary(workers=workers))
    assert summary_json(summary(workers=workers))["workers"][0]["idle_share"] == pytest.approx(0.05)


def test_whole_run_is_told_in_a_few_lines() -> None:
    assert summary_text(summary()).splitlines() == [
        "Run r1 completed in 15 s",
        "",
        "  documents   3 done",
        "  pages      30 done",
        "  speed      2.00 pages/s: 30 pages read in this run",
        "  engine     ppocr on cpu:0, cpu:1",
        "  results    /out",
        "  report     /out/report.html",
        "",
        "Next: batchocr report /out --open  # shows each page beside its text",
    ]


def test_failures_are_told_by_kind_with_examples_and_the_commands_that_help() -> None:
    unreadable = FailedPages(None, None, FailureKind.DOCUMENT_UNREADABLE, "it is no PDF")
    text = summary_text(
        summary(
            output="/my out",
            documents={"failed": 1, "partial": 1, "done": 1},
            pages={"done": 30, "failed": 3, "skipped": 0, "pending": 0},
            failures_by_kind={**TIMED_OUT, FailureKind.DOCUMENT_UNREADABLE: FailureCount(0, 1)},
            failures=(report("a.pdf", TIMEOUT), report("b.pdf", unreadable)),
            report=None,
        )
    )
    assert "  documents   1 done   1 partial   1 failed    3 in all" in text
    assert "  pages      30 done               3 failed   33 in all" in text
    assert text[text.index("Failed") :].splitlines() == [
        "Failed: 3 pages and 1 whole document",
        "  The page took too long (timeout): 3 pages",
        "    a.pdf, pages 3-5: no page finished for 120 s",
        "  The file cannot be opened (document_unreadable): 1 whole document",
        "    b.pdf: it is no PDF",
        "",
        "Next: batchocr retry '/my out'  # reads again what failed",
        "      batchocr retry '/my out' --kind timeout --page-timeout-s 1800",
    ]


def test_failures_that_one_option_helps_name_no_other_command() -> None:
    text = summary_text(summary(failures_by_kind=TIMED_OUT, failures=(report("a.pdf", TIMEOUT),), report=None))
    assert text.endswith("\n\nNext: batchocr retry /out --kind timeout --page-timeout-s 1800")


def test_many_failures_are_counted_with_an_example_of_each_document() -> None:
    pages = tuple(FailedPages(page, page, FailureKind.ENGINE_ERROR, "x") for page in range(1, 10, 2))
    many = tuple(report(f"{number}.pdf", *pages) for number in range(12))
    text = summary_text(summary(failures_by_kind={FailureKind.ENGINE_ERROR: FailureCount(60)}, failures=many))
    assert "    0.pdf, page 1: x\n    1.pdf, page 1: x\n    2.pdf, page 1: x\n    and 57 pages more\n" in text
    assert "3.pdf" not in text


def test_message_of_a_page_is_cut() -> None:
    long = FailedPages(1, 1, FailureKind.ENGINE_ERROR, "word " * 1_000)
    text = summary_text(summary(failures_by_kind=TIMED_OUT, failures=(report("a.pdf", TIMEOUT),)))
    cut = summary_text(
        summary(failures_by_kind={FailureKind.ENGINE_ERROR: FailureCount(1)}, failures=(report("a.pdf", long),))
    )
    assert len(cut) < len(text) + 400
    assert max(map(len, cut.splitlines())) < 80


def test_interrupted_run_says_that_it_goes_on() -> None:
    text = summary_text(
        summary(
            state=RunState.INTERRUPTED, exit_code=ExitCode.INTERRUPTED, message="stopped",
            documents={"pending": 1, "done": 2, "running": 1}, pages={"done": 30, "pending": 12},
        )
    )  # fmt: skip
    assert text.startswith("Run r1 interrupted after 15 s\n  stopped\n")
    assert "  documents   2 done   1 running    1 pending    4 in all" in text
    assert "  pages      30 done               12 pending   42 in all" in text
    assert "\nNext: the same command again  # goes on where it stopped" in text


def test_table_that_is_too_wide_becomes_lists() -> None:
    states = dict.fromkeys(("done", "partial", "failed", "skipped", "running", "pending"), 123_456)
    text = summary_text(summary(documents=states, pages={"done": 3}))
    assert "  documents  123456 done   123456 partial   123456 failed" in text
    assert "  pages      3 done   3 in all\n" in text


def test_run_of_nothing_says_none() -> None:
    lines = summary_text(summary(documents={}, pages={}, pages_done=0, report=None)).splitlines()
    assert lines[2:4] == ["  documents  none", "  pages      none"]
    assert not any("Next" in line for line in lines)


def test_hostile_names_are_harmless_in_text_and_json() -> None:
    hostile = summary(failures_by_kind=TIMED_OUT, failures=(report("\x1b[2J\udcff.pdf", TIMEOUT),))
    text = summary_text(hostile)
    text.encode("utf-8")
    assert "\\x1b[2J" in text
    assert "\x1b" not in text
    assert json.loads(json.dumps(summary_json(hostile)))["failures"][0]["source"] == "\x1b[2J\udcff.pdf"


def test_json_has_a_schema_and_plain_values() -> None:
    told = summary(failures_by_kind=TIMED_OUT, failures=(report("a.pdf", TIMEOUT),))
    data = json.loads(json.dumps(summary_json(told)))
    assert (data["schema"], data["state"], data["exit_code"]) == (1, "completed", 0)
    assert (data["pages_failed"], data["whole_documents_failed"], data["report"]) == (3, 0, "/out/report.html")
    assert data["failures_by_kind"] == {"timeout": {"pages": 3, "whole_documents": 0}}
    assert data["failures"][0]["state"] == "partial"
    assert data["failures"][0]["failures"] == [
        {"page": 3, "last_page": 5, "kind": "timeout", "message": "no page finished for 120 s"}
    ]
