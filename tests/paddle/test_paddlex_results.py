"""PaddleX's own result classes, filled by hand as its pipelines fill them, become plain data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from batchocr.datatypes import PageImage, PageResult
from batchocr.engines.paddle.runtime import guest_libraries
from batchocr.engines.paddlex.results import page_result

HEIGHT, WIDTH = 300, 400
NO_PREPROCESSING = {"use_doc_orientation_classify": False, "use_doc_unwarping": False}


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    with guest_libraries():
        import paddlex  # noqa: F401


def pixels() -> np.ndarray[Any, Any]:
    return np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def converted(result: Any, *, visualize: bool = True) -> PageResult:
    page = PageImage(3, pixels(), 100.0, "in/a.pdf")
    found = page_result(result, page, visualize=visualize)
    (data,) = found.raw.values()
    assert (data["input_path"], data["page_index"]) == ("in/a.pdf", 2)
    json.dumps(data, allow_nan=False)
    for picture in (*found.images.values(), *found.visualizations.values()):
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
    return found


def lines(*texts: str) -> Any:
    from paddlex.inference.pipelines.ocr.result import OCRResult
    from paddlex.utils.fonts import SIMFANG_FONT

    outlines = [np.array([[10, 20 * n], [90, 20 * n], [90, 20 * n + 15], [10, 20 * n + 15]]) for n in range(len(texts))]
    return OCRResult({
        "input_path": None, "page_index": None, "dt_polys": outlines, "text_det_params": {"thresh": np.float32(0.3)},
        "doc_preprocessor_res": {"output_img": pixels()},
        "model_settings": {"use_doc_preprocessor": False, "use_textline_orientation": False}, "text_type": "general",
        "text_rec_score_thresh": 0.0, "return_word_box": False, "rec_texts": list(texts),
        "rec_scores": [np.float32(0.5)] * len(texts), "rec_polys": outlines, "vis_fonts": [SIMFANG_FONT] * len(texts),
        "rec_boxes": np.array([[10, 20 * n, 90, 20 * n + 15] for n in range(len(texts))]),
    })  # fmt: skip


def layout(*labels: str) -> Any:
    from paddlex.inference.models.object_detection.result import DetResult

    boxes = [
        {"cls_id": n, "label": label, "score": np.float32(0.75), "coordinate": [10.0, 50.0 * n, 200.0, 50.0 * n + 40.0]}
        for n, label in enumerate(labels)
    ]
    return DetResult({"input_path": None, "page_index": None, "input_img": pixels(), "boxes": boxes})


def common(**settings: bool) -> dict[str, Any]:
    return {
        "input_path": None, "page_index": None, "width": WIDTH, "height": HEIGHT, "page_count": None,
        "doc_preprocessor_res": {"output_img": pixels(), "angle": -1, "model_settings": NO_PREPROCESSING},
        "model_settings": {"use_doc_preprocessor": False, **settings},
    }  # fmt: skip


def test_lines_of_text_become_blocks_in_order() -> None:
    found = converted(lines("first", "second"))
    assert [(block.label, block.text, block.order, block.score) for block in found.blocks] == [
        ("text", "first", 1, 0.5),
        ("text", "second", 2, 0.5),
    ]
    assert found.blocks[1].bbox == (10.0, 20.0, 90.0, 35.0)
    assert found.raw["paddlex"]["rec_boxes"] == [[10, 0, 90, 15], [10, 20, 90, 35]]
    assert found.visualizations.keys() == {"ocr"}
    assert (found.visualizations["ocr"] != 255).any()


def test_page_without_lines_has_no_blocks() -> None:
    assert converted(lines(), visualize=False).blocks == ()


def test_nothing_is_drawn_unless_wanted() -> None:
    assert converted(lines("first"), visualize=False).visualizations == {}


def test_tables_become_html() -> None:
    from paddlex.inference.pipelines.table_recognition.result import (
        SingleTableRecognitionResult,
        TableRecognitionResult,
    )

    html = "<html><body><table><tr><td>1</td></tr></table></body></html>"
    table = SingleTableRecognitionResult({
        "cell_box_list": [np.array([10, 20, 50, 60]), np.array([50, 20, 90, 70])], "pred_html": html,
        "table_ocr_pred": {"rec_texts": ["1"]}, "table_region_id": 1, "neighbor_texts": "",
    })  # fmt: skip
    result = TableRecognitionResult(
        {**common(), "layout_det_res": layout("table"), "overall_ocr_res": lines("1"), "table_res_list": [table]}
    )
    (block,) = converted(result).blocks
    assert (block.label, block.html, block.bbox) == ("table", html, (10.0, 20.0, 90.0, 70.0))
    assert converted(result).visualizations.keys() == {"layout", "ocr", "table_cell"}


def test_formulas_are_formulas_and_start_no_latex() -> None:
    from paddlex.inference.pipelines.formula_recognition.result import FormulaRecognitionResult

    formula = {"rec_formula": "E=mc^2", "formula_region_id": 1, "dt_polys": (10.0, 20.0, 90.0, 40.0)}
    result = FormulaRecognitionResult({**common(), "layout_det_res": layout("formula"), "formula_res_list": [formula]})
    found = converted(result)
    assert [(block.label, block.text, block.bbox) for block in found.blocks] == [
        ("formula", "E=mc^2", (10.0, 20.0, 90.0, 40.0))
    ]
    assert found.visualizations.keys() == {"layout"}


def test_seals_stand_where_the_layout_found_them() -> None:
    from paddlex.inference.pipelines.seal_recognition.result import SealRecognitionResult

    seal = lines("CITY OF", "PARIS")
    seal["seal_region_id"] = 1
    result = SealRecognitionResult({**common(), "layout_det_res": layout("text", "seal"), "seal_res_list": [seal]})
    (block,) = converted(result).blocks
    assert (block.label, block.text, block.bbox) == ("seal", "CITY OF\nPARIS", (10.0, 50.0, 200.0, 90.0))


def test_layout_with_markdown_and_figures() -> None:
    from paddlex.inference.pipelines.layout_parsing.layout_objects import LayoutBlock
    from paddlex.inference.pipelines.layout_parsing.result_v2 import LayoutParsingResultV2
    from PIL import Image

    path = "imgs/img_in_image_box_10_100_90_180.jpg"
    figure = {"path": path, "img": Image.new("RGB", (80, 80), "red")}
    blocks = []
    for place, (label, content) in enumerate(
        [("header", "Page 3"), ("doc_title", "A title"), ("table", "<table><tr><td>1</td></tr></table>"), ("image", "")]
    ):
        block = LayoutBlock(label=label, bbox=[10, 40 * place, 90, 40 * place + 30], content=content)
        block.index = place
        block.order_index = place if place else None
        blocks.append(block)
    blocks[-1].image = figure
    settings = dict.fromkeys(
        ("use_region_detection", "use_table_recognition", "use_seal_recognition", "use_formula_recognition"), False
    )
    result = LayoutParsingResultV2({
        **common(**settings), "parsing_res_list": blocks, "layout_det_res": layout("text"),
        "overall_ocr_res": lines("A title"), "table_res_list": [], "imgs_in_doc": [figure],
    })  # fmt: skip
    found = converted(result)
    assert [(block.label, block.text, block.order, block.image) for block in found.blocks] == [
        ("header", "Page 3", None, None),
        ("doc_title", "A title", 1, None),
        ("table", "", 2, None),
        ("image", "", 3, "image_1"),
    ]
    assert found.blocks[2].html == "<table><tr><td>1</td></tr></table>"
    assert found.markdown is not None
    assert "A title" in found.markdown
    assert 'src="image_1"' in found.markdown
    assert path not in found.markdown
    assert found.images["image_1"][0, 0].tolist() == [0, 0, 255] or found.images["image_1"][0, 0, 2] > 250
    assert {"layout", "layout_order", "ocr"} <= found.visualizations.keys()


def test_preprocessed_page_is_an_image() -> None:
    from paddlex.inference.pipelines.doc_preprocessor.result import DocPreprocessorResult

    output = pixels()
    output[:9, :9] = (255, 0, 0)
    result = DocPreprocessorResult({
        "input_path": None, "page_index": None, "input_img": pixels(), "model_settings": NO_PREPROCESSING,
        "angle": -1, "rot_img": pixels(), "output_img": output,
    })  # fmt: skip
    found = converted(result)
    assert [(block.label, block.image) for block in found.blocks] == [("image", "image_1")]
    assert np.array_equal(found.images["image_1"], output)
    assert found.visualizations.keys() == {"preprocessed"}


def test_answer_to_a_question_is_text_and_the_page_is_not_kept() -> None:
    from paddlex.inference.models.doc_vlm.result import DocVLMResult

    found = converted(DocVLMResult({"image": pixels(), "query": "What is this?", "result": "A page."}))
    assert [(block.label, block.text) for block in found.blocks] == [("text", "A page.")]
    assert found.raw["paddlex"].keys() == {"query", "result", "input_path", "page_index"}


def test_found_objects_are_labelled_boxes() -> None:
    found = converted(layout("cat", "dog"))
    assert [(block.label, block.order, block.score) for block in found.blocks] == [("cat", 1, 0.75), ("dog", 2, 0.75)]


def test_classes_of_a_page_are_text() -> None:
    from paddlex.inference.models.image_classification.result import TopkResult

    names = {
        "class_ids": np.array([1, 0]),
        "scores": np.array([0.9, 0.1], np.float32),
        "label_names": ["form", "letter"],
    }
    found = converted(TopkResult({"input_path": None, "page_index": None, "input_img": pixels(), **names}))
    assert found.blocks[0].text == "form 0.900\nletter 0.100"
