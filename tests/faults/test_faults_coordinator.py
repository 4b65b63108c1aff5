"""A coordinator that is killed or told to stop: its children leave, and the next run reads no recorded page again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support.documents import many_page_pdf, text_pdf
from support.jobs import Directed, coordinator, eventually, manifest, run_job, settings, tree

from batchocr import runs
from batchocr.errors import ExitCode, StorageError

pytestmark = pytest.mark.faults

PAGES = 12


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    text_pdf(tmp_path / "in" / "b.pdf", ["one", "two", "three"])
    return Directed(tmp_path / "orders", monkeypatch)


def job(tmp_path: Path, directed: Directed, **values: object) -> dict[str, object]:
    return settings(tmp_path, **directed.settings(), task_pages=4, **values)


def recorded(tmp_path: Path) -> int:
    """Gives how many pages the run has recorded so far, as anybody may see."""
    try:
        return int(runs.status(tmp_path / "out")["totals"]["pages_done"])
    except StorageError:
        return 0


def recorded_pages(tmp_path: Path) -> set[str]:
    """Gives the pages that the ledger has, as `a.pdf 3`."""
    with closing(sqlite3.connect(tmp_path / "out" / ".batchocr" / "ledger.sqlite3")) as db:
        rows = db.execute(
            "SELECT d.source, p.page_no FROM pages p JOIN documents d USING (content_id) WHERE p.state = 'done'"
        ).fetchall()
    return {f"{Path(source).name} {page_no}" for source, page_no in rows}


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def wait_for_some_pages(tmp_path: Path, directed: Directed, at: int = 7) -> None:
    directed.wait_at(at)
    eventually(lambda: recorded(tmp_path) >= at - 1, "the pages before it to be recorded")


def test_children_of_a_killed_coordinator_leave_and_no_recorded_page_is_read_again(
    tmp_path: Path, directed: Directed
) -> None:
    directed.tell("hold-7")
    with coordinator(job(tmp_path, directed, devices="cpu:0,cpu:1")) as process:
        wait_for_some_pages(tmp_path, directed)
        children = family(process)
        assert len(children) >= 2
        process.kill()
        process.wait()
    eventually(lambda: gone(children), "the children to leave", timeout_s=10)
    done = recorded_pages(tmp_path)
    assert len(done) >= 6
    assert "a.pdf 7" not in done

    directed.recall("hold-7")
    summary = run_job(tmp_path, **directed.settings(), task_pages=4)
    assert (summary.exit_code, summary.documents["done"]) == (ExitCode.OK, 2)
    assert summary.pages_done <= PAGES + 3 - len(done)
    read_again = {page for page, count in Counter(directed.pages_read()).items() if count > 1}
    assert "a.pdf 7" in read_again
    assert read_again.isdisjoint(done)  # the other worker may have read pages that were not on record yet
    assert manifest(tmp_path / "out", "a")["done"] == [[1, PAGES]]


def test_pages_are_found_again_though_the_ledger_never_heard_of_them(tmp_path: Path, directed: Directed) -> None:
    directed.tell("hold-9")
    with coordinator(job(tmp_path, directed)) as process:
        wait_for_some_pages(tmp_path, directed, at=9)
        children = family(process)
        process.kill()
        process.wait()
    eventually(lambda: gone(children), "the children to leave", timeout_s=10)
    for path in (tmp_path / "out" / ".batchocr").glob("ledger.sqlite3*"):
        path.unlink()
    directed.recall("hold-9")
    run_job(tmp_path, **directed.settings())
    assert {page for page, count in Counter(directed.pages_read()).items() if count > 1} == {"a.pdf 9"}


def test_output_of_a_killed_and_resumed_run_is_that_of_a_smooth_one(tmp_path: Path, directed: Directed) -> None:
    smooth = run_job(tmp_path, output=str(tmp_path / "smooth"), **directed.settings())
    assert smooth.exit_code is ExitCode.OK
    directed.tell("hold-7")
    with coordinator(job(tmp_path, directed)) as process:
        directed.wait_at(7)
        children = family(process)
        process.kill()
        process.wait()
    eventually(lambda: gone(children), "the children to leave", timeout_s=10)
    directed.recall("hold-7")
    run_job(tmp_path, **directed.settings())
    assert tree(tmp_path / "out") == tree(tmp_path / "smooth")


def test_second_run_on_one_output_is_refused_and_told_who_has_it(tmp_path: Path, directed: Directed) -> None:
    directed.tell("hold-2")
    with coordinator(job(tmp_path, directed)) as process:
        directed.wait_at(2)
        with pytest.raises(StorageError, match=rf"Another run is writing .*pid {process.pid}"):
            run_job(tmp_path, **directed.settings())
        status = runs.status(tmp_path / "out")
        assert (status["run"]["state"], status["run"]["pid"]) == ("running", process.pid)
        directed.recall("hold-2")
        assert process.wait(30) == ExitCode.OK


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGHUP, ExitCode.HANGUP)],
)
def test_first_signal_finishes_the_page_in_hand_and_the_next_run_goes_on(
    tmp_path: Path, directed: Directed, number: signal.Signals, code: ExitCode
) -> None:
    directed.tell("hold-7")
    with coordinator(job(tmp_path, directed)) as process:
        directed.wait_at(7)
        children = family(process)
        os.kill(process.pid, number)
        directed.recall("hold-7")
        out, err = process.communicate(timeout=30)
        assert process.returncode == code, err
    assert gone(children)
    first = json.loads(out)["pages_done"]
    assert 7 <= first < PAGES + 3
    assert runs.status(tmp_path / "out")["run"]["state"] == "interrupted"
    second = run_job(tmp_path, **directed.settings())
    assert (second.exit_code, second.pages_done) == (ExitCode.OK, PAGES + 3 - first)
    assert max(Counter(directed.pages_read()).values()) == 1


def test_second_signal_stops_at_once_and_the_next_run_goes_on(tmp_path: Path, directed: Directed) -> None:
    directed.tell("hold-7")
    with coordinator(job(tmp_path, directed)) as process:
        directed.wait_at(7)
        children = family(process)
        os.kill(process.pid, signal.SIGINT)
        eventually(
            lambda: "stopping" in (process.stderr.readline() if process.stderr else ""), "the run to be stopping"
        )
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)  # page 7 never ends by itself
        assert process.returncode == ExitCode.INTERRUPTED, err
    assert gone(children)
    directed.recall("hold-7")
    assert run_job(tmp_path, **directed.settings()).exit_code is ExitCode.OK
    assert {page for page, count in Counter(directed.pages_read()).items() if count > 1} == {"a.pdf 7"}


def test_page_that_does_not_end_is_killed_when_the_time_to_drain_is_over(tmp_path: Path, directed: Directed) -> None:
    directed.tell("hold-2")
    with coordinator(job(tmp_path, directed, drain_timeout_s=0.5)) as process:
        directed.wait_at(2)
        children = family(process)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == ExitCode.INTERRUPTED
    assert gone(children)
