"""`ingest`, `watch` and `schedule` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.documents import text_pdf
from support.json_schemas import strict

from batchocr.cli.main import main
from batchocr.errors import ExitCode


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", "one")
    path = tmp_path / "nightly.yaml"
    path.write_text(json.dumps({
        "inputs": "in", "output": "out", "engine": "fake", "devices": "cpu", "executor": "serial", "formats": "md",
        "ingest": {"settle_s": 0},
    }))  # fmt: skip
    return path


def test_ingest_says_one_line_and_then_nothing(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "--job", str(job)]) == ExitCode.OK
    assert capsys.readouterr() == ("batchocr ingest nightly: 1 read (1 page)\n", "")
    assert main(["ingest", "--job", str(job)]) == ExitCode.OK
    assert capsys.readouterr() == ("", "")


def test_json_is_one_object_on_one_line_even_when_there_is_nothing_to_do(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for documents in (1, 0):
        assert main(["ingest", "--job", str(job), "--json"]) == ExitCode.OK
        (text,) = capsys.readouterr().out.splitlines()
        told = json.loads(text)
        assert (told["schema"], told["documents"], told["exit_code"]) == (1, documents, 0)
        strict("ingest").validate(told)


def test_json_of_an_ingest_with_failures_fits_the_published_schema(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job.parent / "in" / "bad.pdf").write_bytes(b"junk")
    assert main(["ingest", "--job", str(job), "--json"]) == ExitCode.PARTIAL
    told = json.loads(capsys.readouterr().out)
    assert [failure["given_up"] for failure in told["failures"]] == [True]
    strict("ingest").validate(told)


def test_quiet_ingest_speaks_only_of_what_went_wrong(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (job.parent / "in" / "bad.pdf").write_bytes(b"junk")
    assert main(["ingest", "--job", str(job), "--quiet"]) == ExitCode.PARTIAL
    assert "bad.pdf" in capsys.readouterr().out
    text_pdf(job.parent / "in" / "b.pdf", "two")
    assert main(["ingest", "--job", str(job), "--quiet"]) == ExitCode.OK
    assert capsys.readouterr().out == ""


def test_dry_run_names_the_files_and_reads_none(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "--job", str(job), "--dry-run"]) == ExitCode.OK
    assert str(job.parent / "in" / "a.pdf") in capsys.readouterr().out
    assert main(["ingest", "--job", str(job), "--dry-run", "--json"]) == ExitCode.OK
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["to_read"] == [str(job.parent / "in" / "a.pdf")]
    assert not (job.parent / "out").exists()


def test_options_are_stronger_than_the_job(job: Path, tmp_path: Path) -> None:
    words = ["--on-success", "move", "--done", str(tmp_path / "done")]
    assert main(["ingest", "--job", str(job), *words]) == ExitCode.OK
    assert (tmp_path / "done" / "a.pdf").exists()


def test_folders_in_each_other_are_a_wrong_call(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "--job", str(job), "--failed", str(job.parent / "in" / "x")]) == ExitCode.USAGE
    assert "lie in each other" in capsys.readouterr().err


def test_command_is_told_when_the_run_cannot_begin(job: Path, tmp_path: Path) -> None:
    values = json.loads(job.read_text())
    values["engine_options"] = {"load_error": "no memory"}
    job.write_text(json.dumps(values))
    assert main(["ingest", "--job", str(job), "--notify", "tee told.json"]) == ExitCode.SETUP
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["exit_code"], "no memory" in told["message"]) == (ExitCode.SETUP, True)


@pytest.mark.parametrize(
    ("kind", "words"), [("crontab", "0 2 * * * "), ("systemd", "OnCalendar=*-*-* 02:00:00"), ("windows", "<Task ")]
)
def test_schedule_shows_what_it_would_install(
    job: Path, capsys: pytest.CaptureFixture[str], kind: str, words: str
) -> None:
    assert main(["schedule", "--job", str(job), "--cron", "0 2 * * *", "--kind", kind]) == ExitCode.OK
    out = capsys.readouterr().out
    assert words in out
    assert str(job) in out
    assert not (job.parent / "out").exists()


def test_schedule_without_a_time_or_with_a_wrong_job_is_refused(job: Path) -> None:
    assert main(["schedule", "--job", str(job)]) == ExitCode.USAGE
    assert main(["schedule", "--job", str(job.with_name("gone.yaml")), "--cron", "@daily"]) == ExitCode.USAGE
