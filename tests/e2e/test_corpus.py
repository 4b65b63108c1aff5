"""The installed command on real documents, with the embedded engine: states, links, tables, errors per character."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from e2e_commands import batchocr, status
from rapidfuzz.distance import Levenshtein

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(600)]

WORKERS = ("--devices", "cpu:0,cpu:1")


@pytest.fixture(scope="module")
def read_by_ocr(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the whole corpus, read from the page images."""
    output = tmp_path_factory.mktemp("ocr") / "out"
    done = batchocr("run", corpus, "-o", output, *WORKERS, "--mode", "ocr", cwd=output.parent, timeout_s=550)
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return output


@pytest.fixture(scope="module")
def read_by_text_layer(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the born-digital documents, read from their text layers."""
    output = tmp_path_factory.mktemp("auto") / "out"
    inputs = [corpus / name for name in ("digital", "tables", "zh")]
    done = batchocr("run", *inputs, "-o", output, *WORKERS, "--mode", "auto", cwd=output.parent, timeout_s=300)
    assert done.returncode == 0, done.stderr
    return output


def test_every_file_ends_as_the_manifest_expects(corpus: Path, read_by_ocr: Path) -> None:
    found = {entry["source"]: entry for entry in status(read_by_ocr)["documents"]}
    files = json.loads((corpus / "manifest.json").read_text("utf-8"))["files"]
    assert set(found) == {entry["file"] for entry in files}
    for entry in files:
        state, expected = found[entry["file"]]["state"], entry["expect"]
        assert state in {"done", "failed", "partial"}, entry["file"]
        if expected.startswith("ok") and " or " not in expected:
            assert state == "done", entry["file"]
        if expected.startswith("clear error") and " or " not in expected:
            assert state == "failed", entry["file"]
        if state != "done":
            assert all(failure["message"] for failure in found[entry["file"]]["failures"]), entry["file"]


def test_same_command_again_recognizes_nothing_and_lists_the_same_failures(corpus: Path, read_by_ocr: Path) -> None:
    before = status(read_by_ocr)["documents"]
    again = batchocr(
        "run", corpus, "-o", read_by_ocr, *WORKERS, "--mode", "ocr", "--json", cwd=read_by_ocr.parent
    )  # fmt: skip
    assert again.returncode == 6
    assert json.loads(again.stdout)["pages_done"] == 0
    after = status(read_by_ocr)["documents"]
    assert [entry["failures"] for entry in after] == [entry["failures"] for entry in before]


def test_every_link_leads_to_a_file(read_by_ocr: Path, read_by_text_layer: Path) -> None:
    illustrated = set()
    for output in (read_by_ocr, read_by_text_layer):
        for markdown in output.rglob("*.md"):
            for target in re.findall(r"!\[[^\]]*\]\(<?([^)>]*)>?\)", markdown.read_text("utf-8")):
                illustrated.add(markdown.stem)
                assert (markdown.parent / unquote(target)).is_file(), f"{markdown}: {target}"
    assert illustrated >= {"2206.01062", "baiona_cmyk"}


def test_scans_are_read_nearly_without_a_wrong_character(corpus: Path, read_by_ocr: Path) -> None:
    scan = _truth(corpus, "scan__multi_page_scan_200dpi.pdf.1.text.txt")
    read = _plain(read_by_ocr / "scan" / "multi_page_scan_200dpi" / "multi_page_scan_200dpi.md")
    assert Levenshtein.distance(scan, read) <= 0.02 * len(scan)
    line = _truth(corpus, "images__en.jpg.1.text.txt")
    assert Levenshtein.distance(line, _plain(read_by_ocr / "images" / "en" / "en.md")) <= 4


@pytest.mark.parametrize("name", ["foo", "us-012"])
def test_nine_of_ten_table_cells_are_right_in_both_modes(
    corpus: Path, read_by_ocr: Path, read_by_text_layer: Path, name: str
) -> None:
    truth = _table_truth(corpus, name)
    for output in (read_by_ocr, read_by_text_layer):
        cells = _cells(output / "tables" / name / f"{name}.md")
        right = sum(cell in cells for cell in truth)
        assert right >= 0.9 * len(truth), (output, [cell for cell in truth if cell not in cells])


def test_photo_becomes_a_figure(read_by_ocr: Path) -> None:
    assert list((read_by_ocr / "images" / "baiona_cmyk" / "images").glob("p0001_image_*"))


def _normal(text: str) -> str:
    text = (
        unicodedata.normalize("NFKC", text).replace("\u00ad", "").replace("“", '"').replace("”", '"').replace("’", "'")
    )
    return re.sub(r"\s+", "", re.sub(r"[‐‑‒–—―−]", "-", text))


def _truth(corpus: Path, name: str) -> str:
    return _normal((corpus / "gt" / name).read_text("utf-8"))


def _plain(markdown: Path) -> str:
    text = re.sub(r"<!--.*?-->|!\[[^\]]*\]\([^)]*\)|^#{1,6} |^- ", "", markdown.read_text("utf-8"), flags=re.M | re.S)
    return _normal(html.unescape(re.sub(r"\\(\W)", r"\1", text)))


def _cells(markdown: Path) -> list[str]:
    found = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", markdown.read_text("utf-8"), flags=re.S)
    return [_normal(html.unescape(cell)) for cell in found]


def _table_truth(corpus: Path, name: str) -> list[str]:
    folder = corpus / "gt"
    if name == "foo":
        rows: Any = list(csv.reader(io.StringIO((folder / "tables__foo.pdf.1.table-csv.csv").read_text("utf-8"))))
    else:
        tables = json.loads((folder / f"tables__{name}.pdf.1.table-json.json").read_text("utf-8"))["tables"]
        rows = [row for table in tables for row in table["rows"]]
    return [cell for row in rows for cell in map(_normal, row) if cell]
