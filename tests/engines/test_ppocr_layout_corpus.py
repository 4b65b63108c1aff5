from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pypdfium2
import pytest

from batchocr.engines.ppocr.layout import LayoutResult, analyze
from batchocr.engines.ppocr.tables import find_grids

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("BATCHOCR_CORPUS", REPOSITORY / ".." / "shared" / "corpus"))
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}: set BATCHOCR_CORPUS"),
]


def rendered(name: str, page_no: int) -> Pixels:
    with pypdfium2.PdfDocument(CORPUS / name) as document:
        bitmap = document[page_no - 1].render(scale=200 / 72)
        return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("tables/foo.pdf", [(7, 7)]),
        ("tables/us-012.pdf", [(23, 6)]),
        ("tables/spanning_cells.pdf", [(21, 6), (4, 6)]),
        ("digital/2305.03393v1-pg9.pdf", [(6, 8)]),
    ],
)
def test_ruled_tables_of_real_pages_have_their_rows_and_columns(name: str, shapes: list[tuple[int, int]]) -> None:
    grids = find_grids(rendered(name, 1))
    assert [(len(grid.row_edges) - 1, len(grid.col_edges) - 1) for grid in grids] == shapes


@pytest.mark.parametrize(
    ("name", "pages"),
    [
        ("digital/multi_page.pdf", 5),
        ("digital/code_and_formula.pdf", 2),
        ("scan/multi_page_scan_200dpi.pdf", 5),
        ("scan/skew.pdf", 1),
        ("scan/cardinal.pdf", 1),
        ("scan/edgar_image.pdf", 1),
    ],
)
def test_pages_of_prose_have_no_ruled_table(name: str, pages: int) -> None:
    assert [find_grids(rendered(name, page_no)) for page_no in range(1, pages + 1)] == [()] * pages


def test_photo_is_one_figure() -> None:
    photo = cv2.imread(str(CORPUS / "images" / "baiona_cmyk.jpg"))
    result: LayoutResult = analyze(photo, 200.0, [], find_grids(photo), (), "ocr")
    (block,) = result.blocks
    assert block.label == "image"
    crop = result.images[block.image or ""]
    assert crop.size >= 0.7 * photo.size
