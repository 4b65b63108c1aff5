from __future__ import annotations

import dataclasses

import pytest

from batchocr.datatypes import (
    DocumentReport,
    DocumentState,
    FailedPages,
    FailureCount,
    RunProgress,
    RunState,
    RunSummary,
    WorkerView,
)
from batchocr.errors import ExitCode, FailureKind
from batchocr.notebook import NotebookProgress, in_notebook, worker_text

START = RunProgress(0, 0, 0, 2, 0, True, 0.0)


def test_bar_follows_the_pages_and_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    worker = WorkerView("gpu:0", "gpu:0", "busy", "a\x1b[2J.pdf", 3, 2 << 30, 5 << 30)
    with NotebookProgress() as bars:
        bars.on_plan(2, 1, ("gpu:0",), "ppocr", "no better one")
        bars.on_progress(START)
        bars.on_progress(dataclasses.replace(START, pages_total=8, pages_done=3, pages_failed=1, workers=(worker,)))
        bars.on_warning("worker gpu:0 was lost")
        bars.on_progress(dataclasses.replace(START, pages_total=8, pages_done=7, pages_failed=1, counting=False))
    said = capsys.readouterr()
    assert "2 documents, 1 done before; engine ppocr on gpu:0\nno better one" in said.out
    assert "worker gpu:0 was lost" in said.out
    assert "4/8 pages" in said.err
    assert "1 page failed, counting" in said.err
    assert "8/8 pages" in said.err
    assert "\x1b[2J" not in said.err


def test_worker_text_tells_document_page_and_memory() -> None:
    worker = WorkerView("gpu:0", "gpu:0", "busy", "a.pdf", 3, 2 << 30, 5 << 30)
    assert worker_text(worker) == "gpu:0 busy  a.pdf page 3  2.0 GiB  GPU 5.0 GiB"


def test_a_script_is_no_notebook() -> None:
    assert not in_notebook()


def summary(*failures: DocumentReport, message: str = "") -> RunSummary:
    return RunSummary(
        "r1", RunState.COMPLETED, ExitCode.PARTIAL, "/out", "ppocr", ("cpu",), {"done": 1}, {"done": 3, "failed": 3}, 3,
        2.0, failures_by_kind={FailureKind.TIMEOUT: FailureCount(3, 1)}, failures=failures, message=message,
        report="/out/report.html",
    )  # fmt: skip


def test_summary_shows_itself_as_html() -> None:
    failed = FailedPages(3, 5, FailureKind.TIMEOUT, "no page <b>finished</b>")
    html = summary(DocumentReport("a.pdf", "a", DocumentState.PARTIAL, 9, 6, (failed,)))._repr_html_()
    assert "Run r1 completed in 2.0 s, exit code 6" in html
    assert ">3 done, 3 failed<" in html
    assert ">3 (1.50 pages/s)<" in html
    assert ">3 pages and 1 whole document<" in html
    assert ">/out/report.html<" in html
    assert "a.pdf (partial)" in html
    assert "pages 3-5: timeout: no page &lt;b&gt;finished&lt;/b&gt;" in html


def test_hostile_names_are_escaped_in_the_summary() -> None:
    failed = FailedPages(None, None, FailureKind.INTERNAL, '"><img src=x onerror=alert(1)>')
    hostile = DocumentReport("<script>\udcff.pdf", "a", DocumentState.FAILED, 9, 6, (failed,))
    html = summary(hostile, message="<script>")._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    html.encode("utf-8")


def test_many_failures_are_counted() -> None:
    failed = FailedPages(1, 1, FailureKind.INTERNAL, "x")
    reports = [DocumentReport(f"{number}.pdf", "a", DocumentState.FAILED, 1, 0, (failed,)) for number in range(25)]
    html = summary(*reports)._repr_html_()
    assert "19.pdf" in html
    assert "20.pdf" not in html
    assert "and 5 more" in html
