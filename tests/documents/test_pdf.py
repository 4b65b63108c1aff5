from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from document_builders import pdf, pdf_of_objects, stream, written
from support.documents import broken_pdf, encrypted_pdf, pdf_with_missing_pages

from batchocr.datatypes import DocumentFormat, Limits
from batchocr.documents.reader import DocumentReader, RenderedPage, open_document
from batchocr.errors import DocumentError, FailureKind

# A black bar across the top left of the page, 200 x 50 points.
BAR = b"0 g 36 706 200 50 re f"


def opened(folder: Path, data: bytes, limits: Limits | None = None, password: str | None = None) -> DocumentReader:
    return open_document(written(folder / "document.pdf", data), password, limits or Limits())


def drawn(folder: Path, data: bytes, dpi: int = 72, limits: Limits | None = None) -> RenderedPage:
    reader = opened(folder, data, limits)
    try:
        return reader.render(1, dpi, want_text=False)
    finally:
        reader.close()


def test_page_is_bgr_contiguous_and_as_large_as_dpi_says(tmp_path) -> None:
    page = drawn(tmp_path, pdf([b"1 0 0 rg 0 0 612 792 re f"], box=b"0 0 101 50"), dpi=144)
    assert page.pixels.shape == (100, 202, 3)
    assert page.pixels.dtype == np.uint8
    assert page.pixels.flags.c_contiguous
    assert page.pixels[50, 100].tolist() == [0, 0, 255]
    assert page.dpi == pytest.approx(144)
    assert page.warnings == ()


@pytest.mark.parametrize(
    ("rotate", "shape", "black"),
    [(0, (792, 612), (60, 100)), (90, (612, 792), (100, 730)), (180, (792, 612), (730, 500))],
)
def test_page_rotation_is_applied(tmp_path, rotate: int, shape: tuple[int, int], black: tuple[int, int]) -> None:
    page = drawn(tmp_path, pdf([BAR], page_entries=b"/Rotate %d" % rotate))
    assert page.pixels.shape[:2] == shape
    assert page.pixels[black].max() == 0


def test_crop_box_is_what_is_seen(tmp_path) -> None:
    page = drawn(tmp_path, pdf([BAR], page_entries=b"/CropBox[36 706 236 756]"))
    assert page.pixels.shape == (50, 200, 3)
    assert page.pixels.max() == 0


def test_filled_in_form_fields_are_drawn(tmp_path) -> None:
    look = stream(b"0 g 0 0 100 20 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 100 20]")
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(x)/F 4/Rect[100 100 200 120]/P 3 0 R/AP<</N 6 0 R>>>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Annots[5 0 R]>>",
        stream(b""),
        field,
        look,
    ]
    page = drawn(tmp_path, pdf_of_objects(objects))
    assert page.pixels[190, 150].max() == 0


def test_page_over_the_pixel_limit_is_scaled_down_and_says_so(tmp_path) -> None:
    page = drawn(tmp_path, pdf([BAR]), dpi=300, limits=Limits(max_page_pixels=1_000_000))
    height, width = page.pixels.shape[:2]
    assert 0.97e6 < height * width < 1.01e6
    assert page.dpi == pytest.approx(72 * width / 612, rel=0.01)
    assert "max_page_pixels" in page.warnings[0]


@pytest.mark.parametrize(
    "box", [b"0 0 0 0", b"0 0 1e9 1e9", b"0 0 1e9 1", b"5 5 5 5", b"a b c d", b"1e30 1e30 -1e30 -1e30"]
)
def test_degenerate_page_box_ends_in_a_bounded_page_or_a_clear_failure(tmp_path, box: bytes) -> None:
    limits = Limits(max_page_pixels=2_000_000)
    outcome: FailureKind | tuple[int, ...]
    try:
        outcome = drawn(tmp_path, pdf([BAR], box=box), dpi=200, limits=limits).pixels.shape
    except DocumentError as err:
        outcome = err.kind
    if isinstance(outcome, FailureKind):
        assert outcome is FailureKind.PAGE_RENDER_FAILED
    else:
        assert outcome[0] * outcome[1] < 2.2e6
        assert max(outcome) <= 65_535


@pytest.mark.parametrize("page_no", [0, 2, 99])
def test_page_that_is_not_there_is_a_page_failure(tmp_path, page_no: int) -> None:
    reader = opened(tmp_path, pdf())
    with pytest.raises(DocumentError) as caught:
        reader.render(page_no, 72, want_text=False)
    reader.close()
    assert caught.value.kind is FailureKind.PAGE_RENDER_FAILED


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"%PDF-1.7\n%%EOF", "damaged"),
        (b"hello", "by its content"),
        (pdf_of_objects([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]), "no pages"),
    ],
)
def test_unreadable_file_says_why(tmp_path, data: bytes, words: str) -> None:
    with pytest.raises(DocumentError, match=words) as caught:
        opened(tmp_path, data)
    assert caught.value.kind is FailureKind.DOCUMENT_UNREADABLE


def test_file_that_is_gone_or_a_folder_is_unreadable(tmp_path) -> None:
    for path in (tmp_path / "gone.pdf", tmp_path):
        with pytest.raises(DocumentError) as caught:
            open_document(str(path), None, Limits())
        assert caught.value.kind is FailureKind.DOCUMENT_UNREADABLE


def test_encrypted_pdf_opens_with_its_password_alone(tmp_path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    path = tmp_path / "locked.pdf"
    canvas = Canvas(str(path), encrypt="swordfish")
    canvas.drawString(72, 700, "hidden")
    canvas.save()
    for password in (None, "wrong"):
        with pytest.raises(DocumentError, match="--password-file") as caught:
            open_document(str(path), password, Limits())
        assert caught.value.kind is FailureKind.DOCUMENT_ENCRYPTED
        assert "wrong is" not in str(caught.value)
    reader = open_document(str(path), "swordfish", Limits())
    assert reader.page_count == 1
    reader.close()


def test_limits_on_bytes_and_pages_refuse_before_any_work(tmp_path) -> None:
    for limits, name in ((Limits(max_file_bytes=100), "max_file_bytes"), (Limits(max_pages=2), "max_pages")):
        with pytest.raises(DocumentError, match=name) as caught:
            opened(tmp_path, pdf([BAR] * 3), limits)
        assert caught.value.kind is FailureKind.DOCUMENT_TOO_LARGE


def test_bytes_before_the_header_do_not_matter(tmp_path) -> None:
    reader = opened(tmp_path, b"\r\n" * 100 + pdf())
    assert reader.format is DocumentFormat.PDF
    reader.close()


def test_refusal_does_not_repeat_that_of_the_document_before(tmp_path: Path) -> None:
    encrypted = encrypted_pdf(tmp_path / "encrypted.pdf", "open sesame")
    empty = broken_pdf(tmp_path / "empty.pdf", "no_pages")
    for path, kind in ((encrypted, FailureKind.DOCUMENT_ENCRYPTED), (empty, FailureKind.DOCUMENT_UNREADABLE)):
        with pytest.raises(DocumentError) as caught:
            open_document(str(path), None, Limits())
        assert caught.value.kind is kind


def test_verdict_on_a_page_does_not_depend_on_the_pages_read_before(tmp_path: Path) -> None:
    path = pdf_with_missing_pages(tmp_path / "holes.pdf", 8, [2])

    def failing(order: Sequence[int]) -> list[int]:
        reader = open_document(path, None, Limits())
        failed = []
        for page_no in order:
            try:
                reader.render(page_no, 72, want_text=False)
            except DocumentError:
                failed.append(page_no)
        reader.close()
        return failed

    for order in itertools.permutations([1, 2, 4, 7, 8]):
        assert failing(order) == [2], order
