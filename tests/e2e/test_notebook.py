"""`batchocr.run` and `batchocr.show` in a notebook's kernel."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from support.documents import text_pdf
from support.jobs import eventually

ROOT = Path(__file__).resolve().parents[2]
RUN = 'import batchocr\nbatchocr.run("in", output="out", engine="fake", devices="cpu:0,cpu:1"{more})'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", ["one", "two", "three", "four"])
    return tmp_path


def client(folder: Path, *cells: str) -> NotebookClient:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources)


def outputs(cell: Any, kind: str) -> str:
    """Gives all that a cell has shown of one kind: stdout, stderr, or a MIME type."""
    found = [output["text"] for output in cell.outputs if output.get("name") == kind]
    found += [output["data"][kind] for output in cell.outputs if kind in output.get("data", {})]
    return "\n".join(found)


@pytest.mark.timeout(120)
def test_run_shows_a_bar_and_its_summary_and_show_shows_the_pages(folder: Path) -> None:
    opened = client(
        folder,
        RUN.format(more=', engine_options={"script": [{"pages": "2", "do": "error"}], "content": "rich"}'),
        'batchocr.show("out/a", pages=[1, 2])',
    )
    run, show = opened.execute().cells
    said = outputs(run, "stdout")
    assert "1 document; engine fake on cpu:0, cpu:1" in said
    assert "4/4 pages" in outputs(run, "stderr")
    assert "page 2: engine_error" in outputs(run, "text/html")
    pages = outputs(show, "text/html")
    assert pages.count("<h4>Page ") == 2
    assert pages.count('src="data:image/jpeg;base64,') == 3  # page 2 failed, so it has no visualization
    assert "no picture: the page has no result" in pages
    assert "](data:image/" in outputs(show, "text/markdown")


@pytest.mark.timeout(120)
def test_interrupted_cell_ends_the_run_in_order_and_the_next_goes_on(folder: Path) -> None:
    slow = ', engine_options={"page_seconds": 2.0}'
    opened = client(folder, RUN.format(more=slow), RUN.format(more=""))
    ledger = folder / "out" / ".batchocr" / "ledger.sqlite3"

    async def interrupt() -> None:
        async with opened.async_setup_kernel():
            first = asyncio.create_task(opened.async_execute_cell(opened.nb.cells[0], 0))
            await asyncio.to_thread(eventually, lambda: list(ledger.parent.glob("spool/*/*.seg")), "the first page")
            await opened.km.interrupt_kernel()  # type: ignore[union-attr]
            await first
            await opened.async_execute_cell(opened.nb.cells[1], 1)

    asyncio.run(interrupt())
    first, second = opened.nb.cells
    assert "interrupted" in outputs(first, "text/html")
    assert "stopping" in outputs(first, "stdout")
    assert "completed" in outputs(second, "text/html")


@pytest.mark.timeout(240)  # it asks doctor twice and loads a real engine
def test_kaggle_notebook_reads_documents_without_a_gpu(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "letter.pdf", ["Dear reader"])
    notebook = nbformat.read(ROOT / "jobs" / "kaggle.ipynb", as_version=4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    values = {
        "INPUT": str(tmp_path / "in"), "OUTPUT": str(tmp_path / "out"), "SOURCE": str(ROOT), "EARLIER": "",
        "MODELS": "", "TIME_BUDGET": "1h",
    }  # fmt: skip
    assert all(f"{name} = " in parameters.source for name in values)
    parameters.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=200, kernel_name="python3", resources=resources).execute()
    shown = json.dumps(notebook.cells)
    assert "No GPU that PaddleOCR-VL can use" in shown
    assert (tmp_path / "out" / "letter" / "letter.md").read_text("utf-8").count("Dear reader") == 1
    assert "Run " in shown
    assert "completed" in shown


def test_kaggle_notebook_ships_without_outputs() -> None:
    notebook = nbformat.read(ROOT / "jobs" / "kaggle.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert not [cell for cell in code if "try:" in cell.source]
