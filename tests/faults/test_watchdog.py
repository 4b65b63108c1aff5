"""Workers that hang, however they do it, are ended and leave behind where they hung."""

from __future__ import annotations

import json
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.documents import many_page_pdf, png_page
from support.jobs import (
    WORKER,
    Directed,
    attempts_by_page,
    background_run,
    build,
    coordinator,
    eventually,
    manifest,
    run_job,
    script,
    settings,
    the_child,
)
from support.missing import missing

from batchocr.errors import ExitCode, RunFailedError
from batchocr.worker.open_pages import read_open_pages

pytestmark = pytest.mark.faults

PAGES = 4


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    return tmp_path


def chatter(job: Path, name: str = "cpu") -> str:
    """Gives what a worker's processes have written to their standard error."""
    return (job / "out" / ".batchocr" / "logs" / f"{name}.stderr.log").read_text("utf-8", "replace")


def open_page(job: Path) -> tuple[int, ...]:
    """Gives the pages that the engine of the first worker holds."""
    noted = read_open_pages(str(job / "out" / ".batchocr" / "workers" / "cpu.1.open"))
    return tuple(page_no for _, page_no in noted)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal to ask a process for its stack")
@pytest.mark.parametrize("behaviour", ["hang", "hang_hard"])
def test_worker_that_hangs_leaves_the_stack_of_its_engine_before_it_is_ended(job: Path, behaviour: str) -> None:
    options = {"script": script(a=f"{behaviour} 2")}
    summary = run_job(job, engine_options=options, page_timeout_s=1.0, max_attempts=1)
    assert (summary.exit_code, summary.pages_done) == (ExitCode.PARTIAL, PAGES - 1)
    told = chatter(job)
    assert "fake.py" in told
    assert "in _hang" in told
    assert told.count("Current thread") == 1
    assert "in _feed" in told  # the other threads are there too


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal to ask a process for its stack")
def test_load_that_hangs_leaves_its_stack(job: Path) -> None:
    with pytest.raises(RunFailedError, match="not loaded within 2 s"):
        run_job(job, engine_options={"load_seconds": 3600}, load_timeout_s=2.0)
    assert "in load" in chatter(job)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_worker_that_was_stopped_is_ended_and_its_page_read_by_another(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directed = Directed(job / "orders", monkeypatch)
    directed.tell("hold-2")
    with background_run(build(job, **directed.settings(), page_timeout_s=1.0)) as run:
        directed.wait_at(2, run)
        worker = the_child(WORKER)
        worker.suspend()
        directed.recall("hold-2")
        summary = run.result()
    assert not worker.is_running()
    assert (summary.exit_code, summary.pages_done) == (ExitCode.OK, PAGES)
    assert attempts_by_page(job / "out") == {("a.pdf", 2): ["timed_out"]}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a hung child ends with its time-out at the latest")
def test_worker_that_hangs_in_c_code_is_gone_soon_after_its_coordinator_was_killed(job: Path) -> None:
    options = {"script": script(a="hang_hard 2")}
    with coordinator(settings(job, engine_options=options, page_timeout_s=600)) as process:
        eventually(lambda: open_page(job) == (2,), "the engine to hang")
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def ppocr_settings(job: Path) -> dict[str, Any]:
    """Gives the settings of a run of the embedded engine over two pages, which take it a while."""
    if find_spec("rapidocr") is None:
        missing("the embedded engine cannot run here; install batchocr[cpu]")
    (job / "in" / "a.pdf").unlink()
    for page_no in (1, 2):
        lines = "\n".join(f"Line {line} of page {page_no}: the quick brown fox" for line in range(30))
        png_page(job / "in" / f"{page_no}.png", lines, size=(1654, 2339), dpi=200)
    return {"inputs": [str(job / "in")], "output": str(job / "out"), "engine": "ppocr", "devices": "cpu"}


@pytest.mark.timeout(240)
def test_worker_killed_in_the_midst_of_an_inference_costs_one_try_of_its_page(job: Path) -> None:
    values = ppocr_settings(job)
    with coordinator(values) as process:
        eventually(lambda: open_page(job), "the engine to read a page")
        the_child(WORKER, process.pid).kill()
        out, err = process.communicate(timeout=180)
    assert process.returncode == ExitCode.OK, err
    assert json.loads(out)["pages_done"] == 2
    assert list(attempts_by_page(job / "out").values()) == [["lost"]]
    assert all("brown fox" in (job / "out" / name / f"{name}.md").read_text("utf-8") for name in "12")


@pytest.mark.timeout(240)
def test_run_killed_in_the_midst_of_an_inference_goes_on_with_that_page(job: Path) -> None:
    values = ppocr_settings(job)
    with coordinator(values) as process:
        eventually(lambda: open_page(job), "the engine to read a page")
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    with coordinator(values) as process:
        _, err = process.communicate(timeout=180)
    assert process.returncode == ExitCode.OK, err
    assert [manifest(job / "out", name)["done"] for name in "12"] == [[[1, 1]], [[1, 1]]]
