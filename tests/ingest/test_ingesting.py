"""What becomes of files, against real runs with scripted engines in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.documents import broken_pdf, encrypted_pdf, many_page_pdf, text_pdf
from support.jobs import ENGINES, manifest

from batchocr.errors import ExitCode, SetupError
from batchocr.ingest.ingesting import ingest, look_around
from batchocr.ingest.job import IngestJob, load_job
from batchocr.ingest.outcome import Outcome, line


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    return tmp_path / "in"


MakeJob = Callable[..., IngestJob]


@pytest.fixture
def job(tmp_path: Path, inbox: Path) -> MakeJob:
    def make(script: Any = (), run: dict[str, Any] | None = None, **section: Any) -> IngestJob:
        values = {
            "inputs": "in", "output": "out", "engine": "fake", "devices": "cpu", "executor": "serial",
            "formats": "md", "engine_options": {"needs_image": False, "script": list(script)},
            **(run or {}), "ingest": {"settle_s": 0, **section},
        }  # fmt: skip
        (tmp_path / "job.yaml").write_text(json.dumps(values))
        return load_job(tmp_path / "job.yaml", {}, {})

    return make


MOVE = {"on_success": "move", "done": "done", "failed": "failed"}


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    return outcome.documents, outcome.moved + outcome.deleted, len(outcome.failures), int(outcome.exit_code)


def test_files_are_read_and_moved_with_their_folders_and_then_there_is_nothing_to_do(
    tmp_path: Path, inbox: Path, job: MakeJob
) -> None:
    text_pdf(inbox / "a.pdf", "one")
    many_page_pdf(inbox / "sub" / "b.pdf", 2)
    (inbox / "c.pdf.part").write_bytes(b"%PDF-")
    (inbox / "notes.txt").write_text("no document")
    outcome = ingest(job(**MOVE))
    assert counts(outcome) == (2, 2, 0, ExitCode.OK)
    assert outcome.worth_telling
    assert line(outcome) == "batchocr ingest job: 2 read (3 pages), 2 moved"
    assert (names(tmp_path / "done"), names(inbox)) == (["a.pdf", "sub/b.pdf"], ["c.pdf.part", "notes.txt"])
    assert manifest(tmp_path / "out", "sub/b")["done"] == [[1, 2]]
    again = ingest(job(**MOVE))
    assert (again.worth_telling, again.run_id, again.exit_code) == (False, None, ExitCode.OK)


def test_files_that_are_kept_are_read_once_and_again_when_they_change(
    tmp_path: Path, inbox: Path, job: MakeJob
) -> None:
    text_pdf(inbox / "a.pdf", "one")
    text_pdf(inbox / "b.pdf", "two")
    assert counts(ingest(job())) == (2, 0, 0, ExitCode.OK)
    assert ingest(job()).run_id is None
    many_page_pdf(inbox / "a.pdf", 3)
    outcome = ingest(job())
    assert (outcome.documents, outcome.pages) == (1, 3)
    assert manifest(tmp_path / "out", "a")["page_count"] == 3
    assert manifest(tmp_path / "out", "b")["page_count"] == 1


def test_results_that_somebody_deleted_are_made_again(tmp_path: Path, inbox: Path, job: MakeJob) -> None:
    text_pdf(inbox / "a.pdf", "one")
    ingest(job())
    (tmp_path / "out" / "a" / "manifest.json").unlink()
    for path in (tmp_path / "out" / "a").iterdir():
        path.unlink()
    assert ingest(job()).documents == 1
    assert (tmp_path / "out" / "a" / "a.md").exists()


def test_file_that_somebody_deleted_is_reported_once_and_its_results_stay(
    tmp_path: Path, inbox: Path, job: MakeJob
) -> None:
    text_pdf(inbox / "a.pdf", "one")
    ingest(job())
    (inbox / "a.pdf").unlink()
    outcome = ingest(job())
    assert (outcome.vanished, outcome.exit_code, outcome.run_id) == ([str(inbox / "a.pdf")], ExitCode.OK, None)
    assert (tmp_path / "out" / "a" / "a.md").exists()
    assert not ingest(job()).worth_telling


def test_deleted_files_are_gone_and_their_results_there(tmp_path: Path, inbox: Path, job: MakeJob) -> None:
    text_pdf(inbox / "a.pdf", "one")
    assert counts(ingest(job(on_success="delete"))) == (1, 1, 0, ExitCode.OK)
    assert names(inbox) == []
    assert (tmp_path / "out" / "a" / "a.md").exists()


@pytest.mark.parametrize("failed", ["failed", None])
def test_documents_that_cannot_be_opened_are_given_up_at_once(
    tmp_path: Path, inbox: Path, job: MakeJob, failed: str | None
) -> None:
    text_pdf(inbox / "good.pdf", "one")
    broken_pdf(inbox / "sub" / "broken.pdf", "truncated")
    encrypted_pdf(inbox / "locked.pdf", "secret")
    outcome = ingest(job(**{**MOVE, "failed": failed}))
    assert counts(outcome) == (1, 1, 2, ExitCode.PARTIAL)
    assert all(failure.given_up for failure in outcome.failures)
    if failed:
        expected = ["locked.pdf", "locked.pdf.reason.txt", "sub/broken.pdf", "sub/broken.pdf.reason.txt"]
        assert names(tmp_path / "failed") == expected
        reason = (tmp_path / "failed" / "locked.pdf.reason.txt").read_text()
        assert "document_encrypted" in reason
        assert str(inbox / "locked.pdf") in reason
        assert names(inbox) == []
    else:
        assert names(inbox) == ["locked.pdf", "sub/broken.pdf"]
    assert not ingest(job(**{**MOVE, "failed": failed})).worth_telling


def test_document_with_a_failed_page_is_set_aside_after_its_last_attempt(
    tmp_path: Path, inbox: Path, job: MakeJob
) -> None:
    many_page_pdf(inbox / "a.pdf", 3)
    bad = job([{"do": "error", "pages": "2"}], **MOVE, attempts=2)
    first = ingest(bad)
    assert [(failure.attempts, failure.given_up) for failure in first.failures] == [(1, False)]
    assert names(inbox) == ["a.pdf"]
    second = ingest(bad)
    assert [(failure.attempts, failure.given_up) for failure in second.failures] == [(2, True)]
    assert names(inbox) == []
    reason = (tmp_path / "failed" / "a.pdf.reason.txt").read_text()
    assert "page 2: engine_error" in reason
    assert "attempts: 2" in reason
    assert manifest(tmp_path / "out", "a")["done"] == [[1, 1], [3, 3]]
    assert not ingest(bad).worth_telling


def test_page_that_fails_once_is_read_the_next_time_and_only_that(
    tmp_path: Path, inbox: Path, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ENGINES))
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / "fail-2").touch()
    many_page_pdf(inbox / "a.pdf", 3)
    run = {"engine": "directed", "engine_options": {"folder": str(orders)}, "executor": "local"}
    assert counts(ingest(job(run=run, **MOVE))) == (0, 0, 1, ExitCode.PARTIAL)
    (orders / "fail-2").unlink()
    (orders / "pages.log").unlink()
    assert counts(ingest(job(run=run, **MOVE))) == (1, 1, 0, ExitCode.OK)
    assert (orders / "pages.log").read_text().splitlines() == ["a.pdf 2"]


def test_new_file_under_a_used_name_replaces_neither_results_nor_files(
    tmp_path: Path, inbox: Path, job: MakeJob
) -> None:
    for number in (1, 2, 3):
        many_page_pdf(inbox / "scan.pdf", number)
        assert counts(ingest(job(**MOVE))) == (1, 1, 0, ExitCode.OK)
    assert names(tmp_path / "done") == ["scan.pdf", "scan~2.pdf", "scan~3.pdf"]
    folders = ["scan", "scan~2", "scan~3"]
    assert [manifest(tmp_path / "out", folder)["page_count"] for folder in folders] == [1, 2, 3]
    many_page_pdf(inbox / "scan.pdf", 2)  # the second once more: its results are there
    outcome = ingest(job(**MOVE))
    assert (outcome.documents, outcome.pages, outcome.moved) == (1, 0, 1)
    assert not (tmp_path / "out" / "scan~4").exists()


def test_file_that_an_ingest_had_read_but_not_moved_is_moved_by_the_next(
    tmp_path: Path, inbox: Path, job: MakeJob
) -> None:
    text_pdf(inbox / "a.pdf", "one")
    ingest(job())
    (tmp_path / "out" / ".batchocr" / "ingest" / "memory.json").unlink()
    outcome = ingest(job(**MOVE))
    assert (outcome.documents, outcome.pages, outcome.moved) == (1, 0, 1)
    assert names(tmp_path / "done") == ["a.pdf"]


def test_other_settings_make_files_that_were_kept_or_given_up_be_looked_at_again(
    tmp_path: Path, inbox: Path, job: MakeJob
) -> None:
    text_pdf(inbox / "a.pdf", "one")
    encrypted_pdf(inbox / "locked.pdf", "secret")
    assert counts(ingest(job())) == (1, 0, 1, ExitCode.PARTIAL)
    assert not ingest(job()).worth_telling
    (tmp_path / "passwords.tsv").write_text("locked.pdf\tsecret\n")
    outcome = ingest(job(run={"password_file": "passwords.tsv"}, **MOVE))
    assert counts(outcome) == (2, 2, 0, ExitCode.OK)


def test_file_that_nobody_may_read_is_reported_once_and_stays(inbox: Path, job: MakeJob) -> None:
    (inbox / "gone.pdf").symlink_to("nowhere.pdf")
    outcome = ingest(job(**MOVE))
    assert counts(outcome) == (0, 0, 1, ExitCode.PARTIAL)
    assert "link to nothing" in outcome.failures[0].reasons[0]
    assert not ingest(job(**MOVE)).worth_telling
    assert (inbox / "gone.pdf").is_symlink()


def test_linked_file_is_read_once_and_stays(inbox: Path, job: MakeJob) -> None:
    text_pdf(inbox / ".hidden", "one")
    (inbox / "a.pdf").symlink_to(".hidden")
    outcome = ingest(job(on_success="delete"))
    assert (outcome.documents, outcome.deleted, list(outcome.stuck)) == (1, 0, [str(inbox / "a.pdf")])
    assert not ingest(job(on_success="delete")).worth_telling
    assert (inbox / ".hidden").exists()


@pytest.mark.parametrize("name", ["-rf.pdf", "a\nb.pdf", os.fsdecode(b"caf\xe9.pdf"), "$(touch x).pdf"], ids=ascii)
def test_hostile_names_go_all_the_way(tmp_path: Path, inbox: Path, job: MakeJob, name: str) -> None:
    text_pdf(inbox / name, "one")
    outcome = ingest(job(**MOVE))
    assert counts(outcome) == (1, 1, 0, ExitCode.OK)
    assert (tmp_path / "done" / name).exists()
    assert "\n" not in line(outcome)


def test_several_inputs_keep_their_names_in_the_folder_of_done_files(tmp_path: Path, inbox: Path, job: MakeJob) -> None:
    (tmp_path / "fax").mkdir()
    text_pdf(inbox / "a.pdf", "one")
    text_pdf(tmp_path / "fax" / "a.pdf", "two")
    ingest(job(run={"inputs": ["in", "fax"]}, **MOVE))
    assert names(tmp_path / "done") == ["fax/a.pdf", "in/a.pdf"]


def test_run_that_cannot_begin_touches_no_file(inbox: Path, job: MakeJob) -> None:
    text_pdf(inbox / "a.pdf", "one")
    with pytest.raises(SetupError):
        ingest(job(run={"engine_options": {"load_error": "no memory"}}, **MOVE))
    assert names(inbox) == ["a.pdf"]


def test_limit_of_documents_leaves_the_others_for_the_next_time(inbox: Path, job: MakeJob) -> None:
    for number in range(3):
        text_pdf(inbox / f"{number}.pdf", f"text {number}")
    run = {"max_documents": 2}
    outcome = ingest(job(run=run, **MOVE))
    assert (outcome.documents, len(outcome.waiting)) == (2, 1)
    assert ingest(job(run=run, **MOVE)).documents == 1


def test_dry_look_shows_what_would_be_read_and_writes_nothing(tmp_path: Path, inbox: Path, job: MakeJob) -> None:
    text_pdf(inbox / "a.pdf", "one")
    look = look_around(job(**MOVE))
    assert (list(look.settled), look.known) == ([str(inbox / "a.pdf")], 0)
    assert not (tmp_path / "out").exists()


def test_log_says_what_became_of_each_file(tmp_path: Path, inbox: Path, job: MakeJob) -> None:
    text_pdf(inbox / "a.pdf", "one")
    outcome = ingest(job(**MOVE))
    text = (tmp_path / "out" / ".batchocr" / "logs" / "ingest.jsonl").read_text()
    entries = [json.loads(entry) for entry in text.splitlines()]
    assert [entry["document"] for entry in entries] == [str(inbox / "a.pdf")] * 2
    assert {entry["run"] for entry in entries} == {outcome.run_id}
    assert entries[-1]["message"] == f"moved to {tmp_path / 'done' / 'a.pdf'}"
