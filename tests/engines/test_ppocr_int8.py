from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.missing import missing

from batchocr.engines.ppocr.engine import PpOcrEngine
from batchocr.engines.ppocr.int8 import ranges_of
from batchocr.engines.ppocr.options import PpOcrOptions, Precision
from batchocr.engines.ppocr.recognition import Recognizer
from batchocr.engines.ppocr.runtime import Network, open_network
from batchocr.engines.ppocr.weights import RECOGNITION, find_weights
from batchocr.errors import SetupError


def recognizer(precision: Precision) -> Network:
    try:
        return open_network(find_weights().recognition, "openvino", threads=1, precision=precision)
    except SetupError as err:
        missing(str(err))


def written(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    strip = np.full((40, 24 * len(text), 3), 255, np.uint8)
    cv2.putText(strip, text, (8, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2, cv2.LINE_AA)
    return strip


def test_lines_read_the_same_in_integers() -> None:
    one, other = Recognizer(recognizer("f32")), Recognizer(recognizer("int8"))
    for text in ("Invoice 2024", "Total 1305.20", "seven pages"):
        assert one.read(written(text)).text == other.read(written(text)).text == text


def test_integers_are_really_what_computes() -> None:
    tensor = np.random.default_rng(1).uniform(-1, 1, (1, 3, 48, 160)).astype(np.float32)
    assert not np.allclose(recognizer("f32")(tensor), recognizer("int8")(tensor), atol=1e-4)


def test_ranges_belong_to_the_fingerprint_of_int8_alone() -> None:
    plain = PpOcrEngine.describe(PpOcrOptions())
    integers = PpOcrEngine.describe(PpOcrOptions(precision="int8"))
    assert set(integers.weights) - set(plain.weights) == {"int8_ranges.json"}


def test_network_without_measured_ranges_is_refused_before_a_run(tmp_path: Path) -> None:
    other = shutil.copy(find_weights().recognition.path, tmp_path / RECOGNITION)
    with Path(other).open("ab") as file:
        file.write(b"\x12\x00")  # names no producer: the same network, other bytes
    with pytest.raises(SetupError, match="use precision f32"):
        PpOcrEngine.describe(PpOcrOptions(precision="int8", rec_model_dir=tmp_path))
    with pytest.raises(SetupError, match=RECOGNITION):
        ranges_of(Path(other))
