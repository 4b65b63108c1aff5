"""The sample documents are small and are what their README says."""

from __future__ import annotations

from pathlib import Path

import pypdfium2 as pdfium
from PIL import Image, ImageOps

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
DOCUMENTS = ("chinese_english.png", "notice.tiff", "photo.jpg", "report.pdf", "scan.pdf")
MAX_BYTES = 1_500_000


def test_samples_are_small() -> None:
    assert sum((SAMPLES / name).stat().st_size for name in DOCUMENTS) <= MAX_BYTES


def test_scan_has_four_pages_without_a_text_layer() -> None:
    with pdfium.PdfDocument(SAMPLES / "scan.pdf") as document:
        assert [page.get_textpage().count_chars() for page in document] == [0, 0, 0, 0]


def test_report_carries_its_text() -> None:
    with pdfium.PdfDocument(SAMPLES / "report.pdf") as document:
        assert len(document) == 2
        assert "From Folder to Folder" in document[0].get_textpage().get_text_bounded()


def test_notice_has_a_black_and_white_page_and_a_gray_one() -> None:
    with Image.open(SAMPLES / "notice.tiff") as picture:
        modes = []
        for frame in range(picture.n_frames):
            picture.seek(frame)
            modes.append((picture.mode, picture.info["compression"]))
    assert modes == [("1", "group4"), ("L", "jpeg")]


def test_photo_stands_upright_only_by_its_exif_orientation() -> None:
    with Image.open(SAMPLES / "photo.jpg") as picture:
        upright = ImageOps.exif_transpose(picture)
        assert picture.width > picture.height
        assert upright.height > upright.width
