from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from outputs_builders import noise
from PIL import Image

from batchocr.outputs.picture_pdf import PicturePdf


def jpeg(height: int = 40, width: int = 30, mode: str = "RGB", seed: int = 1) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(height, width, seed)).convert(mode).save(buffer, "JPEG")
    return buffer.getvalue()


def pdf_of(*pictures: bytes, dpi: int = 100) -> bytes:
    buffer = io.BytesIO()
    pdf = PicturePdf(buffer, dpi)
    for picture in pictures:
        pdf.add_jpeg(picture)
    pdf.close()
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_page_is_the_picture_as_it_was(mode: str) -> None:
    picture = jpeg(mode=mode)
    data = pdf_of(jpeg(50, 50, seed=2), picture)
    page = pypdfium2.PdfDocument(data)[1]
    assert page.get_size() == pytest.approx((30 * 0.72, 40 * 0.72), abs=1e-3)
    with pikepdf.open(io.BytesIO(data)) as document:
        assert document.pages[1].Resources.XObject.Im.read_raw_bytes() == picture


def test_a_picture_stands_upright_and_fills_its_page() -> None:
    pixels = np.zeros((40, 32, 3), np.uint8)
    pixels[:16, 16:] = (255, 0, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    drawn = pypdfium2.PdfDocument(pdf_of(buffer.getvalue()))[0].render(scale=100 / 72).to_pil()
    assert [drawn.getpixel(place)[0] > 128 for place in ((24, 8), (30, 1), (8, 8), (24, 30), (8, 30))] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_a_strict_reader_has_nothing_to_complain_of() -> None:
    with pikepdf.open(io.BytesIO(pdf_of(jpeg(), jpeg()))) as document:
        assert document.check_pdf_syntax() == []
        assert len(document.pages) == 2


def test_the_same_pictures_give_the_same_bytes() -> None:
    assert pdf_of(jpeg(), jpeg(20, 20)) == pdf_of(jpeg(), jpeg(20, 20))


def test_memory_does_not_grow_with_the_pages(tmp_path: Path) -> None:
    picture = jpeg(600, 600)
    with (tmp_path / "x.pdf").open("wb") as file:
        pdf = PicturePdf(file, 100)
        pdf.add_jpeg(picture)
        tracemalloc.start()
        for _ in range(50):
            pdf.add_jpeg(picture)
        pdf.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (tmp_path / "x.pdf").stat().st_size > 50 * len(picture)
    assert peak < 10 * len(picture)
