"""Runs that hold little in memory: what waits, waits in the ledger, and comes to the same end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.documents import broken_pdf, many_page_pdf, png_page, text_pdf
from support.jobs import Directed, build, run_job, tree

from batchocr import runs
from batchocr.coordinator import books, contents, folders, intake
from batchocr.datatypes import RunState
from batchocr.errors import ExitCode


def make_inputs(folder: Path, equal: int = 1) -> None:
    for number in range(12):
        (folder / "in" / f"part{number % 3}").mkdir(parents=True, exist_ok=True)
        pages = [f"page {page} of {number}" for page in range(1 + number % 4)]
        text_pdf(folder / "in" / f"part{number % 3}" / f"{number:02}.pdf", pages)
    many_page_pdf(folder / "in" / "big.pdf", 40)
    for number in range(equal):
        text_pdf(folder / "in" / f"equal{number}.pdf", "the same")
    broken_pdf(folder / "in" / "broken.pdf", "garbage")


PAGES = 3 * (1 + 2 + 3 + 4) + 40 + 1


def order_of_reading(folder: Path) -> list[str]:
    """Gives the documents by their first attempt."""
    with closing(sqlite3.connect(folder / "out" / ".batchocr" / "ledger.sqlite3")) as db:
        found = db.execute(
            "SELECT d.source FROM attempts a JOIN documents d ON d.content_id = a.content_id ORDER BY a.id"
        ).fetchall()
    return list(dict.fromkeys(source for (source,) in found))


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets next to nothing be in hand."""
    monkeypatch.setattr(contents, "CONTENTS_AHEAD", 2)
    monkeypatch.setattr(books, "TASKS_AHEAD", 1)
    monkeypatch.setattr(intake, "PROBES_AHEAD", 2)
    monkeypatch.setattr(folders, "FOLDERS_AHEAD", 2)


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("executor", ["local", "serial"])
def test_run_with_next_to_nothing_in_hand_gives_the_same_files(tmp_path: Path, executor: str) -> None:
    make_inputs(tmp_path, equal=4)
    with pytest.MonkeyPatch.context() as usual:
        usual.setattr(contents, "CONTENTS_AHEAD", 256)
        usual.setattr(intake, "PROBES_AHEAD", 16)
        usual.setattr(folders, "FOLDERS_AHEAD", 32)
        run_job(tmp_path, output=str(tmp_path / "usual"), executor="serial")
    summary = run_job(tmp_path, executor=executor, devices="cpu:0,cpu:1")
    assert (summary.exit_code, summary.documents) == (ExitCode.PARTIAL, {"done": 17, "failed": 1})
    assert summary.pages_done == PAGES
    assert tree(tmp_path / "out") == tree(tmp_path / "usual")
    assert list((tmp_path / "out" / ".batchocr" / "spool").iterdir()) == []
    again = run_job(tmp_path, executor=executor)
    assert (again.documents, again.pages_done) == ({"skipped": 17, "failed": 1}, 0)


@pytest.mark.usefixtures("tight")
def test_equal_file_that_is_found_after_its_twin_was_finished_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directed = Directed(tmp_path / "orders", monkeypatch)
    (tmp_path / "in").mkdir()
    for number in range(6):
        text_pdf(tmp_path / "in" / f"{number}.pdf", "the same text")
    summary = run_job(tmp_path, **directed.settings())
    assert summary.documents == {"done": 6}
    assert len(directed.pages_read()) == 1


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.usefixtures("tight")
def test_twins_are_read_once_when_everything_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    directed = Directed(tmp_path / "orders", monkeypatch)
    (tmp_path / "in").mkdir()
    for name in "abcde":
        text_pdf(tmp_path / "in" / f"{name}.pdf", "the same text")
    directed.tell("fail-1")
    run_job(tmp_path, max_attempts=1, **directed.settings())
    directed.recall("fail-1")
    before = len(directed.pages_read())
    if force:
        assert run_job(tmp_path, force=True, **directed.settings()).documents == {"done": 5}
    else:
        assert runs.retry(tmp_path / "out").documents == {"done": 5}
    assert len(directed.pages_read()) == before + 1


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("biggest", ["c.pdf", "a.pdf", "b.pdf"]),
        ("input", ["a.pdf", "b.pdf", "c.pdf"]),
        ("smallest", ["b.pdf", "a.pdf", "c.pdf"]),
    ],
)
def test_documents_are_read_in_the_order_asked_for(tmp_path: Path, order: str, expected: list[str]) -> None:
    (tmp_path / "in").mkdir()
    for name, pages in (("a", 20), ("b", 17), ("c", 30)):
        many_page_pdf(tmp_path / "in" / f"{name}.pdf", pages)
    # All are counted before the engine is loaded.
    run_job(tmp_path, order=order, engine_options={"load_seconds": 1.5})
    assert order_of_reading(tmp_path) == expected


def test_short_document_does_not_wait_for_the_end_of_a_long_one(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "long.pdf", 300)
    for number in range(3):
        text_pdf(tmp_path / "in" / f"short{number}.pdf", f"page of {number}")
    run_job(tmp_path, formats=["md"], engine_options={"load_seconds": 1.0})
    with closing(sqlite3.connect(tmp_path / "out" / ".batchocr" / "ledger.sqlite3")) as db:
        sources = [
            source
            for (source,) in db.execute(
                "SELECT d.source FROM attempts a JOIN documents d ON d.content_id = a.content_id ORDER BY a.id"
            )
        ]
    assert {source for source in sources[:16] if source.startswith("short")} == {f"short{n}.pdf" for n in range(3)}


# --- parts of a set of inputs ---


def test_so_many_documents_are_read_and_no_more_until_the_next_run(tmp_path: Path) -> None:
    make_inputs(tmp_path)
    first = run_job(tmp_path, executor="serial", max_documents=5)
    assert (first.exit_code, sum(first.documents.values())) == (ExitCode.PARTIAL, 5)  # the broken one is among them
    assert "--max-documents" in first.message
    second = run_job(tmp_path, executor="serial", max_documents=100)
    assert sum(second.documents.values()) == 15
    assert second.documents["skipped"] == 4
    assert second.message == ""


def test_finished_documents_do_not_count_towards_the_number(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abcdef":
        text_pdf(tmp_path / "in" / f"{name}.pdf", name)
    done = [run_job(tmp_path, executor="serial", max_documents=2).documents for _ in range(4)]
    assert done == [{"done": 2}, {"skipped": 2, "done": 2}, {"skipped": 4, "done": 2}, {"skipped": 6}]
    plan = runs.plan(build(tmp_path, max_documents=2, force=True))
    assert plan.to_do == ("a.pdf", "b.pdf")


def test_shards_together_are_the_whole_and_none_knows_of_another(tmp_path: Path) -> None:
    make_inputs(tmp_path)
    (tmp_path / "in" / "dangling.pdf").symlink_to(tmp_path / "nowhere.pdf")
    run_job(tmp_path, executor="serial")
    whole = tree(tmp_path / "out")
    parts: dict[str, bytes] = {}
    documents = 0
    for number in (1, 2, 3):
        output = tmp_path / f"part{number}"
        summary = run_job(tmp_path, executor="serial", output=str(output), shard=f"{number}/3")
        documents += sum(summary.documents.values())
        assert not parts.keys() & tree(output).keys()
        parts |= tree(output)
    assert parts == whole
    assert documents == 16


# --- time ---


def test_run_with_a_time_budget_ends_in_time_and_can_go_on(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 400)
    png_page(tmp_path / "in" / "b.png", "short", size=(200, 100))
    options = {"page_seconds": 0.1}
    first = run_job(tmp_path, engine_options=options, time_budget="10s", formats=["md"])
    assert (first.state, first.exit_code) == (RunState.INTERRUPTED, ExitCode.RUN_FAILED)
    assert "time budget of 10 s is spent" in first.message
    assert 0 < first.pages_done < 401
    with closing(sqlite3.connect(tmp_path / "out" / ".batchocr" / "ledger.sqlite3")) as db:
        assert db.execute("SELECT DISTINCT state FROM attempts").fetchall() == [("succeeded",)]
        assert db.execute("SELECT state, message FROM runs").fetchall() == [("interrupted", first.message)]
    rest = run_job(tmp_path, formats=["md"], engine_options=options | {"page_seconds": 0.0}, time_budget="1h")
    assert (rest.exit_code, rest.message) == (ExitCode.OK, "")
    assert first.pages_done + rest.pages_done == 401
