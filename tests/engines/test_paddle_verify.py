"""Models that are whole, cut short, renamed, or something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.model_folders import (
    onnx_bytes,
    parameters_bytes,
    safetensors_bytes,
    write_static_model,
    write_vl_model,
)

from batchocr.engines.paddle.models import Model, vl_models
from batchocr.engines.paddle.verify import Fault, verify_models
from batchocr.engines.paddle.weight_files import paddle_fault, protobuf_fault, safetensors_fault


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_static_model(tmp_path)
    write_vl_model(tmp_path)
    return tmp_path


def faults(home: Path) -> tuple[Fault, ...]:
    return verify_models(vl_models("v1.6", home), "v1.6")


def test_whole_models_have_no_fault(home: Path) -> None:
    assert faults(home) == ()


@pytest.mark.parametrize(
    "file",
    [
        "PP-DocLayoutV3/inference.yml", "PP-DocLayoutV3/inference.json", "PP-DocLayoutV3/inference.pdiparams",
        "PaddleOCR-VL-1.6/inference.yml", "PaddleOCR-VL-1.6/config.json", "PaddleOCR-VL-1.6/generation_config.json",
        "PaddleOCR-VL-1.6/preprocessor_config.json", "PaddleOCR-VL-1.6/tokenizer_config.json",
        "PaddleOCR-VL-1.6/tokenizer.model", "PaddleOCR-VL-1.6/chat_template.jinja",
        "PaddleOCR-VL-1.6/model.safetensors",
    ],
)  # fmt: skip
@pytest.mark.parametrize("damage", ["missing", "empty", "folder"])
def test_file_that_is_missing_or_empty_is_named_with_the_remedy(home: Path, file: str, damage: str) -> None:
    path = home / "official_models" / file
    path.unlink()
    if damage == "empty":
        path.touch()
    elif damage == "folder":
        path.mkdir()

    (fault,) = faults(home)

    assert fault.file == path
    assert fault.model.startswith(path.parent.name)
    assert "batchocr models pull --force v1.6" in fault.remedy
    words = {"missing": ["missing", "no weights"], "empty": ["empty"], "folder": ["not a file"]}[damage]
    assert any(word in fault.message for word in words)


@pytest.mark.parametrize(
    "file",
    [
        "PP-DocLayoutV3/inference.pdiparams", "PP-DocLayoutV3/inference.json", "PaddleOCR-VL-1.6/model.safetensors",
        "PaddleOCR-VL-1.6/tokenizer.model", "PaddleOCR-VL-1.6/config.json",
    ],
)  # fmt: skip
def test_download_that_was_cut_short_is_found(home: Path, file: str) -> None:
    path = home / "official_models" / file
    path.write_bytes(path.read_bytes()[:-1])

    (fault,) = faults(home)

    assert fault.file == path
    assert "cut short" in fault.message


def test_missing_folder_is_one_fault(home: Path) -> None:
    shutil.rmtree(home / "official_models" / "PaddleOCR-VL-1.6")
    (fault,) = faults(home)
    assert fault.message == "there is no such folder"
    assert fault.file == home / "official_models" / "PaddleOCR-VL-1.6"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Global: {model_name: PP-DocLayoutV2}", "PP-DocLayoutV2, not PP-DocLayoutV3"),
        ("Global: {}", "does not say"),
        ("just words", "does not say"),
        ("a: [", "YAML"),
        ("[" * 4000, "YAML"),
    ],
)
def test_name_that_paddlex_would_refuse_is_found(home: Path, text: str, words: str) -> None:
    file = home / "official_models" / "PP-DocLayoutV3" / "inference.yml"
    file.write_text(text)
    (fault,) = faults(home)
    assert words in fault.message


def test_weights_in_another_form_than_the_engine_reads_are_a_fault(home: Path) -> None:
    folder = home / "official_models" / "PP-DocLayoutV3"
    model = Model("PP-DocLayoutV3", "layout_detection", folder, folder.name, "onnx")

    (fault,) = verify_models([model])

    assert fault.file.name == "inference.onnx"
    (folder / "inference.onnx").write_bytes(onnx_bytes())
    assert verify_models([model]) == ()


def test_split_weights_are_all_asked_for(home: Path) -> None:
    folder = home / "official_models" / "PaddleOCR-VL-1.6"
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "../elsewhere"]
    index = {"weight_map": {str(number): name for number, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    (fault,) = faults(home)

    assert fault.file.name == "model-00002-of-00002.safetensors"


def header(**tensors: object) -> bytes:
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut short"),
        (b"1234567", "cut short"),
        ((1 << 60).to_bytes(8, "little"), "no safetensors"),
        ((50).to_bytes(8, "little") + b"{}", "cut short"),
        ((2).to_bytes(8, "little") + b"[]", "no list"),
        ((2).to_bytes(8, "little") + b"{]", "no JSON"),
        ((90_000).to_bytes(8, "little") + b"[" * 90_000, "no JSON"),
        (header(), "no tensor"),
        (header(a=TENSOR), "0 of 8 bytes"),
        (header(a=TENSOR) + bytes(9), "1 bytes more"),
        (header(a={**TENSOR, "shape": [3]}) + bytes(8), "tensor 'a'"),
        (header(a={**TENSOR, "shape": [-1]}) + bytes(8), "tensor 'a'"),
        (header(a={**TENSOR, "shape": "22"}) + bytes(8), "tensor 'a'"),
        (header(a={**TENSOR, "data_offsets": [0]}) + bytes(8), "tensor 'a'"),
        (header(a={**TENSOR, "data_offsets": [8, 0]}) + bytes(8), "tensor 'a'"),
        (header(a={**TENSOR, "data_offsets": [0, 1e300]}) + bytes(8), "tensor 'a'"),
        (header(a=7), "tensor 'a'"),
        (header(a=TENSOR, b={**TENSOR, "data_offsets": [4, 12]}) + bytes(12), "overlap"),
        (header(a={**TENSOR, "data_offsets": [4, 12]}) + bytes(12), "gaps"),
    ],
)
def test_safetensors_header_that_lies_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    assert words in (safetensors_fault(file) or "whole")


def test_safetensors_of_an_unknown_type_are_measured_by_their_offsets(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(header(a={**TENSOR, "dtype": "F4"}) + bytes(8))
    assert safetensors_fault(file) is None


@pytest.mark.parametrize(
    ("content", "check"),
    [
        (safetensors_bytes((5, 7)), safetensors_fault),
        (parameters_bytes((5, 7), count=1), paddle_fault),
        (onnx_bytes(), lambda file: protobuf_fault(file, 7, "graph")),
    ],
)
def test_every_cut_of_a_file_of_weights_is_found(tmp_path: Path, content: bytes, check) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "weights"
    file.write_bytes(content)
    assert check(file) is None
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert check(file), length


@pytest.mark.parametrize("content", [b"\xff" * 60, b"<html>not found</html>" * 3, b"\0" * 60])
def test_something_else_is_no_weights(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights"
    file.write_bytes(content)
    assert safetensors_fault(file)
    assert paddle_fault(file)
    assert protobuf_fault(file, 7, "graph")
