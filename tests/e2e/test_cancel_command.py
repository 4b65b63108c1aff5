"""`batchocr cancel`: a run in another process ends in order, and the same command goes on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from e2e_commands import COMMAND, batchocr, status
from support.documents import many_page_pdf
from support.jobs import eventually

from batchocr import runs
from batchocr.errors import StorageError
from batchocr.worker.open_pages import read_open_pages

PAGES = 40


def job(*options: str) -> list[str]:
    fake = ["--engine", "fake", "--devices", "cpu", "--engine-option", "needs_image=false"]
    return ["run", "in", "-o", "out", *fake, "--task-pages", "1", "--json", *options]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    return tmp_path


def pages_done(output: Path) -> int:
    try:
        return int(runs.status(output)["totals"]["pages_done"])
    except StorageError:
        return 0


def has_open_page(output: Path) -> bool:
    return any(read_open_pages(str(note)) for note in (output / ".batchocr" / "workers").glob("*.open"))


def test_cancelled_run_answers_143_and_the_same_command_goes_on(folder: Path) -> None:
    slow = ("--engine-option", "page_seconds=0.5")
    with subprocess.Popen(
        [str(COMMAND), *job(*slow)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        eventually(lambda: pages_done(folder / "out"), "the first page")
        asked = batchocr("cancel", "out", cwd=folder)
        out, err = process.communicate(timeout=30)
    assert asked.returncode == 0, asked.stderr
    assert f"pid {process.pid}" in asked.stdout
    assert process.returncode == 143, err
    assert status(folder / "out")["run"]["state"] == "interrupted"
    first = json.loads(out)["pages_done"]
    assert 0 < first < PAGES
    again = batchocr(*job(), cwd=folder)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["pages_done"] == PAGES - first


def test_second_cancel_stops_a_run_that_still_finishes_its_pages(folder: Path) -> None:
    endless = (
        "--engine-option",
        "page_seconds=3000",
        "--engine-option",
        "page_timeout_s=4000",
        "--drain-timeout-s",
        "3000",
    )
    request = folder / "out" / ".batchocr" / "cancel"
    with subprocess.Popen(
        [str(COMMAND), *job(*endless)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        eventually(lambda: has_open_page(folder / "out"), "a page in hand")
        for _ in range(2):
            assert batchocr("cancel", "out", cwd=folder).returncode == 0
            eventually(lambda: not request.exists(), "the run has seen the request")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert batchocr(*job(), cwd=folder).returncode == 0


def test_cancel_without_a_run_says_so_and_answers_zero(folder: Path) -> None:
    nowhere = batchocr("cancel", "nowhere", cwd=folder)
    assert (nowhere.returncode, nowhere.stdout) == (0, "No run is writing to nowhere.\n")
    assert not (folder / "nowhere").exists()
    assert batchocr(*job(), cwd=folder).returncode == 0
    over = batchocr("cancel", "out", cwd=folder)
    assert (over.returncode, over.stdout) == (0, "No run is writing to out.\n")


def test_request_that_came_too_late_for_its_run_does_not_stop_the_next(folder: Path) -> None:
    (folder / "out" / ".batchocr").mkdir(parents=True)
    (folder / "out" / ".batchocr" / "cancel").touch()
    done = batchocr(*job("--engine-option", "page_seconds=0.05"), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pages_done"] == PAGES
    assert not (folder / "out" / ".batchocr" / "cancel").exists()
