"""Folders of Paddle models that hold next to nothing, and yet are whole as far as files tell."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from batchocr.engines.paddle.models import MODELS_FOLDER, place_of


def safetensors_bytes(shape: tuple[int, ...] = (3, 4), data: int | None = None) -> bytes:
    """Gives a file with one tensor of 4-byte numbers; `data` is how many bytes of it really follow."""
    size = 4
    for side in shape:
        size *= side
    header = {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(size if data is None else data)


def parameters_bytes(dims: tuple[int, ...] = (5, 6), count: int = 2) -> bytes:
    """Gives parameters as Paddle writes them (float32), one after the other."""
    description = bytes([1 << 3, 5]) + b"".join(bytes([2 << 3, dim]) for dim in dims)
    size = 4
    for dim in dims:
        size *= dim
    one = struct.pack("<IQIi", 0, 0, 0, len(description)) + description + bytes(size)
    return one * count


def onnx_bytes(graph: int = 300) -> bytes:
    """Gives an ONNX model whose graph is that many bytes (128 to 16383) of nothing."""
    return bytes([1 << 3, 10, 7 << 3 | 2, graph & 127 | 128, graph >> 7]) + bytes(graph)


def write_static_model(home: Path, name: str = "PP-DocLayoutV3") -> Path:
    """Writes a model in Paddle's own format to its place, and gives its folder."""
    folder = _folder(home, name)
    (folder / "inference.json").write_text('{"program": {}}')
    (folder / "inference.pdiparams").write_bytes(parameters_bytes())
    return folder


def write_vl_model(home: Path, name: str = "PaddleOCR-VL-1.6-0.9B") -> Path:
    """Writes a vision-language model to its place, and gives its folder."""
    folder = _folder(home, name)
    for file in ("config.json", "generation_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        (folder / file).write_text("{}")
    (folder / "tokenizer.model").write_bytes(bytes([1 << 3 | 2, 3]) + b"abc")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "model.safetensors").write_bytes(safetensors_bytes())
    return folder


def _folder(home: Path, name: str) -> Path:
    folder = home / MODELS_FOLDER / place_of(name)
    folder.mkdir(parents=True)
    (folder / "inference.yml").write_text(f"Global:\n  model_name: {name}\n")
    return folder
