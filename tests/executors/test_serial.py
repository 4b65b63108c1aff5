"""What only the serial executor does; what it shares with the others is in the contract."""

from __future__ import annotations

from pathlib import Path

from support.documents import many_page_pdf
from support.jobs import attempts_by_page, run_job, script

from batchocr.errors import ExitCode


def test_second_run_with_nothing_to_do_ends_well(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 2)
    first = run_job(tmp_path, executor="serial")
    second = run_job(tmp_path, executor="serial")
    assert (first.exit_code, first.pages_done, first.documents) == (ExitCode.OK, 2, {"done": 1})
    assert (second.exit_code, second.pages_done, second.documents) == (ExitCode.OK, 0, {"skipped": 1})


def test_bad_pages_fail_and_their_neighbours_are_delivered_without_any_worker_process(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 9)
    rules = [rule for words in ("error 2", "flaky 3", "silent 4", "fatal 5") for rule in script(a=words)]
    summary = run_job(tmp_path, executor="serial", engine_options={"script": rules})
    (report,) = summary.failures
    assert [(failure.first_page, failure.last_page) for failure in report.failures] == [(2, 2), (4, 4), (5, 5)]
    assert report.pages_done == 6
    assert attempts_by_page(tmp_path / "out")["a.pdf", 3] == ["failed"]
