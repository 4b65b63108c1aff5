"""`batchocr.run` and `batchocr.show` in a notebook's kernel."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from support.documents import text_pdf
from support.jobs import Directed, eventually
from support.missing import missing

from batchocr.worker.open_pages import read_open_pages

ROOT = Path(__file__).resolve().parents[2]
RUN = 'import batchocr\nbatchocr.run("in", output="out", engine="fake", devices="cpu:0,cpu:1"{more})'

TEXT_BARS = 'import sys\nsys.modules["ipywidgets"] = None  # as where it is not installed'
WIDGET = "application/vnd.jupyter.widget-view+json"


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


def need_widgets() -> None:
    if find_spec("ipywidgets") is None:
        missing("ipywidgets is not installed (extra dev)")


def widgets(opened: NotebookClient, model: str) -> list[dict[str, Any]]:
    """Gives the states of all widgets of a kind, in the order in which they were made."""
    found = [entry for entry in opened.widget_state.values() if entry.get("_model_name") == model]
    return [{name: str(value).replace("\u2007", " ") for name, value in entry.items()} for entry in found]


def children(opened: NotebookClient) -> list[psutil.Process]:
    """Gives the processes that the kernel has started and not ended."""
    return psutil.Process(opened.km.provisioner.pid).children(recursive=True)  # type: ignore[union-attr]


@pytest.mark.timeout(120)
def test_run_shows_a_bar_and_its_summary_and_show_shows_the_pages(folder: Path) -> None:
    opened = client(
        folder,
        TEXT_BARS,
        RUN.format(more=', engine_options={"script": [{"pages": "2", "do": "error"}], "content": "rich"}'),
        'batchocr.show("out/a", pages=[1, 2])',
    )
    _, run, show = opened.execute().cells
    said = outputs(run, "stdout")
    assert "1 document; engine fake on cpu:0, cpu:1" in said
    assert "4/4 pages" in outputs(run, "stderr")
    assert opened.widget_state == {}
    assert "page 2: engine_error" in outputs(run, "text/html")
    pages = outputs(show, "text/html")
    assert pages.count("<h4>Page ") == 2
    assert pages.count('src="data:image/jpeg;base64,') == 3  # page 2 failed, so it has no visualization
    assert "no picture: the page has no result" in pages
    assert "](data:image/" in outputs(show, "text/markdown")


@pytest.mark.timeout(120)
def test_bars_are_widgets_where_there_are_widgets(folder: Path) -> None:
    need_widgets()
    opened = client(folder, RUN.format(more=', engine_options={"script": [{"pages": "2", "do": "error"}]}'))
    (run,) = opened.execute().cells
    assert outputs(run, "stderr") == ""
    views = [output["data"] for output in run.outputs if WIDGET in output.get("data", {})]
    assert len(views) == 3  # the pages, and a line for each worker
    pages, *workers = widgets(opened, "FloatProgressModel")
    assert (pages["value"], pages["max"], pages["bar_style"]) == ("4.0", "4.0", "success")
    words = [entry["value"] for entry in widgets(opened, "HTMLModel")]
    assert any("4/4 pages" in text and "1/1 documents, 1 page failed" in text for text in words)
    assert all(any(text.startswith(f"{name} ") for text in words) for name in ("cpu:0", "cpu:1"))
    layouts = [entry["layout"].removeprefix("IPY_MODEL_") for entry in workers]
    assert [opened.widget_state[layout]["display"] for layout in layouts] == ["none", "none"]
    boxes = [entry["layout"].removeprefix("IPY_MODEL_") for entry in widgets(opened, "HBoxModel")]
    assert [opened.widget_state[layout]["visibility"] for layout in boxes] == [None, "hidden", "hidden"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("graphical", [True, False])
def test_interrupted_cell_ends_the_run_in_order_and_the_next_goes_on(folder: Path, graphical: bool) -> None:
    if graphical:
        need_widgets()
    slow = ', engine_options={"page_seconds": 2.0}'
    opened = client(folder, "" if graphical else TEXT_BARS, RUN.format(more=slow), RUN.format(more=""))
    ledger = folder / "out" / ".batchocr" / "ledger.sqlite3"

    async def interrupt() -> None:
        async with opened.async_setup_kernel():
            await opened.async_execute_cell(opened.nb.cells[0], 0)
            run = asyncio.create_task(opened.async_execute_cell(opened.nb.cells[1], 1))
            await asyncio.to_thread(eventually, lambda: list(ledger.parent.glob("spool/*/*.seg")), "the first page")
            await opened.km.interrupt_kernel()  # type: ignore[union-attr]
            await run
            assert children(opened) == []
            await opened.async_execute_cell(opened.nb.cells[2], 2)

    asyncio.run(interrupt())
    _, first, second = opened.nb.cells
    assert "interrupted" in outputs(first, "text/html")
    assert "stopping" in outputs(first, "stdout")
    assert "completed" in outputs(second, "text/html")
    if graphical:
        assert [entry["bar_style"] for entry in widgets(opened, "FloatProgressModel")].count("danger") == 1


@pytest.mark.timeout(120)
def test_cell_that_is_interrupted_twice_ends_although_the_engine_hangs(folder: Path) -> None:
    hanging = ', drain_timeout_s=3600, engine_options={"script": [{"pages": "*", "do": "hang"}]}'
    opened = client(folder, RUN.format(more=hanging))
    notes = folder / "out" / ".batchocr" / "workers"

    def said() -> str:
        return outputs(opened.nb.cells[0], "stdout")

    async def interrupt() -> None:
        async with opened.async_setup_kernel():
            run = asyncio.create_task(opened.async_execute_cell(opened.nb.cells[0], 0))
            await asyncio.to_thread(eventually, lambda: any(map(read_open_pages, map(str, notes.glob("*")))), "a page")
            await opened.km.interrupt_kernel()  # type: ignore[union-attr]
            while "stopping" not in said():
                await asyncio.sleep(0.05)
            assert children(opened) != []
            await opened.km.interrupt_kernel()  # type: ignore[union-attr]
            await run
            assert children(opened) == []

    asyncio.run(interrupt())
    assert "interrupted" in outputs(opened.nb.cells[0], "text/html")


@pytest.mark.timeout(120)
def test_cell_that_is_interrupted_before_the_run_begins_leaves_no_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directed = Directed(folder / "orders", monkeypatch)
    directed.tell("hold-describe")
    words = f"engine={directed.settings()['engine']!r}, engine_options={directed.settings()['engine_options']!r}"
    opened = client(folder, f'import batchocr\nbatchocr.run("in", output="out", {words})')

    async def interrupt() -> None:
        async with opened.async_setup_kernel():
            run = asyncio.create_task(opened.async_execute_cell(opened.nb.cells[0], 0))
            sign = folder / "orders" / "at-describe"
            await asyncio.to_thread(eventually, sign.exists, "the engine to be asked what it is")
            await opened.km.interrupt_kernel()  # type: ignore[union-attr]
            with pytest.raises(CellExecutionError, match="KeyboardInterrupt"):
                await run
            assert children(opened) == []

    asyncio.run(interrupt())


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
