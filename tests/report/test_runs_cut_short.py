"""Reports and status of runs that did not go through: stopped, killed, empty, or with nothing that could be read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chromium import Tab
from support.documents import broken_pdf, many_page_pdf, text_pdf
from support.jobs import build, run_job

from batchocr import runs
from batchocr.coordinator.lock import run_lock
from batchocr.datatypes import RunProgress


class Cancels:
    """Has the run stopped once a page is read."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._asked = False

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None:
        pass

    def on_warning(self, message: str) -> None:
        pass

    def on_progress(self, progress: RunProgress) -> None:
        if progress.pages_done and not self._asked:
            self._asked = True  # asked twice, a run ends at once, without a report
            runs.cancel(self._output)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives a folder with a run that was stopped in the middle of its documents."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "in").mkdir()
    many_page_pdf(folder / "in" / "long.pdf", 200)
    many_page_pdf(folder / "in" / "later.pdf", 2)
    settings = build(folder, report=True, engine_options={"page_seconds": 0.1})
    runs.run(settings, listener=Cancels(folder / "out"))
    return folder


@pytest.fixture
def killed(stopped: Path) -> Iterator[Path]:
    """Gives the output folder of such a run whose ledger looks as after kill -9: nobody closed the run."""
    ledger = sqlite3.connect(stopped / "out" / ".batchocr" / "ledger.sqlite3")
    (row,) = ledger.execute("SELECT state, ended_at, message FROM runs").fetchall()
    with ledger:
        ledger.execute("UPDATE runs SET state = 'running', ended_at = NULL, message = ''")
    yield stopped / "out"
    with ledger:
        ledger.execute("UPDATE runs SET state = ?, ended_at = ?, message = ?", row)
    ledger.close()


def report_of(output: Path) -> str:
    """Gives the report as it is."""
    return (output / "report.html").read_text("utf-8")


def test_report_of_a_run_that_was_stopped_says_what_is_missing_and_what_to_do(stopped: Path) -> None:
    html = report_of(stopped / "out")
    totals = runs.status(stopped / "out")["totals"]
    assert f"<h1>{totals['pages_done']} of 202 pages read</h1>" in html
    assert f"Not finished: 2 documents, with {totals['pages_pending']} pages to read" in html
    assert "The command that started the run, typed again, goes on" in html
    assert (totals["pending"], totals["running"]) == (2, 0)
    assert "left out" not in html


def test_list_shows_how_far_a_document_came(stopped: Path, tab: Tab) -> None:
    done = runs.status(stopped / "out")["totals"]["pages_done"]
    tab.open((stopped / "out" / "report.html").as_uri(), width=420)
    cells = tab.value("[...document.querySelectorAll('#list td.n')].map((cell) => cell.textContent)")
    assert cells == ["2", "", f"{done}/200", ""]
    lines = tab.value("[...document.querySelectorAll('#list .state')].map((badge) => badge.getClientRects().length)")
    assert lines == [1, 1]


def test_run_that_was_killed_is_told_as_such(killed: Path) -> None:
    runs.report(killed)
    assert "it was killed, or the machine went down; the same command goes on" in report_of(killed)
    assert "Not finished: 2 documents" in report_of(killed)
    run = runs.status(killed)["run"]
    assert run["state"] == "interrupted"
    assert run["started_at"] < run["ended_at"]
    assert runs.report_data(killed)["run"]["state"] == "interrupted"


def test_run_whose_lock_is_held_goes_on(killed: Path) -> None:
    with run_lock(killed / ".batchocr"):
        runs.report(killed)
        status = runs.status(killed)
    assert "The run goes on: this is how far it was" in report_of(killed)
    assert (status["run"]["state"], status["totals"]["running"]) == ("running", 1)


def test_time_of_a_killed_run_does_not_grow_afterwards(killed: Path) -> None:
    before = runs.report_data(killed)["run"]["elapsed_s"]
    time.sleep(0.05)
    assert runs.report_data(killed)["run"]["elapsed_s"] == before


def test_empty_folder_is_told_without_blank_charts_and_lists(tmp_path: Path, tab: Tab) -> None:
    (tmp_path / "in").mkdir()
    run_job(tmp_path, report=True)
    html = report_of(tmp_path / "out")
    assert "<h1>Nothing to read</h1>" in html
    assert "The inputs hold no documents." in html
    assert 'id="workers"' not in html
    tab.open((tmp_path / "out" / "report.html").as_uri())
    assert tab.value("document.getElementById('list').checkVisibility()") is False


def test_run_with_nothing_left_to_do_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "letter.pdf", "one")
    run_job(tmp_path)
    run_job(tmp_path)
    runs.report(tmp_path / "out")
    html = report_of(tmp_path / "out")
    assert "<h1>Nothing new to read</h1>" in html
    assert 'id="workers"' not in html
    assert "never ready" not in html


def test_run_without_a_readable_document_is_no_plain_success(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    broken_pdf(tmp_path / "in" / "broken.pdf", "garbage")
    (tmp_path / "in" / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    run_job(tmp_path, report=True)
    html = report_of(tmp_path / "out")
    assert '<span class="state partial">completed, with failures</span>' in html
    assert "Pages per second" not in html
    assert "0 of 0" not in html
    assert "the PNG image is damaged (its contents are not those of an image)" in html
    assert "BufferedReader" not in html
