from __future__ import annotations

import io

import pytest
from PIL import Image

from batchocr.datatypes import DocumentFormat
from batchocr.documents.formats import has_document_ending, sniff, sniff_path


@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_image_formats_are_recognised_by_what_pillow_writes(name: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, name)
    assert sniff(buffer.getvalue()[:1024]) is DocumentFormat[name]


@pytest.mark.parametrize("head", [b"II*\0", b"MM\0*", b"II+\0\x08\0", b"MM\0+\0\x08"])
def test_both_byte_orders_of_tiff_and_bigtiff_are_recognised(head: bytes) -> None:
    assert sniff(head) is DocumentFormat.TIFF


def test_pdf_header_is_found_anywhere_in_the_first_1024_bytes_and_not_beyond() -> None:
    assert sniff(b"%PDF-1.4") is DocumentFormat.PDF
    assert sniff(b"\0" * 1016 + b"%PDF-1.4") is DocumentFormat.PDF
    assert sniff(b"\0" * 1024 + b"%PDF-1.4") is None


@pytest.mark.parametrize(
    "head", [b"", b"BM: minutes of the board meeting", b"RIFF1234WAVE", b"%PDF is a format", b"\xff\xd8"]
)
def test_other_content_is_nothing(head: bytes) -> None:
    assert sniff(head) is None


def test_ending_counts_whatever_its_case_and_never_decides_the_format(tmp_path) -> None:
    path = tmp_path / "x.PDF"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert has_document_ending(path.name)
    assert not has_document_ending("notes.txt")
    assert sniff_path(path) is DocumentFormat.PNG
