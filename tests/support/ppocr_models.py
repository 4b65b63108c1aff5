"""Makes model folders for PaddleX's OCR pipeline with `engine=onnxruntime` from the weights in the `rapidocr` wheel."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from support.missing import missing

DETECTION, RECOGNITION = "PP-OCRv6_small_det", "PP-OCRv6_small_rec"
_DETECTION_FILE, _RECOGNITION_FILE = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"


def make_ppocr_onnx(folder: Path) -> dict[str, str]:
    """Makes both folders and gives the engine options that use them.

    The wheel is only read: `make test-paddle` unpacks it beside the environment, because its dependencies would bring
    another build of OpenCV.

    Args:
        folder: where the two folders go; those that are there are used again.
    """
    import onnxruntime

    weights = Path(sys.prefix, "share", "rapidocr", "rapidocr", "models")
    if not weights.is_dir():
        missing(f"the weights of PP-OCR are not at {weights}: make test-paddle puts them there")
    picture: dict[str, Any] = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
    scale = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": "1./255.", "order": "hwc"}
    detection = [picture, {"DetResizeForTest": {"resize_long": 960}}, {"NormalizeImage": scale}, {"ToCHWImage": None}]
    _make(folder / DETECTION, weights / _DETECTION_FILE, detection, {
        "name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 1.5,
    })  # fmt: skip
    session = onnxruntime.InferenceSession(weights / _RECOGNITION_FILE)
    alphabet = session.get_modelmeta().custom_metadata_map["character"].split("\n")
    letters = alphabet if alphabet[-1] else alphabet[:-1]
    recognition = [picture, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]
    _make(folder / RECOGNITION, weights / _RECOGNITION_FILE, recognition, {
        "name": "CTCLabelDecode", "character_dict": letters,
    })  # fmt: skip
    return {
        "engine": "onnxruntime",
        "text_detection_model_name": DETECTION,
        "text_detection_model_dir": str(folder / DETECTION),
        "text_recognition_model_name": RECOGNITION,
        "text_recognition_model_dir": str(folder / RECOGNITION),
    }


def _make(folder: Path, weights: Path, steps: list[dict[str, Any]], after: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(weights, folder / "inference.onnx")
    content = {"Global": {"model_name": folder.name}, "PreProcess": {"transform_ops": steps}, "PostProcess": after}
    (folder / "inference.yml").write_text(yaml.safe_dump(content), "utf-8")
