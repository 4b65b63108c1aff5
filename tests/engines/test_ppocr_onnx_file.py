from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.missing import missing
from support.onnx_files import node, recognizer_nodes, write_onnx

from batchocr.engines.ppocr.onnx_file import OnnxFileError, read_onnx
from batchocr.engines.ppocr.weights import find_weights
from batchocr.errors import SetupError

SMALL = np.arange(6, dtype=np.float32).reshape(2, 3)


def small_file(path: Path) -> Path:
    lengths = (None, 3, 48, None), (None, None, 4)
    return write_onnx(path, *lengths, nodes=recognizer_nodes(4), metadata={"character": "a\nb"}, weights={"w": SMALL})


def test_small_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = small_file(tmp_path / "net.onnx")
    file = read_onnx(path)
    assert file.inputs == {"x": (None, 3, 48, None)}
    assert file.outputs == {"y": (None, None, 4)}
    assert file.metadata == {"character": "a\nb"}
    assert file.opset == 11
    assert [(step.kind, step.inputs, step.outputs) for step in file.nodes] == [
        ("ReduceMean", ("x",), ("mean",)),
        ("Unsqueeze", ("mean",), ("column",)),
        ("Concat", ("column",) * 4, ("y",)),
    ]
    assert np.array_equal(file.weights["w"], SMALL)
    assert file.nodes[0].attributes == {"axes": (1, 2), "keepdims": 0}


def test_weights_are_those_that_onnx_runtime_sees() -> None:
    try:
        weights = find_weights()
    except SetupError as err:
        missing(str(err))
    file = read_onnx(weights.recognition.path)
    assert len(file.weights) == 244
    assert sum(array.nbytes for array in file.weights.values()) == pytest.approx(21_234_383, rel=0.02)
    assert all(np.isfinite(array).all() for array in file.weights.values())
    assert read_onnx(weights.recognition.path, with_weights=False).weights == {}


@pytest.mark.parametrize("content", [b"", b"this is no network", b"\x00" * 100, b"\xff" * 100, b"PK\x03\x04zip"])
def test_other_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(OnnxFileError):
        read_onnx(path)


def test_file_cut_off_anywhere_is_refused_or_lacks_what_was_cut(tmp_path: Path) -> None:
    whole = write_onnx(tmp_path / "net.onnx", (None, 3), (None, 2), nodes=[node("Relu", ["x"], "y")]).read_bytes()
    graph_ends = whole.rindex(b"y") + 1  # the opset, which is needed too, comes after the graph
    for length in range(graph_ends):
        path = tmp_path / "cut.onnx"
        path.write_bytes(whole[:length])
        with pytest.raises(OnnxFileError):
            read_onnx(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_damaged_file_never_raises_anything_else(place: int, byte: int, tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    data = bytearray(small_file(path).read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)
    with suppress(OnnxFileError):
        read_onnx(path)
