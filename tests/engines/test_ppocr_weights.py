from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from support.missing import missing
from support.onnx_files import recognizer_nodes, write_onnx

from batchocr.engines.ppocr.runtime import open_network
from batchocr.engines.ppocr.weights import NetworkFile, Weights, find_weights
from batchocr.errors import SetupError


def test_hashes_are_those_of_the_files() -> None:
    try:
        weights = find_weights()
    except SetupError as err:
        missing(str(err))
    assert weights.hashes() == {
        file.path.name: hashlib.sha256(file.path.read_bytes()).hexdigest()
        for file in (weights.detection, weights.recognition)
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
    with pytest.raises(SetupError, match=r"lacks PP-OCRv6_det_small\.onnx"):
        find_weights()


def test_unreadable_weights_are_a_setup_error(tmp_path: Path) -> None:
    absent = NetworkFile(tmp_path / "absent.onnx")
    weights = Weights(detection=absent, recognition=absent)
    with pytest.raises(SetupError, match=r"absent\.onnx"):
        weights.hashes()


def recognizer_dir(folder: Path, *, classes: int | None = 4, characters: str = "a\nb", nodes: int = 4) -> Path:
    write_onnx(
        folder / "inference.onnx", (None, 3, 48, None), (None, None, classes), nodes=recognizer_nodes(nodes),
        metadata={"character": characters},
    )  # fmt: skip
    return folder


def bundled() -> Weights:
    try:
        return find_weights()
    except SetupError as err:
        missing(str(err))


def test_recognizer_of_a_user_takes_the_place_of_the_bundled_one(tmp_path: Path) -> None:
    before = bundled()
    found = find_weights(rec_model_dir=recognizer_dir(tmp_path))
    assert found.detection == before.detection
    assert found.recognition.characters == ("a", "b")
    assert found.hashes().keys() == {before.detection.path.name, "recognition/inference.onnx"}


def test_dictionary_beside_the_network_counts_in_the_hashes(tmp_path: Path) -> None:
    bundled()
    recognizer_dir(tmp_path, characters="")
    (tmp_path / "dict.txt").write_text("a\nb\n", "utf-8")
    one = find_weights(rec_model_dir=tmp_path).hashes()
    (tmp_path / "dict.txt").write_text("a\nc\n", "utf-8")
    other = find_weights(rec_model_dir=tmp_path).hashes()
    assert one.keys() == other.keys() >= {"recognition/inference.onnx", "recognition/dict.txt"}
    assert one["recognition/dict.txt"] != other["recognition/dict.txt"]


@pytest.mark.parametrize(
    ("characters", "fits"), [("a", False), ("a\nb", True), ("a\nb\nc", True), ("a\nb\nc\nd", False)]
)
@pytest.mark.parametrize("known", [True, False])
def test_dictionary_must_have_as_many_characters_as_the_network_classes(
    tmp_path: Path, characters: str, fits: bool, known: bool
) -> None:
    bundled()
    recognizer_dir(tmp_path, classes=4 if known else None, characters=characters)

    def opened() -> None:
        file = find_weights(rec_model_dir=tmp_path).recognition
        open_network(file, "onnxruntime", threads=1, precision="f32")

    if fits:
        opened()
    else:
        with pytest.raises(SetupError, match="tells 4 classes apart, but its dictionary"):
            opened()


@pytest.mark.parametrize(
    ("given", "answered", "words"),
    [
        ((None, 3, 32, None), (None, None, 4), r"no recognizer .* \(any, 3, 32, any\)"),
        ((None, 1, 48, None), (None, None, 4), "no recognizer"),
        ((None, 3, 48, 320), (None, 80, 4), "no recognizer"),
        ((None, 3, 48, None), (None, 4), "no recognizer"),
    ],
)
def test_network_of_another_shape_is_no_recognizer(
    tmp_path: Path, given: tuple[int | None, ...], answered: tuple[int | None, ...], words: str
) -> None:
    bundled()
    write_onnx(tmp_path / "inference.onnx", given, answered, metadata={"character": "a\nb"})
    with pytest.raises(SetupError, match=words):
        find_weights(rec_model_dir=tmp_path)


def test_recognizer_given_as_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no detector of PP-OCR"):
        find_weights(det_model_dir=recognizer_dir(tmp_path))


def test_network_with_two_inputs_is_refused(tmp_path: Path) -> None:
    write_onnx(tmp_path / "model.onnx", (None, 3, None, None), (None, 1, None, None), inputs=2)
    with pytest.raises(SetupError, match="2 inputs"):
        find_weights(det_model_dir=tmp_path)


def test_detector_of_a_user_may_leave_all_lengths_open(tmp_path: Path) -> None:
    bundled()
    write_onnx(tmp_path / "model.onnx", (None,) * 4, (None,) * 4)
    assert find_weights(det_model_dir=tmp_path).detection.path.name == "model.onnx"


def test_folder_without_one_network_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="is no folder"):
        find_weights(det_model_dir=tmp_path / "absent")
    with pytest.raises(SetupError, match=r"holds no ONNX file$"):
        find_weights(det_model_dir=tmp_path)
    (tmp_path / "inference.pdiparams").write_bytes(b"")
    with pytest.raises(SetupError, match="paddle2onnx"):
        find_weights(det_model_dir=tmp_path)
    for name in ("one.onnx", "two.onnx"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SetupError, match=r"several networks \(one\.onnx, two\.onnx\)"):
        find_weights(det_model_dir=tmp_path)


def test_damaged_network_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "inference.onnx").write_bytes(b"this is no network")
    with pytest.raises(SetupError, match=r"inference\.onnx cannot be used"):
        find_weights(det_model_dir=tmp_path)
