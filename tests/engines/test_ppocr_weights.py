from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from support.missing import missing

from batchocr.engines.ppocr.weights import Weights, find_weights
from batchocr.errors import SetupError


def test_hashes_are_those_of_the_files() -> None:
    try:
        weights = find_weights()
    except SetupError as err:
        missing(str(err))
    assert weights.hashes() == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (weights.detection, weights.recognition)
    }


def test_finding_weights_does_not_import_rapidocr() -> None:
    code = (
        "import sys; from batchocr.engines.ppocr.weights import find_weights; find_weights();"
        "print(sorted({'rapidocr', 'cv2', 'onnxruntime', 'openvino'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "SetupError" in run.stderr:
        missing("the package rapidocr")
    assert run.stdout.strip() == "[]"


def test_missing_package_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if "editable" not in repr(finder)])
    monkeypatch.delitem(sys.modules, "rapidocr", raising=False)
    with pytest.raises(SetupError, match=r'pip install "batchocr\[cpu\]"'):
        find_weights()


def test_package_without_the_weights_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rapidocr").mkdir()
    (tmp_path / "rapidocr" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "rapidocr", raising=False)
    with pytest.raises(SetupError, match=r"lacks PP-OCRv6_det_small\.onnx, PP-OCRv6_rec_small\.onnx"):
        find_weights()


def test_unreadable_weights_are_a_setup_error(tmp_path: Path) -> None:
    weights = Weights(detection=tmp_path / "absent.onnx", recognition=tmp_path / "absent.onnx")
    with pytest.raises(SetupError, match=r"absent\.onnx"):
        weights.hashes()
