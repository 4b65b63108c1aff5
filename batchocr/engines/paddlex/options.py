"""The settings of the engine `paddlex`, each declared once; those of the OCR pipeline as PaddleOCR spells them.

A setting left at None is as the pipeline's configuration has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field

from batchocr.engines.base import EngineOptions

Runtime: TypeAlias = Literal["paddle", "paddle_static", "paddle_dynamic", "onnxruntime", "transformers"]
Shape: TypeAlias = tuple[int, int, int]


class OcrArguments(EngineOptions):
    """What the general OCR pipeline (`OCR`) can be told; refused for other pipelines, which have `init`."""

    lang: str | None = Field(
        default=None, description="language that chooses the text models, such as `en`, `fr` or `korean`"
    )
    ocr_version: Literal["PP-OCRv3", "PP-OCRv4", "PP-OCRv5", "PP-OCRv6"] | None = Field(
        default=None, description="generation of PP-OCR that the text models are of"
    )
    text_detection_model_name: str | None = Field(default=None, description="model that finds the lines")
    text_detection_model_dir: Path | None = Field(
        default=None, description="its folder, for example of a fine-tuned one"
    )
    text_recognition_model_name: str | None = Field(default=None, description="model that reads the lines")
    text_recognition_model_dir: Path | None = Field(default=None, description="its folder")
    text_recognition_batch_size: int | None = Field(default=None, ge=1, description="lines read at once")
    text_det_limit_side_len: int | None = Field(
        default=None, ge=1, description="side, px, to which `text_det_limit_type` scales the page to find lines"
    )
    text_det_limit_type: Literal["min", "max"] | None = Field(
        default=None, description="`max`: the long side is at most that; `min`: the short side is at least that"
    )
    text_det_thresh: float | None = Field(
        default=None, ge=0, le=1, description="a pixel is text from this probability, 0 to 1"
    )
    text_det_box_thresh: float | None = Field(
        default=None, ge=0, le=1, description="a line is kept from this mean probability of its pixels, 0 to 1"
    )
    text_det_unclip_ratio: float | None = Field(default=None, gt=0, description="how far outlines of lines are widened")
    text_det_input_shape: Shape | None = Field(default=None, description="its fixed input: channels, height, width")
    text_rec_score_thresh: float | None = Field(
        default=None, ge=0, le=1, description="lines read with a lower confidence (0 to 1) are dropped"
    )
    text_rec_input_shape: Shape | None = Field(default=None, description="its fixed input: channels, height, width")
    return_word_box: bool | None = Field(default=None, description="give the box of each word as well")
    use_textline_orientation: bool | None = Field(default=None, description="turn lines that stand on their heads")
    textline_orientation_model_name: str | None = Field(default=None, description="model that tells so")
    textline_orientation_model_dir: Path | None = Field(default=None, description="its folder")
    textline_orientation_batch_size: int | None = Field(default=None, ge=1, description="lines looked at at once")
    use_doc_orientation_classify: bool | None = Field(default=None, description="turn pages upright first")
    doc_orientation_classify_model_name: str | None = Field(default=None, description="model that tells how they stand")
    doc_orientation_classify_model_dir: Path | None = Field(default=None, description="its folder")
    use_doc_unwarping: bool | None = Field(
        default=None, description="flatten photographed pages first; crops clean ones"
    )
    doc_unwarping_model_name: str | None = Field(default=None, description="model that flattens")
    doc_unwarping_model_dir: Path | None = Field(default=None, description="its folder")

    def ocr_arguments(self) -> dict[str, Any]:
        """Gives those that were set, as PaddleOCR takes them."""
        values = {name: getattr(self, name) for name in OcrArguments.model_fields}
        given = {name: value for name, value in values.items() if value is not None}
        return {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}


class PaddlexOptions(OcrArguments):
    """Options of the engine `paddlex`."""

    pipeline: str | None = Field(
        default=None,
        description="name of the pipeline, as PaddleX or PaddleOCR spells it  [default: that of `config`, else OCR]",
    )
    config: Path | None = Field(
        default=None,
        description="YAML file with the pipeline's configuration (`batchocr engines config OCR > my.yaml`)",
    )
    init: dict[str, Any] = Field(
        default_factory=dict,
        description="arguments of PaddleOCR's class of that pipeline, other than OCR, for example "
        "{text_recognition_model_dir: models/rec}",
    )
    predict: dict[str, Any] = Field(
        default_factory=dict, description="arguments for each page that the pipeline's `predict` takes"
    )
    query: str = Field(default="", description="what `doc_understanding` is asked about each page")
    engine: Runtime | None = Field(
        default=None, description="library that computes the neural networks  [default: as `config` says, else Paddle]"
    )
    engine_config: dict[str, Any] = Field(
        default_factory=dict, description="settings of that library, instead of those below"
    )
    enable_hpi: bool | None = Field(default=None, description="PaddleX's high-performance inference (needs its plugin)")
    cpu_threads: int = Field(default=1, ge=1, le=256, description="CPU threads per worker")
    enable_mkldnn: bool = Field(default=True, description="oneDNN on the CPU, with Paddle")
    mkldnn_cache_capacity: int = Field(default=10, ge=1, description="input shapes that oneDNN keeps compiled")
    use_tensorrt: bool = Field(default=False, description="Paddle's TensorRT subgraphs on the GPU")
    precision: Literal["fp32", "fp16"] = Field(default="fp32", description="arithmetic of TensorRT")
    enable_cinn: bool = Field(default=False, description="Paddle's compiler CINN")
    flags: dict[str, str] = Field(
        default_factory=dict,
        description="Paddle's own flags, set before it starts, such as {fraction_of_gpu_memory_to_use: '0.8'}",
    )
    visualize: bool = Field(
        default=True,
        description="let the pipeline draw what it found, for the visualization PDFs; takes time on each page",
    )
    page_timeout_s: float = Field(
        default=600.0, gt=0, description="time without a finished page that counts as hung, s"
    )
