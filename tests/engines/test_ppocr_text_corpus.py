from __future__ import annotations

import csv
import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from ppocr_pages import recognized

from batchocr.datatypes import Limits, PageImage, PageResult
from batchocr.documents.reader import open_document

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("BATCHOCR_CORPUS", REPOSITORY / ".." / "shared" / "corpus"))
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}: set BATCHOCR_CORPUS"),
]


def results(name: str) -> list[PageResult]:
    """Gives the pages of a born-digital document as their text layer and their rules tell them."""
    document = open_document(str(CORPUS / name), None, Limits())
    try:
        pages = [document.render(page_no, 200, True) for page_no in range(1, document.page_count + 1)]
    finally:
        document.close()
    images = [PageImage(number, page.pixels, page.dpi, name, page.text_layer) for number, page in enumerate(pages, 1)]
    return [recognized(image, mode="text") for image in images]


def table_rows(name: str) -> list[tuple[str, ...]]:
    tables = [block.text for result in results(name) for block in result.blocks if block.label == "table"]
    return [tuple(filter(None, plain(row).split("\t"))) for table in tables for row in table.split("\n")]


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("\u2013", "-").replace("\u2014", "-")


@pytest.mark.parametrize("name", ["MultiColumn", "spanning_cells", "foo"])
def test_born_digital_tables_have_every_row_of_their_truth(name: str) -> None:
    truth = CORPUS / "gt" / f"tables__{name}.pdf.1.table-csv.csv"
    with truth.open(encoding="utf-8", newline="") as file:
        wanted = [tuple(plain(cell).strip() for cell in row if cell.strip()) for row in csv.reader(file)]
    missing = Counter(map(joined, wanted)) - Counter(map(joined, table_rows(f"tables/{name}.pdf")))
    assert not missing


def joined(row: tuple[str, ...]) -> str:
    return "|".join("".join(cell.split()) for cell in row)


def test_header_of_columns_that_stand_close_has_a_cell_for_each() -> None:
    assert table_rows("digital/multicolumn.pdf")[0][:2] == ("Country", "Population (millions)")


@pytest.mark.parametrize("name", ["multi_page", "code_and_formula", "tênfilechứa 发短信 (v1)#50%"])
def test_prose_has_no_table(name: str) -> None:
    labels = [block.label for result in results(f"digital/{name}.pdf") for block in result.blocks]
    assert "table" not in labels


@pytest.mark.parametrize("folder", ["digital", "tables", "zh"])
def test_layers_of_real_documents_are_trusted(folder: str) -> None:
    doubts = [
        (path.name, result.warnings)
        for path in sorted((CORPUS / folder).glob("*.pdf"))
        for result in results(f"{folder}/{path.name}")
        if result.warnings
    ]
    assert doubts == []
