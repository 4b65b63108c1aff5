"""Reads ONNX files: nodes, weights, shapes and metadata, with numpy alone.

The format is a Protocol Buffers message of which little is needed here, so neither the `onnx` package nor a runtime is
imported to look into a file. A file may be damaged or hostile: whatever does not fit raises, and nothing is read beyond
its end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = "tuple[int | None, ...]"
Attribute: TypeAlias = "int | float | str | Array | tuple[int, ...] | tuple[float, ...]"

# Protocol Buffers wire types, and the numbers that ONNX gives to the types of a tensor.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DTYPES: dict[int, type[np.generic]] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64,
}  # fmt: skip


class OnnxFileError(ValueError):
    """The file is damaged, or holds what is not read here."""


@dataclass(frozen=True)
class Node:
    """One step of a graph.

    Attributes:
        kind: name of the operator.
        inputs, outputs: names of values; an empty name is an input that is left out.
        attributes: by name.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True)
class OnnxFile:
    """What an ONNX file holds.

    Attributes:
        nodes: in the order of their execution.
        weights: by name; empty if they were not wanted.
        inputs: name to shape of what the network is given; None for a length that is free.
        outputs: name to shape of what it answers.
        opset: version of the operators.
        metadata: texts by name.
    """

    nodes: tuple[Node, ...]
    weights: Mapping[str, Array] = field(repr=False)
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    opset: int
    metadata: Mapping[str, str] = field(repr=False)


def read_onnx(path: Path, *, with_weights: bool = True) -> OnnxFile:
    """Gives what an ONNX file holds.

    Args:
        path: the file.
        with_weights: read the weights too; most are read-only views into one copy of the file.

    Raises:
        OSError: the file cannot be read.
        OnnxFileError: it is no ONNX file, is cut off, or keeps its weights elsewhere.
    """
    try:
        return _model(memoryview(path.read_bytes()), with_weights)
    except OnnxFileError:
        raise
    except (LookupError, OverflowError, ValueError, struct.error) as err:
        raise OnnxFileError(f"not an ONNX file, or a damaged one ({err})") from err


def _model(data: memoryview, with_weights: bool) -> OnnxFile:
    graph: memoryview | None = None
    metadata, opset = {}, 0
    for number, value in _fields(data):
        if number == 7:
            graph = _message(value)
        elif number == 8:
            opset = max(opset, *(_signed(version) for part, version in _fields(_message(value)) if part == 2), 0)
        elif number == 14:
            entry = dict(_fields(_message(value)))
            metadata[_text(entry[1])] = _text(entry.get(2, b""))
    if graph is None or not opset:
        raise OnnxFileError("not an ONNX file: it holds no graph")
    nodes: list[Node] = []
    weights: dict[str, Array] = {}
    names: set[str] = set()
    inputs: dict[str, Shape] = {}
    outputs: dict[str, Shape] = {}
    for number, value in _fields(graph):
        if number == 1:
            nodes.append(_node(_message(value)))
        elif number == 5:
            parts = list(_fields(_message(value)))
            name = _text(dict(parts).get(8, b""))
            names.add(name)
            if with_weights:
                weights[name] = _tensor(parts)
        elif number in {11, 12}:
            name, shape = _value_info(_message(value))
            (inputs if number == 11 else outputs)[name] = shape
    given = {name: shape for name, shape in inputs.items() if name not in names}
    return OnnxFile(tuple(nodes), weights, given, outputs, opset, metadata)


def _node(data: memoryview) -> Node:
    inputs, outputs, kind, attributes = [], [], "", {}
    for number, value in _fields(data):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            kind = _text(value)
        elif number == 5:
            name, content = _attribute(_message(value))
            attributes[name] = content
    return Node(kind, tuple(inputs), tuple(outputs), attributes)


def _attribute(data: memoryview) -> tuple[str, Attribute]:
    name = ""
    single: Attribute = 0
    floats: list[float] = []
    integers: list[int] = []
    kind = 0
    for number, value in _fields(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            single = struct.unpack("<f", _message(value))[0]
        elif number == 3:
            single = _signed(value)
        elif number == 4:
            single = _text(value)
        elif number == 5:
            single = _tensor(list(_fields(_message(value))))
        elif number == 7:
            floats += np.frombuffer(_message(value), "<f4").tolist()
        elif number == 8:
            integers += _integers(value)
        elif number == 20:
            kind = _signed(value)
    return name, {6: tuple(floats), 7: tuple(integers)}.get(kind, single)


def _tensor(parts: list[tuple[int, int | memoryview]]) -> Array:
    dims: list[int] = []
    dtype: type[np.generic] | None = None
    raw: memoryview | None = None
    numbers: list[Array] = []
    for number, value in parts:
        if number == 1:
            dims += _integers(value)
        elif number == 2:
            dtype = _DTYPES.get(_signed(value))
        elif number == 9:
            raw = _message(value)
        elif number in {4, 10}:
            numbers.append(np.frombuffer(_message(value), "<f4" if number == 4 else "<f8"))
        elif number in {5, 7}:
            numbers.append(np.array(_integers(value), np.int64))
        elif number == 14 and value:
            raise OnnxFileError("its weights lie in another file, which is not supported")
    if dtype is None or any(dim < 0 for dim in dims):
        raise OnnxFileError("a tensor has a type or shape that is not supported")
    array = np.frombuffer(raw, dtype) if raw is not None else np.concatenate(numbers or [np.empty(0)]).astype(dtype)
    if array.size != int(np.prod(dims, dtype=object)):
        raise OnnxFileError("a tensor holds other numbers than its shape says; the file may be cut off")
    return array.reshape(dims)


def _value_info(data: memoryview) -> tuple[str, Shape]:
    entry = dict(_fields(data))
    lengths: list[int | None] = []
    tensor = dict(_fields(_message(entry.get(2, memoryview(b"")))))
    shape = dict(_fields(_message(tensor.get(1, memoryview(b""))))).get(2, memoryview(b""))
    for _, dim in _fields(_message(shape)):
        length = dict(_fields(_message(dim))).get(1)
        lengths.append(_signed(length) if length else None)
    return _text(entry[1]), tuple(length if length and length > 0 else None for length in lengths)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Gives the number and content of each field of a message: an integer, or the bytes of anything else."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        wire = key & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            length, place = _varint(data, place)
        elif wire in {_FIXED32, _FIXED64}:
            length = 4 if wire == _FIXED32 else 8
        else:
            raise OnnxFileError("not an ONNX file, or a damaged one (unknown wire type)")
        if place + length > len(data):
            raise OnnxFileError("the file is cut off")
        yield key >> 3, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise OnnxFileError("not an ONNX file, or a damaged one (endless number)")


def _integers(value: int | memoryview) -> list[int]:
    """Gives the integers of a repeated field: one, or many packed together."""
    if isinstance(value, int):
        return [_signed(value)]
    found, place = [], 0
    while place < len(value):
        number, place = _varint(value, place)
        found.append(_signed(number))
    return found


def _signed(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise OnnxFileError("not an ONNX file, or a damaged one (bytes where a number should be)")
    return value - (1 << 64) if value >= 1 << 63 else value


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise OnnxFileError("not an ONNX file, or a damaged one (a number where bytes should be)")
    return value


def _text(value: int | memoryview | bytes) -> str:
    return bytes(value if isinstance(value, bytes) else _message(value)).decode()
