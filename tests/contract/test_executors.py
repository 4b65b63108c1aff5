"""What every executor must pass: the same job gives the same outputs and the same account of what went wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.documents import broken_pdf, many_page_pdf, pdf_with_missing_pages, png_page
from support.jobs import run_job, script, tree

from batchocr.datatypes import RunSummary
from batchocr.errors import ExitCode, SetupError

EXECUTORS = ("serial", "local")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, RunSummary]]:
    folder = tmp_path_factory.mktemp("contract")
    (folder / "in").mkdir()
    many_page_pdf(folder / "in" / "bad.pdf", 5)
    pdf_with_missing_pages(folder / "in" / "holes.pdf", 4, missing=[2, 3])
    broken_pdf(folder / "in" / "broken.pdf", "garbage")
    png_page(folder / "in" / "picture.png", "Hello", size=(300, 200), dpi=100)
    options = {"script": script(bad="error 3"), "needs_image": True, "content": "rich"}
    return {
        name: (
            folder / name,
            run_job(folder, output=str(folder / name), executor=name, engine_options=options, dpi=72),
        )
        for name in EXECUTORS
    }


@pytest.mark.parametrize("name", EXECUTORS)
def test_run_tells_what_came_of_every_document(finished: dict[str, tuple[Path, RunSummary]], name: str) -> None:
    output, summary = finished[name]
    assert summary.exit_code is ExitCode.PARTIAL
    assert summary.documents == {"partial": 2, "failed": 1, "done": 1}
    assert (summary.pages_done, summary.pages_failed) == (4 + 2 + 1, 1 + 2)
    told = {r.source: [(f.first_page, f.last_page, f.kind.value) for f in r.failures] for r in summary.failures}
    assert told == {
        "bad.pdf": [(3, 3, "engine_error")],
        "broken.pdf": [(None, None, "document_unreadable")],
        "holes.pdf": told["holes.pdf"],
    }
    holes = told["holes.pdf"]
    assert {kind for _, _, kind in holes} == {"page_render_failed"}
    assert {first for first, *_ in holes} | {last for _, last, _ in holes} == {2, 3}
    assert {path.name for path in output.iterdir()} == {".batchocr", "bad", "holes", "picture"}


def test_outputs_are_the_same_byte_for_byte(finished: dict[str, tuple[Path, RunSummary]]) -> None:
    serial, local = (tree(finished[name][0]) for name in EXECUTORS)
    assert serial.keys() == local.keys()
    assert [name for name in serial if serial[name] != local[name]] == []


@pytest.mark.parametrize("name", EXECUTORS)
def test_engine_that_cannot_load_stops_the_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 1)
    with pytest.raises(SetupError, match="on holiday"):
        run_job(tmp_path, executor=name, engine_options={"load_error": "on holiday"})


@pytest.mark.parametrize("name", EXECUTORS)
def test_empty_folder_is_a_run_with_nothing_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    summary = run_job(tmp_path, executor=name)
    assert (summary.exit_code, dict(summary.documents), summary.pages_done) == (ExitCode.OK, {}, 0)
