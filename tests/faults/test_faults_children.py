"""Any child may be killed at any moment: the run completes, and its outputs are what they would have been."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support.documents import many_page_pdf
from support.jobs import (
    DOCUMENT_CHILD,
    FINISHER,
    WORKER,
    Directed,
    background_run,
    build,
    children,
    eventually,
    manifest,
    run_job,
    the_child,
    tree,
)

from batchocr.errors import ExitCode

pytestmark = pytest.mark.faults

PAGES = 6


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    return Directed(tmp_path / "orders", monkeypatch)


def test_killed_worker_costs_one_try_of_the_page_in_hand(tmp_path: Path, directed: Directed) -> None:
    directed.tell("hold-3")
    with background_run(build(tmp_path, **directed.settings())) as run:
        directed.wait_at(3, run)
        worker = the_child(WORKER)
        directed.recall("hold-3")
        directed.tell("hold-3")
        worker.kill()
        eventually(lambda: [child for child in children(WORKER) if child.pid != worker.pid], "another worker")
        directed.recall("hold-3")
        summary = run.result()
    assert (summary.exit_code, summary.pages_done) == (ExitCode.OK, PAGES)
    counts = Counter(directed.pages_read())
    assert counts["a.pdf 3"] == 2
    assert manifest(tmp_path / "out", "a")["done"] == [[1, PAGES]]


def test_worker_killed_again_and_again_between_pages_loses_nothing(tmp_path: Path, directed: Directed) -> None:
    directed.tell("hold-2", "hold-4")
    with background_run(build(tmp_path, **directed.settings(), task_pages=1)) as run:
        for page_no in (2, 4):
            directed.wait_at(page_no, run)
            the_child(WORKER).kill()
            directed.recall(f"hold-{page_no}")
        summary = run.result()
    assert (summary.exit_code, summary.pages_done) == (ExitCode.OK, PAGES)


def test_renderer_that_dies_between_two_pages_costs_no_page(tmp_path: Path, directed: Directed) -> None:
    counts = pages_read_when_the_renderer_is_killed(tmp_path, directed)
    assert counts == Counter({f"a.pdf {page_no}": 1 for page_no in range(1, PAGES + 1)})


def test_killed_renderer_costs_no_more_than_one_page_and_no_worker(tmp_path: Path, directed: Directed) -> None:
    counts = pages_read_when_the_renderer_is_killed(tmp_path, directed)
    assert len(counts) >= PAGES - 1
    assert set(counts.values()) == {1}
    assert run_job(tmp_path, **directed.settings(needs_image=True), dpi=72).pages_failed <= 1


def pages_read_when_the_renderer_is_killed(tmp_path: Path, directed: Directed) -> Counter[str]:
    """Kills the renderer while the engine holds page 3; two tasks of one page each are rendered ahead at most."""
    directed.tell("hold-3")
    with background_run(build(tmp_path, **directed.settings(needs_image=True), dpi=72, task_pages=1)) as run:
        directed.wait_at(3, run)
        the_child(DOCUMENT_CHILD, the_child(WORKER).pid).kill()
        directed.recall("hold-3")
        run.result()
    return Counter(directed.pages_read())


def test_killed_prober_costs_no_more_than_the_document_in_hand_and_the_next_run_reads_it(
    tmp_path: Path, directed: Directed
) -> None:
    for number in range(12):
        many_page_pdf(tmp_path / "in" / f"{number}.pdf", number + 10)
    directed.tell("hold-1")
    with background_run(build(tmp_path, **directed.settings())) as run:
        prober = the_child(DOCUMENT_CHILD)
        prober.kill()
        directed.recall("hold-1")
        summary = run.result()
    failed = {report.source for report in summary.failures}
    assert len(failed) <= 1
    assert sum(summary.documents.values()) == 13
    again = run_job(tmp_path, **directed.settings())
    assert (again.exit_code, again.documents.get("done", 0)) == (ExitCode.OK, len(failed))


def test_killed_finisher_is_replaced_and_every_folder_is_whole(tmp_path: Path, directed: Directed) -> None:
    for number in range(8):
        many_page_pdf(tmp_path / "in" / f"{number}.pdf", 30 + number)
    smooth = run_job(tmp_path, output=str(tmp_path / "smooth"), **directed.settings())
    assert smooth.exit_code is ExitCode.OK
    with background_run(build(tmp_path, **directed.settings())) as run:
        the_child(FINISHER).kill()
        summary = run.result()
    assert (summary.exit_code, summary.documents) == (ExitCode.OK, {"done": 9})
    assert tree(tmp_path / "out") == tree(tmp_path / "smooth")
    assert list((tmp_path / "out" / ".batchocr" / "staging").iterdir()) == []


def test_document_that_kills_two_finishers_fails_and_the_next_run_needs_no_page_read_again(
    tmp_path: Path, directed: Directed
) -> None:
    directed.tell("hold-2")
    with background_run(build(tmp_path, **directed.settings())) as run:
        directed.wait_at(2, run)
        directed.recall("hold-2")
        killed = set()
        while not run.done():
            for finisher in children(FINISHER):
                if finisher.pid not in killed:
                    killed.add(finisher.pid)
                    finisher.kill()
        summary = run.result()
    assert len(killed) == 2
    (report,) = summary.failures
    assert "the finisher died while it wrote this document" in report.failures[0].message
    again = run_job(tmp_path, **directed.settings())
    assert (again.exit_code, again.pages_done) == (ExitCode.OK, 0)
    assert manifest(tmp_path / "out", "a")["done"] == [[1, PAGES]]
