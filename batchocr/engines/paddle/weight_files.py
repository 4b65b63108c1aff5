"""Whether a file of weights is whole: what its own headers promise against its size. A truncated download is found.

The formats are walked here in a few lines, since the libraries that write them (safetensors, paddle, onnx) are not part
of every install and load what they check. Values are not looked at: bits that flipped are found by `models unpack`
alone, which has hashes.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import IO, Any

# The safetensors library refuses longer headers too.
MAX_HEADER_BYTES = 100_000_000
MAX_DESCRIPTION_BYTES = 1 << 16
MAX_LEVELS = 16
SAFETENSORS_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
# By the number of the type in Paddle's framework.proto.
PADDLE_BYTES = {0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 19: 8, 20: 1, 21: 1, 22: 2, 23: 8, 24: 16, 32: 1, 33: 1}
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
CUT = "it is cut short"


def safetensors_fault(path: Path) -> str | None:
    """Gives what is wrong with a safetensors file in words, None if header and size agree.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if len(head) < 8:
            return f"{CUT}: {size} bytes"
        length = int.from_bytes(head, "little")
        if length > MAX_HEADER_BYTES:
            return "it is no safetensors file: its header would be over 100 MB"
        if length > size - 8:
            return f"{CUT} within its header: {size} bytes"
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        return "it is no safetensors file: its header is no JSON"
    return _tensors_fault(header, size - 8 - length)


def _tensors_fault(header: Any, data_bytes: int) -> str | None:
    """Compares the list of tensors with the bytes that follow it."""
    if not isinstance(header, dict):
        return "it is no safetensors file: its header is no list of tensors"
    spans = []
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        span = _span(tensor)
        if span is None:
            return f"its header does not say where the tensor {name[:80]!r} lies"
        spans.append(span)
    end = 0
    for begin, stop in sorted(spans):
        if begin != end:
            return "its header leaves gaps between tensors, or lets them overlap"
        end = stop
    if not spans:
        return "it holds no tensor"
    if end > data_bytes:
        return f"{CUT}: {data_bytes} of {end} bytes of weights are there"
    return f"it has {data_bytes - end} bytes more than its header says" if end < data_bytes else None


def _span(tensor: Any) -> tuple[int, int] | None:
    """Gives where a tensor begins and ends, None if its entry makes no sense."""
    try:
        begin, end = tensor["data_offsets"]
        shape, item_bytes = tensor["shape"], SAFETENSORS_BYTES.get(tensor["dtype"])
    except (TypeError, KeyError, ValueError):
        return None
    numbers = [begin, end, *shape] if isinstance(shape, list) else [None]
    if not all(type(number) is int and 0 <= number < 1 << 48 for number in numbers) or len(shape) > MAX_LEVELS:
        return None
    if begin > end or (item_bytes is not None and end - begin != math.prod(shape) * item_bytes):
        return None
    return begin, end


def paddle_fault(path: Path) -> str | None:
    """Gives what is wrong with a file of Paddle's parameters (`.pdiparams`), None if it ends where its last one does.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        while (at := file.tell()) < size:
            try:
                data_bytes = _paddle_tensor(file)
            except (struct.error, EOFError):
                return f"{CUT} within a header: {size} bytes"
            except ValueError:
                return f"it holds no parameters of Paddle at byte {at}"
            if file.tell() + data_bytes > size:
                return f"{CUT}: {size} of at least {file.tell() + data_bytes} bytes are there"
            file.seek(data_bytes, 1)
    return None if size else "it is empty"


def _paddle_tensor(file: IO[bytes]) -> int:
    """Reads a parameter's header and gives the bytes of data that follow it.

    Raises:
        ValueError: this is none.
        EOFError, struct.error: the file ends in it.
    """
    version, levels = struct.unpack("<IQ", file.read(12))
    if version or levels > MAX_LEVELS:
        raise ValueError
    for _ in range(levels):
        (level_bytes,) = struct.unpack("<Q", file.read(8))
        if level_bytes > 1 << 40:
            raise ValueError
        file.seek(level_bytes, 1)
    version, length = struct.unpack("<Ii", file.read(8))
    if version or not 0 < length <= MAX_DESCRIPTION_BYTES:
        raise ValueError
    description = file.read(length)
    if len(description) < length:
        raise EOFError
    return _described_bytes(description)


def _described_bytes(description: bytes) -> int:
    """Gives the size that Paddle's TensorDesc message (1: type, 2: dims) stands for."""
    kind, dims, at = None, [], 0
    while at < len(description):
        tag, at = _varint(description, at)
        value, at = _varint(description, at)
        if tag == 1 << 3:
            kind = value
        elif tag == 2 << 3:
            dims.append(value)
        elif tag == 2 << 3 | BYTES:  # the packed form
            stop = at + value
            while at < stop:
                value, at = _varint(description, at)
                dims.append(value)
    if kind not in PADDLE_BYTES or any(dim >= 1 << 48 for dim in dims):
        raise ValueError
    return math.prod(dims) * PADDLE_BYTES[kind]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise ValueError


def protobuf_fault(path: Path, field: int, holds: str) -> str | None:
    """Gives what is wrong with a protobuf file, None if its outermost fields end where the file does.

    Args:
        path: of the file.
        field: number of the outermost field that must be there.
        holds: what that field is, for the message.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    fields = set()
    with path.open("rb") as file:
        while (at := file.tell()) < size:
            head = file.read(20)
            try:
                tag, used = _varint(head, 0)
                number, used = _varint(head, used) if tag & 7 in {VARINT, BYTES} else (0, used)
            except ValueError:
                return f"{CUT}: {size} bytes"
            after = {VARINT: 0, FIXED64: 8, FIXED32: 4, BYTES: number}.get(tag & 7)
            if after is None or not tag >> 3:
                return f"it is damaged, or something else: no {holds} at byte {at}"
            fields.add(tag >> 3)
            if at + used + after > size:
                return f"{CUT}: {size} of at least {at + used + after} bytes are there"
            file.seek(at + used + after)
    return None if field in fields else f"it holds no {holds}"
