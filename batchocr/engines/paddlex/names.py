"""The names of PaddleX's pipelines: what PaddleX, PaddleOCR's Python classes and PaddleOCR's command call each.

The only place that knows them; docs/paddlex.md shows the same table and is tested against it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from batchocr.errors import ConfigError

OTHER_ENGINE = "paddleocr-vl"


@dataclass(frozen=True)
class Pipeline:
    """One pipeline that reads pages.

    Attributes:
        name: what PaddleX registers it as, and what its configuration says in `pipeline_name`.
        paddleocr_class: the class of the package `paddleocr` that wraps it, "" where there is none.
        paddleocr_command: the word after `paddleocr` on its command line, "" where there is none.
        gives: what becomes of a page.
        refused: why this engine does not run it, "" where it does.
    """

    name: str
    paddleocr_class: str
    paddleocr_command: str
    gives: str
    refused: str = ""


_VL = f"the engine {OTHER_ENGINE} runs it (--engine {OTHER_ENGINE})"
_CHAT = "it asks a chat model about a whole document and gives no result for a page"
_PARSED = "layout, text, tables, formulas, Markdown"
_BOXES = "boxes with labels"
_CLASSES = "the names of what the page shows"
PIPELINES = (
    Pipeline("OCR", "PaddleOCR", "ocr", "the lines of text, one block each"),
    Pipeline("PP-StructureV3", "PPStructureV3", "pp_structurev3", "layout, text, tables, formulas, seals, Markdown"),
    Pipeline("table_recognition_v2", "TableRecognitionPipelineV2", "table_recognition_v2", "tables"),
    Pipeline("table_recognition", "", "", "tables"),
    Pipeline("formula_recognition", "FormulaRecognitionPipeline", "formula_recognition_pipeline", "formulas"),
    Pipeline("seal_recognition", "SealRecognition", "seal_recognition", "the text of seals"),
    Pipeline("doc_preprocessor", "DocPreprocessor", "doc_preprocessor", "the page turned upright and flattened"),
    Pipeline("doc_understanding", "DocUnderstanding", "doc_understanding", "the answer to a question (option `query`)"),
    Pipeline("layout_parsing", "", "", "layout, text, tables, seals"),
    Pipeline("object_detection", "", "", _BOXES),
    Pipeline("small_object_detection", "", "", _BOXES),
    Pipeline("rotated_object_detection", "", "", _BOXES),
    Pipeline("instance_segmentation", "", "", _BOXES),
    Pipeline("image_classification", "", "", _CLASSES),
    Pipeline("image_multilabel_classification", "", "", _CLASSES),
    # The newest first: PaddleOCR's names mean that one.
    Pipeline("PaddleOCR-VL-1.6", "PaddleOCRVL", "doc_parser", _PARSED, _VL),
    Pipeline("PaddleOCR-VL-1.5", "PaddleOCRVL", "doc_parser", _PARSED, _VL),
    Pipeline("PaddleOCR-VL", "PaddleOCRVL", "doc_parser", _PARSED, _VL),
    Pipeline("PP-ChatOCRv3-doc", "", "", "answers", _CHAT),
    Pipeline("PP-ChatOCRv4-doc", "PPChatOCRv4Doc", "pp_chatocrv4_doc", "answers", _CHAT),
    Pipeline("PP-DocTranslation", "PPDocTranslation", "pp_doctranslation", "a translation", _CHAT),
)


def find_pipeline(name: str) -> Pipeline:
    """Gives the pipeline that goes by that name with PaddleX, as a PaddleOCR class or in PaddleOCR's command.

    Raises:
        ConfigError: none does; names the nearest.
    """
    for pipeline in PIPELINES:
        if name in {pipeline.name, pipeline.paddleocr_class, pipeline.paddleocr_command} - {""}:
            return pipeline
    known = [pipeline.name for pipeline in PIPELINES]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ConfigError(f"There is no pipeline {name!r} that reads pages.{hint} Known pipelines: {', '.join(known)}.")


def runnable_pipeline(name: str) -> Pipeline:
    """Gives the pipeline of that name, which this engine runs.

    Raises:
        ConfigError: there is none, or this engine does not run it.
    """
    pipeline = find_pipeline(name)
    if pipeline.refused:
        raise ConfigError(f"Engine paddlex does not run the pipeline {name}: {pipeline.refused}.")
    return pipeline
