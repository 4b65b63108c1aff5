"""Engines that hold pages of several documents at once: the same outputs, and nobody pays for a neighbour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.documents import many_page_pdf
from support.jobs import attempts_by_page, manifest, run_job, tree

from batchocr.datatypes import RunSummary

DOCUMENTS = 9


def job(folder: Path, in_flight: int, **values: Any) -> RunSummary:
    inputs = folder / "in"
    if not inputs.exists():
        inputs.mkdir(parents=True)
        for number in range(DOCUMENTS):
            many_page_pdf(inputs / f"d{number}.pdf", 1 + number)  # equal files would be read once
    options = {"in_flight": in_flight, "needs_image": False, **values.pop("engine_options", {})}
    return run_job(folder, engine_options=options, **values)


def test_outputs_do_not_depend_on_how_many_pages_are_in_flight(tmp_path: Path) -> None:
    for in_flight, name in ((1, "one"), (4, "many")):
        summary = job(tmp_path / name, in_flight)
        assert (summary.exit_code, summary.documents) == (0, {"done": DOCUMENTS})
    assert tree(tmp_path / "one" / "out") == tree(tmp_path / "many" / "out")


def test_page_that_kills_the_worker_is_found_among_its_neighbours_of_other_documents(tmp_path: Path) -> None:
    script = [{"do": "kill", "source": "d2.pdf", "pages": "2"}]
    summary = job(tmp_path, 4, engine_options={"script": script})
    assert (summary.exit_code, summary.documents) == (6, {"done": DOCUMENTS - 1, "partial": 1})
    assert manifest(tmp_path / "out", "d2")["done"] == [[1, 1], [3, 3]]
    assert set(attempts_by_page(tmp_path / "out")) == {("d2.pdf", 2)}


def test_page_that_hangs_costs_no_page_of_another_document(tmp_path: Path) -> None:
    script = [{"do": "hang", "source": "d2.pdf", "pages": "3"}]
    summary = job(tmp_path, 4, engine_options={"script": script}, page_timeout_s=2)
    assert (summary.exit_code, summary.documents) == (6, {"done": DOCUMENTS - 1, "partial": 1})
    assert set(attempts_by_page(tmp_path / "out")) == {("d2.pdf", 3)}


def test_worker_that_holds_many_pages_is_recycled_without_doing_one_twice(tmp_path: Path) -> None:
    script = [{"do": "leak", "bytes": 40_000_000}]
    summary = job(tmp_path, 4, engine_options={"script": script}, max_worker_rss="200MiB")
    assert (summary.exit_code, summary.documents) == (0, {"done": DOCUMENTS})
    assert summary.recycled > 0
    assert attempts_by_page(tmp_path / "out") == {}


def test_page_to_try_alone_stays_alone_when_the_worker_that_had_it_dies(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 8)
    # The newest page is read first: page 4 spoils the call for 1 to 3, then page 1 kills the worker that has 2 to 4.
    script = [{"do": "error", "pages": "4"}, {"do": "kill", "pages": "1"}]
    job(tmp_path, 4, engine_options={"script": script}, max_attempts=2)
    assert manifest(tmp_path / "out", "a")["done"] == [[2, 3], [5, 8]]
