"""The same command again does only what is missing, and says the same of what failed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from support.documents import broken_pdf, many_page_pdf, text_pdf
from support.jobs import Directed, build, manifest, run_job, script, tree

from batchocr import runs
from batchocr.datatypes import RunSummary
from batchocr.errors import ConfigError, ExitCode, InputError, StorageError


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    text_pdf(tmp_path / "in" / "b.pdf", ["one", "two"])
    return tmp_path


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    return Directed(tmp_path / "orders", monkeypatch)


def told(summary: RunSummary) -> dict[str, list[tuple[int | None, int | None, str, str]]]:
    return {
        report.source: [(f.first_page, f.last_page, f.kind.value, f.message) for f in report.failures]
        for report in summary.failures
    }


def serial(job: Path, **values: object) -> RunSummary:
    return run_job(job, executor="serial", **values)


# --- what is done stays done ---


@pytest.mark.parametrize("executor", ["local", "serial"])
def test_second_run_reads_nothing_and_tells_the_same_failures(job: Path, executor: str) -> None:
    broken_pdf(job / "in" / "broken.pdf", "garbage")
    many_page_pdf(job / "in" / "hopeless.pdf", 2)
    options = {"script": script(a="error 2", hopeless="error")}
    first = run_job(job, executor=executor, engine_options=options)
    before = tree(job / "out")
    second = run_job(job, executor=executor, engine_options=options)
    assert first.exit_code is second.exit_code is ExitCode.PARTIAL
    assert first.documents == {"partial": 1, "done": 1, "failed": 2}
    assert second.documents == {"partial": 1, "skipped": 1, "failed": 2}
    assert second.pages_done == 0
    assert second.pages_failed == first.pages_failed == 3
    assert told(first) == told(second)
    assert tree(job / "out") == before


def test_other_setting_that_changes_outputs_reads_again(job: Path) -> None:
    serial(job)
    again = serial(job, dpi=150)
    assert (again.pages_done, again.documents) == (5, {"done": 2})
    assert serial(job, dpi=150).pages_done == 0


def test_setting_that_changes_no_output_reads_nothing_again(job: Path) -> None:
    serial(job)
    assert serial(job, task_pages=1, max_attempts=5, page_timeout_s=7).pages_done == 0


def test_force_reads_everything_again(job: Path) -> None:
    serial(job)
    before = tree(job / "out")
    assert serial(job, force=True).pages_done == 5
    assert tree(job / "out") == before


def test_changed_file_is_read_again_and_the_others_are_not(job: Path) -> None:
    serial(job)
    text_pdf(job / "in" / "b.pdf", ["another", "text", "of three pages"])
    again = serial(job)
    assert (again.pages_done, again.documents) == (3, {"skipped": 1, "done": 1})
    assert manifest(job / "out", "b")["page_count"] == 3


def test_file_that_was_only_touched_is_hashed_and_not_read(job: Path) -> None:
    serial(job)
    os.utime(job / "in" / "a.pdf")
    assert serial(job).documents == {"skipped": 2}


def test_new_file_is_read_alone(job: Path) -> None:
    serial(job)
    text_pdf(job / "in" / "c.pdf", ["new"])
    assert serial(job).pages_done == 1


def test_folder_that_was_deleted_is_written_again(job: Path) -> None:
    serial(job)
    before = tree(job / "out")
    shutil.rmtree(job / "out" / "a")
    again = serial(job)
    assert again.documents == {"done": 1, "skipped": 1}
    assert tree(job / "out") == before


def test_equal_files_are_read_once_and_get_a_folder_each(job: Path) -> None:
    shutil.copy(job / "in" / "a.pdf", job / "in" / "copy.pdf")
    summary = run_job(job)
    assert (summary.pages_done, summary.documents) == (5, {"done": 3})
    assert manifest(job / "out", "copy")["source"] == "copy.pdf"
    again = run_job(job)
    assert (again.pages_done, again.documents) == (0, {"skipped": 3})


def test_lost_ledger_costs_nothing_that_was_committed(job: Path) -> None:
    options = {"script": script(a="error 2")}
    first = serial(job, engine_options=options)
    before = tree(job / "out")
    shutil.rmtree(job / "out" / ".batchocr")
    again = serial(job, engine_options=options)
    assert (again.pages_done, again.documents) == (0, {"partial": 1, "skipped": 1})
    assert told(again) == told(first)
    assert tree(job / "out") == before


def test_pages_of_a_selection_are_read_and_no_others(job: Path) -> None:
    summary = serial(job, pages="2-3")
    assert summary.pages_done == 3
    assert manifest(job / "out", "a")["done"] == [[2, 3]]
    assert serial(job, pages="2-3").pages_done == 0


def test_document_without_a_page_of_the_selection_fails_and_says_so(job: Path) -> None:
    summary = serial(job, pages="3")
    assert "none of them among --pages 3" in told(summary)["b.pdf"][0][3]


# --- failed pages ---


def test_failed_page_stays_failed_until_it_is_retried_and_then_alone_is_read(job: Path, directed: Directed) -> None:
    directed.tell("fail-2")
    first = run_job(job, **directed.settings())
    assert told(first).keys() == {"a.pdf", "b.pdf"}
    assert len(directed.pages_read()) == 3 + 2 + 2  # page 2 of each twice
    assert len(list((job / "out" / ".batchocr" / "spool").iterdir())) == 2

    directed.recall("fail-2")
    assert run_job(job, **directed.settings()).exit_code is ExitCode.PARTIAL
    assert len(directed.pages_read()) == 7

    retried = runs.retry(job / "out")
    assert (retried.exit_code, retried.pages_done, retried.documents) == (ExitCode.OK, 2, {"done": 2})
    assert sorted(directed.pages_read()[7:]) == ["a.pdf 2", "b.pdf 2"]
    assert manifest(job / "out", "a")["done"] == [[1, 3]]
    assert "Page 2 of a.pdf" in (job / "out" / "a" / "a.md").read_text()
    assert list((job / "out" / ".batchocr" / "spool").iterdir()) == []


def test_document_completed_by_a_retry_is_as_if_it_had_never_failed(job: Path, directed: Directed) -> None:
    run_job(job, output=str(job / "smooth"), **directed.settings())
    directed.tell("fail-2")
    run_job(job, **directed.settings())
    directed.recall("fail-2")
    runs.retry(job / "out")
    assert tree(job / "out") == tree(job / "smooth")


def test_retry_of_another_kind_reads_nothing(job: Path, directed: Directed) -> None:
    directed.tell("fail-2")
    first = run_job(job, **directed.settings())
    directed.recall("fail-2")
    retried = runs.retry(job / "out", kinds=["timeout", "worker_lost"])
    assert (retried.exit_code, retried.pages_done) == (ExitCode.PARTIAL, 0)
    assert told(retried) == told(first)
    assert runs.retry(job / "out", kinds=["engine_error"]).exit_code is ExitCode.OK


def test_retry_of_a_page_that_fails_again_keeps_the_document(job: Path, directed: Directed) -> None:
    directed.tell("fail-3")
    first = run_job(job, **directed.settings())
    before = tree(job / "out")
    again = runs.retry(job / "out")
    assert told(again) == told(first)
    assert tree(job / "out") == before


def test_retry_with_nothing_to_retry_is_fine(job: Path) -> None:
    serial(job)
    summary = runs.retry(job / "out")
    assert (summary.exit_code, summary.pages_done) == (ExitCode.OK, 0)


def test_retry_refuses_an_unknown_kind_and_an_output_without_a_run(job: Path) -> None:
    with pytest.raises(ConfigError, match=r"no failure kind 'sunspots'.*timeout"):
        runs.retry(job / "out", kinds=["sunspots"])
    with pytest.raises(StorageError, match="no run has written"):
        runs.retry(job / "out")


# --- plan, status, refusals ---


def written(job: Path) -> dict[Path, int]:
    """Gives every file's time, but for the two that SQLite itself keeps beside the ledger while it is read."""
    files = (path for path in job.rglob("*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}


def test_plan_tells_what_a_run_would_do_and_writes_nothing(job: Path) -> None:
    serial(job)
    text_pdf(job / "in" / "c.pdf", ["new"])
    before = written(job)
    plan = runs.plan(build(job))
    assert (plan.documents, plan.to_do, plan.skipped, dict(plan.folders)) == (3, ("c.pdf",), 2, {"c.pdf": "c"})
    assert written(job) == before


def test_status_tells_the_last_run(job: Path) -> None:
    serial(job, engine_options={"script": script(a="error 2")})
    status = runs.status(job / "out")
    assert status["run"]["state"] == "completed"
    assert status["totals"] == {
        "documents": 2, "pending": 0, "running": 0, "done": 1, "partial": 1, "failed": 0, "skipped": 0,
        "pages": 5, "pages_done": 4, "pages_failed": 1, "pages_skipped": 0, "pages_pending": 0,
        "whole_documents_failed": 0, "failures_by_kind": {"engine_error": {"pages": 1, "whole_documents": 0}},
    }  # fmt: skip
    assert status["documents"][0]["failures"][0]["page"] == 2


def test_input_that_does_not_exist_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run_job(tmp_path)
    assert not (tmp_path / "out").exists()


def test_newer_ledger_is_refused_and_stays_as_it_is(job: Path) -> None:
    serial(job)
    path = job / "out" / ".batchocr" / "ledger.sqlite3"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="newer batchocr"):
        serial(job)
    assert path.read_bytes() == before


def test_damaged_ledger_is_refused_and_moving_it_away_helps(job: Path) -> None:
    serial(job)
    path = job / "out" / ".batchocr" / "ledger.sqlite3"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match="is damaged"):
        serial(job)
    path.rename(job / "moved")
    assert serial(job).documents == {"skipped": 2}


@pytest.mark.parametrize("wrong", [{"done": "all"}, {"failed": None}, {"failed": [{"kind": "bad luck"}]}, {"blank": 3}])
def test_manifest_that_was_tampered_with_is_not_believed(job: Path, wrong: dict[str, object]) -> None:
    serial(job)
    shutil.rmtree(job / "out" / ".batchocr")
    path = job / "out" / "a" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    summary = serial(job)
    assert (summary.documents, summary.pages_done) == ({"done": 1, "skipped": 1}, 3)
    assert manifest(job / "out", "a")["done"] == [[1, 3]]


# --- whatever the order ---


def test_outputs_are_the_same_bytes_whatever_the_workers_tasks_and_names(job: Path) -> None:
    options = {"needs_image": True, "content": "rich", "script": script(a="flaky 2")}
    many_page_pdf(job / "in" / "c.pdf", 7)

    def outputs(name: str, **values: object) -> dict[str, bytes]:
        run_job(job, output=str(job / name), engine_options=options, dpi=72, **values)
        return tree(job / name)

    one = outputs("one", devices="cpu:0")
    assert len(one) > 12
    assert outputs("two", devices="cpu:0,cpu:1", task_pages=1) == one
    assert outputs("serial", executor="serial", task_pages=3) == one


def test_order_of_the_inputs_does_not_matter(job: Path) -> None:
    files = [str(job / "in" / "a.pdf"), str(job / "in" / "b.pdf")]
    serial(job, inputs=files, output=str(job / "forwards"))
    serial(job, inputs=files[::-1], output=str(job / "backwards"))
    assert tree(job / "forwards") == tree(job / "backwards")
    assert tree(job / "forwards")


def test_settings_are_stored_without_absolute_paths_and_without_secrets(job: Path) -> None:
    serial(job)
    content = (job / "out" / ".batchocr" / "ledger.sqlite3").read_bytes()
    assert str(job).encode() not in content


def test_five_thousand_pages_are_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "long.pdf", 5000)
    summary = run_job(tmp_path, formats=["md"])
    assert (summary.pages_done, summary.documents) == (5000, {"done": 1})
    text = (tmp_path / "out" / "long" / "long.md").read_text()
    assert [f"Page {page_no} of long.pdf" in text for page_no in (1, 2500, 5000)] == [True, True, True]
    assert text.count("<!-- page: ") == 5000
