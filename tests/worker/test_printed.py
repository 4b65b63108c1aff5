"""What engines print is caught, whichever way they do it, and says from which worker, document and page it comes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support.documents import many_page_pdf
from support.jobs import Directed, coordinator, run_job, script, settings

from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, Task
from batchocr.errors import ExitCode
from batchocr.logs import MainThreadFields
from batchocr.worker import printed
from batchocr.worker.printed import MAX_BYTES, MAX_LINE, Printed, page_fields, read_printed

WAYS = ["print", "stderr", "fd1", "fd2", "puts", "logging", "warnings"]
needs_c_library = pytest.mark.skipif(sys.platform == "win32", reason="the scripted engine calls the C library")


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    many_page_pdf(tmp_path / "in" / "b.pdf", 2)
    return Directed(tmp_path / "orders", monkeypatch)


def records(job: Path, name: str) -> list[dict[str, Any]]:
    """Gives the records of one log file; `run-*` is the coordinator's."""
    (log,) = (job / "out" / ".batchocr" / "logs").glob(f"{name}.jsonl")
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


@needs_c_library
def test_everything_that_an_engine_prints_names_worker_device_document_and_page(
    tmp_path: Path, directed: Directed, capfd: pytest.CaptureFixture[str]
) -> None:
    directed.tell("talk-1", "talk-2")
    summary = run_job(tmp_path, **directed.settings())
    assert summary.exit_code is ExitCode.OK
    found = records(tmp_path, "cpu")
    for way in WAYS:
        lines = [record for record in found if f"{way} " in record["message"] and ".pdf " in record["message"]]
        assert len(lines) == 4, way
        for line in lines:
            assert f"{way} {line['document']} {line['page']}" in line["message"]
            assert (line["worker"], line["device"], line["run"]) == ("cpu", "cpu", summary.run_id)
            assert isinstance(line["attempt"], int)
    assert capfd.readouterr() == ("", "")


@needs_c_library
def test_last_words_of_an_engine_that_aborts_are_in_the_log_of_the_run(tmp_path: Path, directed: Directed) -> None:
    directed.tell("talk-2", "die-3")
    summary = run_job(tmp_path, **directed.settings(), max_attempts=1)
    assert (summary.exit_code, summary.pages_failed) == (ExitCode.PARTIAL, 1)
    found = records(tmp_path, "run-*")
    (words,) = [record for record in found if record["message"] == "printed: last words"]
    assert (words["document"], words["page"], words["worker"], words["device"]) == ("a.pdf", 3, "cpu", "cpu")
    assert any("Fatal Python error: Aborted" in record["message"] for record in found)
    (lost,) = [record for record in found if record["message"].startswith("worker cpu was lost")]
    assert (lost["document"], lost["page"], lost["worker"], lost["attempt"]) == ("a.pdf", 3, "cpu", words["attempt"])
    (page,) = [record for record in found if record["message"].startswith("worker_lost: ")]
    assert (page["document"], page["page"], page["attempt"]) == ("a.pdf", 3, words["attempt"])
    assert page["message"].endswith("(given up)")
    assert not any("print a.pdf 2" in record["message"] for record in found)  # the worker has logged that itself


def test_worker_that_hangs_has_its_stack_in_the_log_of_the_run(tmp_path: Path, directed: Directed) -> None:
    options = {"script": script(b="hang 2")}
    run_job(tmp_path, engine_options=options, page_timeout_s=1.0, max_attempts=1)
    stack = [record for record in records(tmp_path, "run-*") if "in _hang" in record["message"]]
    assert [(record["document"], record["page"]) for record in stack] == [("b.pdf", 2)]


@needs_c_library
def test_log_level_warning_leaves_out_what_was_printed_and_keeps_warnings(tmp_path: Path, directed: Directed) -> None:
    directed.tell("talk-1")
    run_job(tmp_path, **directed.settings(), log_level="warning")
    messages = " ".join(record["message"] for record in records(tmp_path, "cpu"))
    assert "logging a.pdf 1" in messages
    assert "fd2" not in messages
    assert "fd2 a.pdf 1" in (tmp_path / "out" / ".batchocr" / "logs" / "cpu.stderr.log").read_text("utf-8")


@needs_c_library
def test_standard_output_of_a_run_is_free_of_what_engines_print(tmp_path: Path, directed: Directed) -> None:
    directed.tell("talk-1")
    with coordinator({**settings(tmp_path), **directed.settings()}) as process:
        out, err = process.communicate(timeout=50)
    assert json.loads(out) == {"exit_code": 0, "pages_done": 5}
    assert err == ""


def test_what_opens_and_draws_documents_prints_into_files_of_its_own(
    tmp_path: Path, directed: Directed, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site").mkdir()
    prints = "import sys\nif 'batchocr.documents.child' in ' '.join(sys.orig_argv): print('libtiff', file=sys.stderr)\n"
    (tmp_path / "site" / "sitecustomize.py").write_text(prints)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    run_job(tmp_path, **directed.settings(needs_image=True), dpi=50)
    logs = tmp_path / "out" / ".batchocr" / "logs"
    printed = {path.name for path in logs.iterdir() if "libtiff" in path.read_text("utf-8")}
    assert printed == {"prober.stderr.log", "cpu.renderer.stderr.log"}
    assert capfd.readouterr() == ("", "")


def test_serial_engine_prints_to_standard_error(tmp_path: Path, directed: Directed) -> None:
    directed.tell("print-1")
    with coordinator({**settings(tmp_path), **directed.settings(), "executor": "serial"}) as process:
        out, err = process.communicate(timeout=50)
    assert json.loads(out) == {"exit_code": 0, "pages_done": 5}
    assert sorted(err.splitlines()) == ["print a.pdf 1", "print b.pdf 1"]


def task(number: int, source: str) -> Task:
    reference = DocumentRef("/nowhere", source, "0" * 64, FileIdentity(1, 1, 1), DocumentFormat.PDF, 9)
    return Task(number, 1, reference, (1, 2), "/nowhere.seg")


def test_fields_are_those_in_which_all_open_pages_agree() -> None:
    one, same, other = task(1, "a.pdf"), task(2, "a.pdf"), task(3, "b.pdf")
    assert page_fields([]) == {}
    assert page_fields([(one, 4)]) == {"attempt": 1, "document": "a.pdf", "page": 4}
    assert page_fields([(one, 4), (one, 5)]) == {"attempt": 1, "document": "a.pdf"}
    assert page_fields([(one, 4), (same, 9)]) == {"document": "a.pdf"}
    assert page_fields([(one, 4), (other, 4)]) == {}


def test_progress_bar_is_its_last_state_and_empty_lines_are_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n\r  0%\r 50%\r100%\n\n \nend")
    assert read_printed(log, 7) == (["100%", "end"], log.stat().st_size)


def test_flood_is_cut_and_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 3000 + b"\n" + b"y\n" * MAX_BYTES)
    lines, end = read_printed(log, 0)
    assert end == log.stat().st_size
    assert lines[0] == f"({end - MAX_BYTES} bytes before this are in log alone)"
    assert lines[1:] == ["y"] * (MAX_BYTES // 2)


def test_long_line_and_broken_bytes_are_kept_short_and_readable(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff" + b"x" * (MAX_LINE + 500))
    (line,) = read_printed(log, 0)[0]
    assert line.startswith("\\xffxxx")
    assert len(line) == MAX_LINE + 2


def test_log_that_somebody_deletes_stops_nothing(tmp_path: Path) -> None:
    assert read_printed(tmp_path / "none", 5) == ([], 5)


def test_file_of_printed_lines_starts_anew_when_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "MAX_LOG_BYTES", 100)
    log, here = tmp_path / "log", MainThreadFields()
    with log.open("ab") as file:
        lines = Printed(str(log), 0, here)
        for number in range(60):
            os.write(file.fileno(), f"line {number}\n".encode())
            lines.turn(())
            assert log.stat().st_size <= 110
            assert lines.read_to == log.stat().st_size
