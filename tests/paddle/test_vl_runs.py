"""The real PaddleOCR-VL through a whole run: workers of their own, tiny networks, every output format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pypdfium2
import pytest
from PIL import Image
from support.jobs import manifest
from support.tiny_models import banded_page, banded_pdf

from batchocr import runs
from batchocr.config import build_settings
from batchocr.datatypes import RunSummary

FULL = ("doc_title", "text", "table", "image", "display_formula", "chart", "seal", "header")
WORDS = "Tiny words from a page."


def run_vl(folder: Path, options: dict[str, Any] | None = None, **values: Any) -> RunSummary:
    """Runs the documents of `folder/in` on two CPU workers, a page at a time."""
    settings = {
        "inputs": [str(folder / "in")], "output": str(folder / "out"), "engine": "paddleocr-vl", "dpi": 72,
        "devices": "cpu:0,cpu:1", "task_pages": 1, "engine_options": {"cpu_threads": 1, **(options or {})}, **values,
    }  # fmt: skip
    return runs.run(build_settings(settings))


def document(folder: Path, *pages: tuple[str | None, ...], name: str = "a") -> Path:
    (folder / "in").mkdir(exist_ok=True)
    return banded_pdf(folder / "in" / f"{name}.pdf", pages)


def pages_of(folder: Path, name: str = "a") -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = json.loads((folder / "out" / name / f"{name}.json").read_text("utf-8"))["pages"]
    return pages


@pytest.mark.usefixtures("tiny_models")
@pytest.mark.parametrize("version", ["v1", "v1.5", "v1.6"])
def test_documents_become_markdown_tables_images_json_and_a_visualization(tmp_path: Path, version: str) -> None:
    document(tmp_path, FULL, ("text", None, "table", "image"), (None,))

    summary = run_vl(tmp_path, {"pipeline_version": version, "use_chart_recognition": True})

    assert (summary.exit_code, summary.pages_done) == (0, 3), summary
    out = tmp_path / "out" / "a"
    text = (out / "a.md").read_text("utf-8")
    first, second, third = text.split("<!-- page: ")[1:]
    assert f"# {WORDS}" in first
    assert first.count(WORDS) == 2  # a page header is not read in line
    assert "<td>1</td><td>2</td>" in first
    assert "$$" in first
    assert "E=mc^2" in first
    assert "2023" in first  # the chart, as a table
    assert WORDS in second
    assert third.strip() == "3 -->"
    links = [line for line in text.splitlines() if line.startswith("![")]
    assert len(links) == 3  # image and seal of the first page, image of the second
    images = {path.name for path in (out / "images").iterdir()}
    assert images == {"p0001_image_1.jpg", "p0001_image_2.jpg", "p0002_image_1.jpg"}
    assert all(any(name in link for link in links) for name in images)
    tables = openpyxl.load_workbook(out / "a.xlsx")
    assert len(tables.sheetnames) == 3
    assert [cell.value for cell in tables.worksheets[0][2]] == [1, 2]
    with pypdfium2.PdfDocument(out / "a_layout.pdf") as layout:
        assert len(layout) == 3
    labels = [block["label"] for block in pages_of(tmp_path)[0]["blocks"]]
    assert labels == list(FULL)
    assert all(block["score"] is not None for block in pages_of(tmp_path)[0]["blocks"])


@pytest.mark.usefixtures("tiny_models")
def test_pages_read_apart_are_what_the_pipeline_makes_of_the_whole_document(tmp_path: Path, pipeline: Any) -> None:
    path = document(tmp_path, FULL, ("text", "table"), (None,), ("image", None, "text"))

    run_vl(tmp_path, dpi=144)  # as the pipeline draws pages itself

    own = [result.json["res"] for result in pipeline.predict(str(path), use_queues=False)]
    ours = [page["raw"]["paddlex"] for page in pages_of(tmp_path)]
    assert [data["page_index"] for data in ours] == [0, 1, 2, 3]
    for data in ours:
        assert (data["input_path"], data["page_count"]) == ("a.pdf", 4)
        data["input_path"] = str(path)
    assert ours == json.loads(json.dumps(own))


@pytest.mark.usefixtures("tiny_models")
def test_generation_that_runs_away_is_ended_by_the_watchdog_and_other_pages_are_delivered(
    tmp_path: Path, tiny_models: Path
) -> None:
    document(tmp_path, ("table",), ("text",), ("display_formula",))
    endless = {"vl_rec_model_dir": str(tiny_models / "variants" / "endless"), "max_new_tokens": 10_000_000}

    summary = run_vl(tmp_path, endless, page_timeout_s=20, max_attempts=1)

    assert (summary.exit_code, summary.pages_done, summary.pages_failed) == (6, 2, 1)
    (failed,) = manifest(tmp_path / "out", "a")["failed"]
    assert (failed["kind"], failed["first_page"], failed["last_page"]) == ("timeout", 2, 2), failed
    assert "<td>" in (tmp_path / "out" / "a" / "a.md").read_text("utf-8")


@pytest.mark.usefixtures("tiny_models")
def test_exception_in_one_block_costs_its_page_and_is_told_in_the_pipelines_own_words(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    strip = banded_page(("text", "text"), size=(4000, 80))  # its blocks are too long for the language model
    pages = [banded_page(("text",)), strip, banded_page(("table",))]
    pages[0].save(tmp_path / "in" / "a.pdf", save_all=True, append_images=pages[1:], resolution=72)

    summary = run_vl(tmp_path, max_attempts=1)

    assert (summary.exit_code, summary.pages_done, summary.pages_failed) == (6, 2, 1)
    (failed,) = manifest(tmp_path / "out", "a")["failed"]
    assert (failed["kind"], failed["first_page"]) == ("engine_error", 2)
    assert "aspect ratio" in failed["message"]
    assert [page["page_no"] for page in pages_of(tmp_path) if page.get("blocks")] == [1, 3]


@pytest.mark.usefixtures("tiny_models")
def test_page_images_are_read_like_documents(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    banded_page(("text", "table")).save(tmp_path / "in" / "photo.png")
    Image.new("RGB", (300, 200), "white").save(tmp_path / "in" / "white.jpg")

    summary = run_vl(tmp_path, devices="cpu")

    assert (summary.exit_code, summary.pages_done) == (0, 2), summary
    assert WORDS in (tmp_path / "out" / "photo" / "photo.md").read_text("utf-8")
    assert pages_of(tmp_path, "photo")[0]["raw"]["paddlex"]["input_path"] == "photo.png"


@pytest.mark.usefixtures("tiny_models")
def test_block_without_text_is_told_in_the_outputs(tmp_path: Path, tiny_models: Path) -> None:
    document(tmp_path, ("doc_title", "table"))

    run_vl(tmp_path, {"vl_rec_model_dir": str(tiny_models / "variants" / "silent")}, devices="cpu")

    (page,) = pages_of(tmp_path)
    assert page["raw"]["findings"] == [{"block_id": 0, "finding": "empty", "replaced": False}]
    (warning,) = page["warnings"]
    assert warning.startswith("doc_title block at (")
    assert "no text was read" in warning
