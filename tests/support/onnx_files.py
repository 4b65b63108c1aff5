"""Writes small ONNX files, so that tests have networks of every shape without the `onnx` package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Shape = Sequence["int | None"]


def write_onnx(
    path: Path,
    given: Shape,
    answered: Shape,
    *,
    nodes: Sequence[bytes] = (),
    metadata: Mapping[str, str] | None = None,
    weights: Mapping[str, npt.NDArray[np.float32]] | None = None,
    inputs: int = 1,
) -> Path:
    """Writes a network that turns `x` into `y`; None is a free length. It runs if its nodes fit."""
    graph = b"".join(_bytes(1, each) for each in nodes) + _bytes(2, b"graph")
    for name, array in (weights or {}).items():
        dims = b"".join(_number(1, length) for length in array.shape)
        graph += _bytes(5, dims + _number(2, 1) + _bytes(8, name.encode()) + _bytes(9, array.tobytes()))
    graph += b"".join(_bytes(11, _value("x" * number, given)) for number in range(1, inputs + 1))
    graph += _bytes(12, _value("y", answered))
    model = _number(1, 6) + _bytes(7, graph) + _bytes(8, _number(2, 11))
    for key, text in (metadata or {}).items():
        model += _bytes(14, _bytes(1, key.encode()) + _bytes(2, text.encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model)
    return path


def node(kind: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> bytes:
    """Gives one step, its attributes being integers or lists of them."""
    content = (
        b"".join(_bytes(1, name.encode()) for name in inputs) + _bytes(2, output.encode()) + _bytes(4, kind.encode())
    )
    for name, value in attributes.items():
        if isinstance(value, int):
            entry = _number(3, value) + _number(20, 2)
        else:
            entry = b"".join(_number(8, number) for number in value) + _number(20, 7)
        content += _bytes(5, _bytes(1, name.encode()) + entry)
    return content


def recognizer_nodes(classes: int) -> list[bytes]:
    """Gives steps that turn (n, 3, 48, width) into (n, width, classes): every class gets the mean of its column."""
    return [
        node("ReduceMean", ["x"], "mean", axes=[1, 2], keepdims=0),
        node("Unsqueeze", ["mean"], "column", axes=[2]),
        node("Concat", ["column"] * classes, "y", axis=2),
    ]


def _value(name: str, shape: Shape) -> bytes:
    dims = b"".join(_bytes(1, _bytes(2, b"free") if length is None else _number(1, length)) for length in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
