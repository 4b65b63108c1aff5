"""Processes of the local executor: nothing is left of a run, and nothing among the inputs is imported."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest
from support.documents import many_page_pdf
from support.jobs import eventually, run_job

from batchocr.errors import ExitCode


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 2)
    return tmp_path


def test_run_leaves_no_process_thread_or_open_file_behind(job: Path) -> None:
    run_job(job)  # what is opened once and for all is open now
    me = psutil.Process()
    eventually(lambda: not me.children(recursive=True), "children to be gone")
    threads, files = threading.active_count(), me.num_fds()
    run_job(job, force=True)
    eventually(lambda: not me.children(recursive=True), "children to be gone")
    eventually(lambda: threading.active_count() <= threads, "threads to end", timeout_s=5)
    assert me.num_fds() <= files


def test_scratch_files_of_workers_are_removed(job: Path) -> None:
    run_job(job)
    state = job / "out" / ".batchocr"
    assert list((state / "workers").iterdir()) == []
    assert list((state / "staging").iterdir()) == []
    assert list((state / "spool").iterdir()) == []


def test_module_among_the_inputs_is_never_imported(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("socket", "queue", "numpy", "multiprocessing", "batchocr"):
        (job / "in" / f"{name}.py").write_text(f"open({str(job / 'imported')!r}, 'w')\nraise SystemExit(99)\n")
    monkeypatch.chdir(job / "in")
    assert run_job(job).exit_code is ExitCode.OK
    assert not (job / "imported").exists()
