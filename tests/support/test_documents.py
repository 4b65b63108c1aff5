"""The builders give what they promise, as PDFium sees it."""

from __future__ import annotations

from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from support.documents import (
    BROKEN_KINDS,
    blank_pdf,
    broken_pdf,
    encrypted_pdf,
    image_pdf,
    many_page_pdf,
    pdf_with_missing_pages,
    png_page,
    text_pdf,
)


def page_text(document: pdfium.PdfDocument, page_index: int) -> str:
    return str(document[page_index].get_textpage().get_text_bounded())


def test_text_pdf_holds_each_line_of_each_page(tmp_path: Path) -> None:
    path = text_pdf(tmp_path / "a.pdf", ["one (1)\ntwo \\ 2", ["café"]])
    with pdfium.PdfDocument(path) as document:
        assert [page_text(document, index).split("\r\n") for index in range(2)] == [["one (1)", "two \\ 2"], ["café"]]


def test_one_text_makes_one_page(tmp_path: Path) -> None:
    with pdfium.PdfDocument(text_pdf(tmp_path / "a.pdf", "Hello")) as document:
        assert len(document) == 1
        assert page_text(document, 0) == "Hello"


def test_blank_pdf_has_white_pages(tmp_path: Path) -> None:
    with pdfium.PdfDocument(blank_pdf(tmp_path / "a.pdf", 3)) as document:
        assert len(document) == 3
        assert document[2].render(scale=0.2).to_numpy().min() == 255


def test_many_page_pdf_numbers_its_pages(tmp_path: Path) -> None:
    with pdfium.PdfDocument(many_page_pdf(tmp_path / "a.pdf", 5000)) as document:
        assert len(document) == 5000
        assert page_text(document, 4999) == "Page 5000"


def test_missing_pages_cannot_be_loaded_and_their_neighbours_can(tmp_path: Path) -> None:
    with pdfium.PdfDocument(pdf_with_missing_pages(tmp_path / "a.pdf", 4, missing=[2])) as document:
        assert len(document) == 4
        assert page_text(document, 2) == "Page 3"
        with pytest.raises(pdfium.PdfiumError):
            document[1]


@pytest.mark.parametrize("kind", BROKEN_KINDS)
def test_broken_pdf_cannot_be_opened(tmp_path: Path, kind: str) -> None:
    with pytest.raises(pdfium.PdfiumError):
        pdfium.PdfDocument(broken_pdf(tmp_path / "a.pdf", kind))


def test_encrypted_pdf_opens_with_its_password_alone(tmp_path: Path) -> None:
    path = encrypted_pdf(tmp_path / "a.pdf", "s3cret")
    with pytest.raises(pdfium.PdfiumError, match=r"[Pp]assword"):
        pdfium.PdfDocument(path)
    with pdfium.PdfDocument(path, password="s3cret") as document:
        assert page_text(document, 0) == "Behind a password"


def test_image_pdf_shows_ink_and_has_no_text_layer(tmp_path: Path) -> None:
    with pdfium.PdfDocument(image_pdf(tmp_path / "a.pdf", ["one", "two"])) as document:
        assert len(document) == 2
        assert page_text(document, 1) == ""
        assert document[1].render(scale=0.5).to_numpy().min() < 64


def test_png_page_keeps_size_and_resolution(tmp_path: Path) -> None:
    with Image.open(png_page(tmp_path / "a.png", "Hello", size=(300, 200), dpi=100)) as picture:
        assert picture.size == (300, 200)
        assert round(picture.info["dpi"][0]) == 100
