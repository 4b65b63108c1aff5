"""What a run may cost: time for a document, failures, memory of a worker; and the request to stop from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.documents import many_page_pdf, text_pdf
from support.jobs import Directed, attempts_by_page, background_run, build, eventually, manifest, run_job, script

from batchocr.coordinator.cancel import ask_cancel, cancel_asked
from batchocr.datatypes import RunState
from batchocr.errors import ExitCode, FailureKind, RunFailedError

PAGES = 12


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    text_pdf(tmp_path / "in" / "b.pdf", ["one"])
    return tmp_path


def test_document_whose_time_is_up_keeps_what_was_read_and_the_others_go_on(job: Path) -> None:
    rules = [{"do": "slow", "seconds": 0.4, "source": "a.pdf"}]
    summary = run_job(job, engine_options={"script": rules}, document_timeout_s=1.0, task_pages=2)
    assert summary.exit_code is ExitCode.PARTIAL
    assert summary.documents == {"partial": 1, "done": 1}
    (report,) = summary.failures
    assert {failure.kind for failure in report.failures} == {FailureKind.TIMEOUT}
    assert "the document took more than 1 s" in report.failures[-1].message
    assert 1 <= report.pages_done < PAGES
    assert manifest(job / "out", "a")["done"][0][0] == 1


def test_run_stops_when_more_pages_fail_than_it_may_and_goes_on_later(job: Path) -> None:
    options = {"script": script(a="error 2-12")}
    with pytest.raises(RunFailedError, match=r"4 pages have failed, more than --fail-on 3 allows"):
        run_job(job, engine_options=options, fail_on="3", max_attempts=1)
    summary = run_job(job, engine_options=options, max_attempts=1)
    assert (summary.exit_code, summary.pages_failed) == (ExitCode.PARTIAL, 11)


def test_run_with_few_failures_stays_within_its_budget(job: Path) -> None:
    options = {"script": script(a="error 2-4")}
    assert run_job(job, engine_options=options, fail_on="3").exit_code is ExitCode.PARTIAL
    assert run_job(job, engine_options=options, fail_on="50%", force=True).exit_code is ExitCode.PARTIAL


def test_worker_that_leaks_is_replaced_between_pages_and_nothing_is_lost_or_blamed(job: Path) -> None:
    options = {"script": [{"do": "leak", "bytes": 60_000_000, "source": "a.pdf"}]}
    summary = run_job(job, engine_options=options, max_worker_rss="150MiB", task_pages=5)
    assert (summary.exit_code, summary.pages_done) == (ExitCode.OK, PAGES + 1)
    assert attempts_by_page(job / "out") == {}
    logs = "".join(path.read_text() for path in (job / "out" / ".batchocr" / "logs").glob("*.jsonl"))
    assert "this process is replaced" in logs


def test_request_to_stop_is_seen_once(tmp_path: Path) -> None:
    assert not cancel_asked(tmp_path)
    ask_cancel(tmp_path)
    ask_cancel(tmp_path)
    assert cancel_asked(tmp_path)
    assert not cancel_asked(tmp_path)


def test_run_that_is_asked_to_stop_from_elsewhere_finishes_its_page_and_can_go_on(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directed = Directed(job / "orders", monkeypatch)
    directed.tell("hold-5")
    with background_run(build(job, **directed.settings())) as run:
        directed.wait_at(5, run)
        ask_cancel(job / "out" / ".batchocr")
        eventually(lambda: not (job / "out" / ".batchocr" / "cancel").exists(), "the request to be seen")
        directed.recall("hold-5")
        summary = run.result()
    assert (summary.state, summary.exit_code) == (RunState.INTERRUPTED, ExitCode.TERMINATED)
    rest = run_job(job, **directed.settings())
    assert rest.pages_done == PAGES + 1 - summary.pages_done
    assert len(directed.pages_read()) == PAGES + 1
