"""The settings of the embedded engine, each with its unit and its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from batchocr.engines.base import EngineOptions

Runtime: TypeAlias = Literal["openvino", "onnxruntime", "torch"]
Precision: TypeAlias = Literal["f32", "bf16", "int8"]


class PpOcrOptions(EngineOptions):
    """Options of the engine `ppocr`."""

    runtime: Runtime = Field(
        default="openvino",
        description="library that computes the neural networks; `torch` and `onnxruntime` also run on a GPU",
    )
    mode: Literal["auto", "ocr", "text"] = Field(
        default="auto",
        description="where text comes from: `ocr` reads the image, `text` takes the PDF's text layer, "
        "`auto` takes the text layer of each page that can be trusted and reads the others",
    )
    threads: int = Field(default=1, ge=1, le=64, description="CPU threads per worker")
    precision: Precision = Field(
        default="f32",
        description="arithmetic of the networks; `int8` (8-bit integers, bundled networks only) and `bf16` are faster "
        "on CPUs made for them, but results differ from one kind of CPU to another; both need runtime openvino",
    )
    det_long_side: int = Field(
        default=1280,
        ge=320,
        le=4096,
        description="long side, px, at which a page of A4 shape is searched for lines; "
        "other shapes get the same area, and a page of small print is searched again at four times the area",
    )
    drop_score: float = Field(
        default=0.5, ge=0.0, le=1.0, description="lines read with a lower mean confidence (0 to 1) are dropped"
    )
    det_model_dir: Path | None = Field(
        default=None, description="folder of another PP-OCR detector (ONNX) instead of the one that comes with rapidocr"
    )
    rec_model_dir: Path | None = Field(
        default=None,
        description="folder of another PP-OCR recognizer (ONNX), for other languages, with its dictionary inside or "
        "beside it",
    )

    @model_validator(mode="after")
    def _precision_fits_runtime(self) -> PpOcrOptions:
        if self.precision != "f32" and self.runtime != "openvino":
            raise ValueError(f"precision {self.precision} needs runtime openvino")
        return self
