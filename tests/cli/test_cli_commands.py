"""The commands against real runs with the scripted engine."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from support.documents import many_page_pdf

from batchocr.cli.main import main
from batchocr.errors import ExitCode

FAIL_PAGE_2 = ["--engine-option", 'script=[{pages: "2", do: error}]']


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    many_page_pdf(folder / "a.pdf", 3)
    many_page_pdf(folder / "b.pdf", 1)
    monkeypatch.chdir(tmp_path)
    return folder


def run(*arguments: str) -> int:
    return main(["run", "in", "--engine", "fake", "--executor", "serial", "--devices", "cpu", *arguments])


def test_run_prints_a_table_on_stdout_and_all_else_on_stderr(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == ExitCode.OK
    told = capsys.readouterr()
    assert "  documents  2 done\n  pages      4 done\n" in told.out
    assert f"  report     {inputs.parent / 'output' / 'report.html'}\n" in told.out
    assert "2 documents, engine fake on cpu" in told.err
    assert Path("output/in/a/a.md").is_file() or Path("output/a/a.md").is_file()


def test_run_json_is_one_object_and_nothing_else(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", *FAIL_PAGE_2) == ExitCode.PARTIAL
    summary = json.loads(capsys.readouterr().out)
    assert summary["schema"] == 1
    assert summary["exit_code"] == ExitCode.PARTIAL
    (failure,) = summary["failures"]
    assert failure["source"].endswith("a.pdf")
    assert [(entry["page"], entry["kind"]) for entry in failure["failures"]] == [(2, "engine_error")]


def test_quiet_run_says_nothing_unless_something_failed(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--quiet") == ExitCode.OK
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
    assert run("--quiet", "--force", *FAIL_PAGE_2) == ExitCode.PARTIAL
    assert "engine_error" in capsys.readouterr().out


def test_dry_run_shows_the_plan_and_writes_nothing(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run") == ExitCode.OK
    text = capsys.readouterr().out
    assert "Would read 2 of 2 documents" in text
    assert "a.pdf -> " in text
    assert not Path("output").exists()
    assert run("--dry-run", "--json") == ExitCode.OK
    plan = json.loads(capsys.readouterr().out)
    assert (plan["documents"], plan["skipped"], len(plan["to_do"])) == (2, 0, 2)


def test_settings_come_from_a_job_file(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = inputs.parent / "jobs" / "j.yaml"
    job.parent.mkdir()
    job.write_text("inputs: ../in\noutput: ../there\nengine: fake\ndevices: cpu\nexecutor: serial\nformats: md\n")
    assert main(["run", "--job", str(job)]) == ExitCode.OK
    assert str(inputs.parent / "there") in capsys.readouterr().out
    assert list((inputs.parent / "there").rglob("a.md"))


def test_status_tells_of_the_last_run(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(*FAIL_PAGE_2)
    capsys.readouterr()
    assert main(["status"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "documents  1 done   1 partial              2 in all" in text
    assert "pages      3 done               1 failed   4 in all" in text
    assert "a.pdf, page 2: scripted error" in text
    assert "  report     output/report.html\n" in text
    assert main(["status", "output", "--json"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    assert {document["state"] for document in found["documents"]} == {"done", "partial"}


def test_run_that_stops_early_shows_how_far_it_came(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fail-on", "0", *FAIL_PAGE_2) == ExitCode.RUN_FAILED
    told = capsys.readouterr()
    assert re.match(r"Run \S+ failed\n  1 page has failed", told.out)
    assert "\nFailed: 1 page\n" in told.out
    assert "\nNext: the same command again" in told.out
    assert "Error: 1 page has failed" in told.err
    assert run("--json", "--force", "--fail-on", "0", *FAIL_PAGE_2) == ExitCode.RUN_FAILED
    assert capsys.readouterr().out == ""


def test_commands_to_type_next_name_a_state_folder_elsewhere(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--state-dir", "my state", *FAIL_PAGE_2)
    state_dir = f"--state-dir '{inputs.parent / 'my state'}'"
    assert f"Next: batchocr retry {inputs.parent / 'output'} {state_dir}" in capsys.readouterr().out
    html = (inputs.parent / "output" / "report.html").read_text("utf-8")
    assert f"{state_dir} --kind engine_error" in unescape(html)
    main(["status", "--state-dir", "my state"])
    assert "Next: batchocr retry output --state-dir 'my state'" in capsys.readouterr().out


def test_status_of_a_folder_without_a_run_is_a_storage_error(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "nowhere"]) == ExitCode.STORAGE
    assert "nowhere" in capsys.readouterr().err


def test_retry_is_not_named_where_it_cannot_help(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--max-pages", "2") == ExitCode.PARTIAL
    told = capsys.readouterr().out
    assert "document_too_large" in told
    assert "Next: batchocr report" in told
    assert "batchocr retry" not in told + Path("output/report.html").read_text("utf-8")
    assert run("--max-pages", "3") == ExitCode.OK


def test_retry_with_nothing_to_retry_is_fine(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    capsys.readouterr()
    assert main(["retry", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["pages_done"] == 0


def test_retry_of_a_kind_that_did_not_happen_reads_nothing(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(*FAIL_PAGE_2)
    capsys.readouterr()
    assert main(["retry", "output", "--kind", "timeout", "--json"]) == ExitCode.PARTIAL
    assert json.loads(capsys.readouterr().out)["pages_done"] == 0


def test_input_that_is_not_there_is_an_input_error(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "gone.pdf", "--engine", "fake"]) == ExitCode.INPUT
    assert "gone.pdf" in capsys.readouterr().err
    assert not Path("output").exists()


def test_device_that_is_not_there_is_a_setup_error(
    inputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(["run", "in", "--engine", "fake", "--devices", "gpu:7"]) == ExitCode.SETUP
    assert "gpu" in capsys.readouterr().err


def test_nested_input_and_output_is_a_usage_error(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-o", "in/out") == ExitCode.USAGE
    assert "outside" in capsys.readouterr().err


def test_engines_tells_which_run_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--json"]) == ExitCode.OK
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["engines"]}
    assert found["fake"]["runs"] is True
    assert found["fake"]["origin"].startswith("batchocr ")


def test_doctor_finds_that_an_engine_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--engine", "fake", "-o", str(tmp_path)]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "engine fake" in text
    assert "A run can work here." in text


def test_doctor_answers_4_when_the_engine_has_no_device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(["doctor", "--engine", "fake", "--devices", "gpu:0", "--json"]) == ExitCode.SETUP
    findings = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["engine fake"]["state"] == "problem"


def test_doctor_answers_5_when_the_output_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["doctor", "--engine", "fake", "-o", str(tmp_path / "file")]) == ExitCode.STORAGE
    assert "could not be written" in capsys.readouterr().out


def test_doctor_of_an_unknown_engine_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--engine", "ppocrr"]) == ExitCode.USAGE
    assert "ppocr" in capsys.readouterr().err
