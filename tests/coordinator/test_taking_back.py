"""Near the end a free worker reads what another was lent and has not begun; no page is read twice for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.documents import many_page_pdf
from support.jobs import WORKER, Directed, attempts_by_page, background_run, build, children, eventually, tree

from batchocr.datatypes import RunSummary

PAGES = 12
TWO = "cpu:0,cpu:1"


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    return Directed(tmp_path / "orders", monkeypatch)


def attempt_states(output: Path) -> list[str]:
    with closing(sqlite3.connect(output / ".batchocr" / "ledger.sqlite3")) as db:
        return [state for (state,) in db.execute("SELECT state FROM attempts ORDER BY id")]


def read_while_page_one_is_held(folder: Path, directed: Directed, *, needs_image: bool) -> RunSummary:
    directed.tell("hold-1")
    settings = build(folder, devices=TWO, formats=["md"], dpi=72, **directed.settings(needs_image=needs_image))
    with background_run(settings) as run:
        directed.wait_at(1, run)
        eventually(lambda: len(directed.pages_read()) == PAGES, "all other pages to be read by the other worker")
        directed.recall("hold-1")
    return run.result()


@pytest.mark.parametrize("needs_image", [False, True])
def test_pages_behind_a_slow_one_are_read_by_a_free_worker(
    tmp_path: Path, directed: Directed, needs_image: bool
) -> None:
    summary = read_while_page_one_is_held(tmp_path, directed, needs_image=needs_image)
    assert (summary.exit_code, summary.pages_done) == (0, PAGES)
    assert sorted(directed.pages_read()) == sorted(f"a.pdf {page_no}" for page_no in range(1, PAGES + 1))
    text = (tmp_path / "out" / "a" / "a.md").read_text("utf-8")
    assert [line for line in text.splitlines() if line.startswith("Page ")] == [
        f"Page {page_no} of a.pdf" for page_no in range(1, PAGES + 1)
    ]


def test_attempt_whose_pages_were_given_back_is_no_failure(tmp_path: Path, directed: Directed) -> None:
    summary = read_while_page_one_is_held(tmp_path, directed, needs_image=False)
    assert summary.documents == {"done": 1}
    states = attempt_states(tmp_path / "out")
    assert "cancelled" in states
    assert set(states) <= {"cancelled", "succeeded"}
    assert attempts_by_page(tmp_path / "out") == {}


def test_death_of_a_worker_that_gave_pages_back_costs_the_page_in_hand_alone(
    tmp_path: Path, directed: Directed
) -> None:
    directed.tell("hold-1")
    settings = build(tmp_path, devices=TWO, formats=["md"], **directed.settings())
    with background_run(settings) as run:
        directed.wait_at(1, run)
        first = min(children(WORKER), key=lambda worker: worker.create_time())
        eventually(lambda: len(directed.pages_read()) == PAGES, "all other pages to be read")
        first.kill()
        eventually(lambda: len(directed.pages_read()) == PAGES + 1, "the page in hand to be tried again")
        directed.recall("hold-1")
    assert (run.result().exit_code, run.result().pages_done) == (0, PAGES)
    assert attempts_by_page(tmp_path / "out") == {("a.pdf", 1): ["lost"]}
    assert sorted(directed.pages_read()).count("a.pdf 1") == 2
    assert tree(tmp_path / "out").keys() == {"a/a.md", "a/manifest.json"}
