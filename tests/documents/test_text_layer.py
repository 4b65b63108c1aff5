from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
import pytest
from document_builders import pdf, stream, written

from batchocr.datatypes import Limits, TextLayer
from batchocr.documents.page_geometry import Geometry
from batchocr.documents.reader import RenderedPage, open_document
from batchocr.documents.text_layer import _mended

CORPUS = Path(os.environ.get("BATCHOCR_CORPUS", Path(__file__).resolve().parents[3] / "shared" / "corpus"))


def rendered(folder: Path, data: bytes, dpi: int = 144) -> RenderedPage:
    reader = open_document(written(folder / "document.pdf", data), None, Limits())
    try:
        return reader.render(1, dpi, want_text=True)
    finally:
        reader.close()


def text_layer(folder: Path, content: bytes, **options) -> TextLayer:
    layer = rendered(folder, pdf([content], **options)).text_layer
    assert layer is not None
    return layer


def texts(layer: TextLayer) -> list[str]:
    return [word.text for word in layer.words]


def test_words_come_in_the_order_of_the_content_stream_with_their_lines(tmp_path) -> None:
    layer = text_layer(
        tmp_path, b"BT /F1 12 Tf 72 700 Td (second  line) Tj ET BT /F1 12 Tf 72 720 Td (first line) Tj ET"
    )
    assert texts(layer) == ["second", "line", "first", "line"]
    lines = [word.line for word in layer.words]
    assert lines[0] == lines[1] != lines[2] == lines[3]


def test_clear_gap_without_a_space_splits_words(tmp_path) -> None:
    assert texts(text_layer(tmp_path, b"BT /F1 12 Tf 72 700 Td [(ab) -3000 (cd)] TJ ET")) == ["ab", "cd"]
    assert texts(text_layer(tmp_path, b"BT /F1 12 Tf 72 700 Td [(ab) -20 (cd)] TJ ET")) == ["abcd"]


def test_font_size_is_what_is_seen_whatever_matrix_made_it(tmp_path) -> None:
    layer = text_layer(tmp_path, b"BT /F1 1 Tf 20 0 0 20 72 700 Tm (scaled) Tj ET BT /F2 10 Tf 72 600 Td (bold) Tj ET")
    assert [(round(word.font_size_px), word.bold) for word in layer.words] == [(40, False), (20, True)]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("box", [b"0 0 612 792", b"-50 100 400 760"])
def test_word_boxes_hold_the_ink_whatever_the_rotation_and_origin_of_the_page(
    tmp_path, rotate: int, box: bytes
) -> None:
    content = b"BT /F1 24 Tf 72 700 Td (Hxg) Tj ET BT /F1 24 Tf 0 1 -1 0 300 300 Tm (upward) Tj ET"
    page = rendered(tmp_path, pdf([content], box=box, page_entries=b"/Rotate %d" % rotate))
    assert page.text_layer is not None
    assert texts(page.text_layer) == ["Hxg", "upward"]
    ink = page.pixels[:, :, 0] < 128
    for word in page.text_layer.words:
        x0, y0, x1, y1 = (round(edge) for edge in word.bbox)
        assert ink[y0:y1, x0:x1].any()
        ink[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = False
    assert not ink.any()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_geometry_agrees_with_pdfium(tmp_path, rotate: int) -> None:
    data = pdf([b""], box=b"10 20 310 520", page_entries=b"/CropBox[30 40 290 500]/Rotate %d" % rotate)
    page = pdfium.PdfDocument(written(tmp_path / "a.pdf", data))[0]
    width, height = (2600, 4600) if rotate % 180 == 0 else (4600, 2600)
    geometry = Geometry.of(page, width, height)
    for x, y in ((30.0, 40.0), (100.0, 77.0), (290.0, 500.0)):
        device_x, device_y = pdfium_c.c_int(), pdfium_c.c_int()
        pdfium_c.FPDF_PageToDevice(page, 0, 0, width, height, 0, x, y, device_x, device_y)
        ours = geometry.to_px(np.array([[x, y, x, y]]))[0]
        assert ours[:2] == pytest.approx([device_x.value, device_y.value], abs=1)


def test_invisible_text_is_counted(tmp_path) -> None:
    layer = text_layer(
        tmp_path, b"BT /F1 12 Tf 72 700 Td (seen) Tj ET BT 3 Tr /F1 12 Tf 72 600 Td (hidden hidde) Tj ET"
    )
    assert layer.invisible_share == pytest.approx(11 / 15)


def test_characters_without_a_unicode_value_are_counted(tmp_path) -> None:
    font = (
        b"<</Font<</F1<</Type/Font/Subtype/TrueType/BaseFont/Unknown/FirstChar 65/LastChar 66/Widths[600 600]"
        b"/Encoding<</Type/Encoding/Differences[65/g1/g2]>>>>>>>>"
    )
    layer = text_layer(tmp_path, b"BT /F1 12 Tf 72 700 Td (ABAB) Tj ET", resources=font)
    assert layer.unmapped_share > 0.9


def test_page_without_text_has_an_empty_layer(tmp_path) -> None:
    assert text_layer(tmp_path, b"0 0 10 10 re f") == TextLayer((), 0.0, 0.0, ())


def test_hyphen_at_the_end_of_a_line_is_kept(tmp_path) -> None:
    layer = text_layer(tmp_path, b"BT /F1 12 Tf 14 TL 72 700 Td (recog-) Tj T* (nition of text) Tj ET")
    assert "".join(texts(layer)) == "recog-nitionoftext"
    soft = text_layer(
        tmp_path,
        b"BT /F1 12 Tf 14 TL 72 700 Td (recog\\255) Tj T* (ni\\255tion) Tj ET",
        resources=b"<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>>>",
    )
    assert "".join(texts(soft)).startswith("recog-")


def test_words_off_the_page_are_left_out_and_others_cut_at_its_edge(tmp_path) -> None:
    layer = text_layer(tmp_path, b"BT /F1 12 Tf 900 700 Td (gone) Tj ET BT /F1 12 Tf 590 700 Td (edges) Tj ET")
    assert texts(layer) in ([], ["edges"])
    assert all(word.bbox[2] <= 1224 for word in layer.words)


def test_images_are_boxed_also_within_forms_and_turned(tmp_path) -> None:
    image = stream(b"\0", b"/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8")
    form = stream(
        b"q 100 0 0 50 0 0 cm /Im Do Q",
        b"/Type/XObject/Subtype/Form/BBox[0 0 500 500]/Matrix[1 0 0 1 10 20]/Resources<</XObject<</Im 5 0 R>>>>",
    )
    content = b"q 200 0 0 100 72 600 cm /Im Do Q q 0 100 -50 0 300 300 cm /Im Do Q q 2 0 0 2 50 60 cm /Fm Do Q"
    data = pdf([content], resources=b"<</XObject<</Im 5 0 R/Fm 6 0 R>>>>", more_objects=[image, form])
    page = rendered(tmp_path, data, dpi=72)
    assert page.text_layer is not None
    boxes = [tuple(round(edge) for edge in box) for box in page.text_layer.image_boxes]
    assert boxes == [(72, 92, 272, 192), (250, 392, 300, 492), (70, 592, 270, 692)]
    black = page.pixels[:, :, 0] < 10
    for x0, y0, x1, y1 in boxes:
        assert black[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1].all()
        black[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1] = False
    assert not black.any()


def test_surrogates_become_characters_that_can_be_written() -> None:
    assert _mended("a\ud83d\ude00b") == "a\U0001f600b"
    assert _mended("a\ud83d").encode("utf-8") == b"a\xef\xbf\xbd"


@pytest.mark.corpus
@pytest.mark.skipif(not (CORPUS / "manifest.json").is_file(), reason="the corpus is not here (BATCHOCR_CORPUS)")
def test_text_layers_of_the_corpus_are_read_whole_and_in_order() -> None:
    wrong = []
    for entry in json.loads((CORPUS / "manifest.json").read_text("utf-8"))["files"]:
        truths = [truth for truth in entry["truth"] if truth["how"] == "textlayer"]
        # Hidden text off the page is no truth about the page.
        if not (entry.get("text_layer") and truths) or entry["file"] == "zh/issue-461-example.pdf":
            continue
        reader = open_document(str(CORPUS / entry["file"]), None, Limits())
        pages = [reader.render(page_no, 100, want_text=True).text_layer for page_no in range(1, reader.page_count + 1)]
        reader.close()
        read = "".join(word.text for layer in pages if layer is not None for word in layer.words)
        if read != "".join((CORPUS / truths[0]["file"]).read_text("utf-8").split()):
            wrong.append(entry["file"])
    assert wrong == []
