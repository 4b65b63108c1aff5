from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ppocr_pages import (
    SENTENCES,
    layer_of,
    loaded_engine,
    page_of,
    picture,
    recognized,
    sentences,
    text_of,
    words_of,
)
from support.missing import missing

from batchocr.datatypes import PageFailure, PageResult
from batchocr.engines.ppocr.engine import PpOcrEngine
from batchocr.engines.ppocr.options import PpOcrOptions
from batchocr.engines.ppocr.weights import Weights, find_weights
from batchocr.errors import EngineError, FailureKind, SetupError

EXPECTED = " ".join(SENTENCES)


def test_page_image_is_read() -> None:
    result = recognized(page_of(sentences(), page_no=3))
    assert text_of(result) == EXPECTED
    assert (result.page_no, result.width_px, result.height_px) == (3, 1000, 500)
    assert result.raw == {"text_source": "ocr", "reason": "the page has no text layer"}


def test_onnx_runtime_reads_the_same() -> None:
    assert text_of(recognized(page_of(sentences()), runtime="onnxruntime")) == EXPECTED


def test_white_on_black_is_read() -> None:
    assert EXPECTED in text_of(recognized(page_of(255 - sentences())))


def test_trusted_text_layer_takes_the_place_of_ocr() -> None:
    words = words_of(["Layer", "words"])
    page = picture([(60, 60, "Image text")])
    result = recognized(page_of(page, layer=layer_of(words)))
    assert text_of(result) == "Layer words"
    assert result.raw["text_source"] == "text_layer"


def test_text_layer_that_cannot_be_trusted_gives_way_to_ocr() -> None:
    result = recognized(page_of(sentences(), layer=layer_of(words_of(["junk"]), invisible=1.0)))
    assert text_of(result) == EXPECTED
    assert "invisible" in result.raw["reason"]


def test_mode_ocr_ignores_the_text_layer() -> None:
    layer = layer_of(words_of(["Layer", "words"]))
    assert text_of(recognized(page_of(sentences(), layer=layer), mode="ocr")) == EXPECTED


def test_mode_text_takes_the_layer_as_it_is_and_warns_of_doubts() -> None:
    layer = layer_of(words_of(["Layer", "words"]), invisible=1.0)
    result = recognized(page_of(picture([]), layer=layer), mode="text")
    assert text_of(result) == "Layer words"
    assert "invisible" in result.warnings[0]


def test_mode_text_on_an_image_file_gives_no_text_and_says_so() -> None:
    result = recognized(page_of(sentences()), mode="text")
    assert "quick brown fox" not in text_of(result)
    assert "no text layer" in result.warnings[0]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_page_is_read_and_its_boxes_lie_on_the_page_as_it_came(turns: int) -> None:
    upright = recognized(page_of(sentences()))
    turned = np.ascontiguousarray(np.rot90(sentences(), turns))
    result = recognized(page_of(turned))
    assert text_of(result) == EXPECTED
    assert (result.height_px, result.width_px) == turned.shape[:2]
    assert result.raw["turned_degrees"] == (360 - 90 * turns) % 360
    inked = np.zeros(turned.shape[:2], bool)
    for block in result.blocks:
        x0, y0, x1, y1 = (round(edge) for edge in block.bbox)
        inked[y0:y1, x0:x1] = True
    assert len(result.blocks) == len(upright.blocks)
    assert (turned[:, :, 0][~inked] > 128).all()


def test_blank_page_has_no_blocks() -> None:
    assert recognized(page_of(picture([]))).blocks == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5)])
@pytest.mark.parametrize("grey", [0, 255])
def test_page_of_extreme_shape_has_a_result(size: tuple[int, int], grey: int) -> None:
    result = recognized(page_of(np.full((size[1], size[0], 3), grey, np.uint8)))
    assert (result.width_px, result.height_px) == size


@pytest.mark.slow
def test_page_of_fifty_megapixels_has_a_result() -> None:
    page = np.full((8000, 6250, 3), 255, np.uint8)
    page[400:1900, 500:3500] = sentences().repeat(3, axis=0).repeat(3, axis=1)
    assert text_of(recognized(page_of(page))) == EXPECTED


def test_same_page_gives_the_same_result_whatever_came_before() -> None:
    engine = PpOcrEngine(PpOcrOptions(mode="ocr"))
    loaded_engine()
    engine.load("cpu")
    page, other = page_of(sentences()), page_of(picture([(30, 30, "Something else entirely")], size=(700, 300)))
    alone = recognized(page)
    mixed = list(engine.recognize([other, page, other, page]))
    engine.release_memory()
    again = list(engine.recognize([page]))
    engine.close()
    for result in (mixed[1], mixed[3], again[0]):
        assert isinstance(result, PageResult)
        assert result.blocks == alone.blocks


def test_page_that_fails_leaves_its_neighbours_alone() -> None:
    unusable = np.zeros((40, 40, 3), np.int64)
    outcomes = list(
        loaded_engine().recognize(
            [page_of(sentences(), page_no=1), page_of(unusable, page_no=2), page_of(sentences(), page_no=3)]
        )
    )
    failure = outcomes[1]
    assert isinstance(failure, PageFailure)
    assert (failure.page_no, failure.kind, failure.fatal) == (2, FailureKind.ENGINE_ERROR, False)
    assert failure.message.startswith("document.pdf page 2: ppocr failed: ")
    assert [type(outcome) for outcome in (outcomes[0], outcomes[2])] == [PageResult, PageResult]


def test_other_devices_are_refused_with_the_remedy() -> None:
    with pytest.raises(SetupError, match="--engine-option runtime=torch"):
        PpOcrEngine(PpOcrOptions()).load("gpu:0")
    with pytest.raises(SetupError, match="does not run on npu:0"):
        PpOcrEngine(PpOcrOptions(runtime="torch")).load("npu:0")


def test_torch_reads_the_same() -> None:
    if find_spec("torch") is None:
        pytest.skip("PyTorch is not installed here; tests of the runtime torch need it")
    assert text_of(recognized(page_of(sentences()), runtime="torch")) == EXPECTED


def test_fingerprint_knows_weights_by_their_hashes_not_by_their_place(tmp_path: Path) -> None:
    bundled = bundled_weights()
    infos = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(bundled.recognition.path, folder / "inference.onnx")
        infos.append(PpOcrEngine.describe(PpOcrOptions(rec_model_dir=folder)))
    assert infos[0] == infos[1]
    assert infos[0].weights.keys() == {bundled.detection.path.name, "recognition/inference.onnx"}
    assert set(infos[0].weights.values()) == set(bundled.hashes().values())


def test_engine_reads_with_the_networks_of_a_user(tmp_path: Path) -> None:
    bundled = bundled_weights()
    for name, file in (("det", bundled.detection), ("rec", bundled.recognition)):
        (tmp_path / name).mkdir()
        shutil.copy(file.path, tmp_path / name / "inference.onnx")
    result = recognized(page_of(sentences()), det_model_dir=tmp_path / "det", rec_model_dir=tmp_path / "rec")
    assert text_of(result) == EXPECTED


def bundled_weights() -> Weights:
    try:
        return find_weights()
    except SetupError as err:
        missing(str(err))


def test_numbered_cpu_is_accepted_in_mode_text() -> None:
    engine = PpOcrEngine(PpOcrOptions(mode="text"))
    engine.load("cpu:1")
    (result,) = engine.recognize([page_of(picture([]), layer=layer_of(words_of(["Here"])))])
    assert isinstance(result, PageResult)
    assert text_of(result) == "Here"


def test_recognizing_before_loading_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="before it is loaded"):
        list(PpOcrEngine(PpOcrOptions()).recognize([page_of(sentences())]))


def test_description_names_weights_versions_and_options() -> None:
    try:
        info = PpOcrEngine.describe(PpOcrOptions(threads=2))
    except SetupError as err:
        missing(str(err))
    assert len(info.weights) == 2
    assert {"openvino", "rapidocr"} <= info.versions.keys()
    assert info.options == json.loads(json.dumps(info.options))
    assert info.options["precision"] == "f32"
    assert info.threads == 2
    assert info.wants_text_layer
    assert not PpOcrEngine.describe(PpOcrOptions(mode="ocr")).wants_text_layer


def test_mode_text_needs_no_weights() -> None:
    try:
        info = PpOcrEngine.describe(PpOcrOptions(mode="text"))
    except SetupError as err:
        missing(str(err))
    assert info.weights == {}


def test_describing_imports_no_runtime() -> None:
    code = (
        "import sys; from batchocr.engines.ppocr.engine import PpOcrEngine as E; E.describe(E.Options());"
        "print(sorted({'rapidocr', 'cv2', 'onnxruntime', 'openvino'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "SetupError" in run.stderr:
        missing("the cpu extra")
    assert run.stdout.strip() == "[]"


def test_missing_runtime_names_the_extra_to_install(tmp_path: Path) -> None:
    code = (
        "from batchocr.engines.ppocr import engine\n"
        "engine.find_spec = lambda name: None if name == 'openvino' else object()\n"
        "engine.PpOcrEngine.describe(engine.PpOcrOptions())"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'openvino is not installed; install them with: pip install "batchocr[cpu]"' in run.stderr


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit"), [("images/en.jpg", 0.01), ("images/img_exif_orientation.jpg", 0.0), ("scan/francais.pdf", 0.01)]
)
def test_corpus_page_is_read_within_its_error_rate(corpus: Path, name: str, limit: float) -> None:
    distance = pytest.importorskip("rapidfuzz.distance").Levenshtein.distance
    entry = next(f for f in json.loads((corpus / "manifest.json").read_text())["files"] if f["file"] == name)
    truth = entry["truth"][0]
    expected = "".join((truth.get("text") or (corpus / truth["file"]).read_text("utf-8")).split())
    read = "".join(text_of(recognized(page_of(corpus_pixels(corpus / name)))).split())
    assert distance(expected, read) <= limit * len(expected)


def corpus_pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    if path.suffix == ".pdf":
        import pypdfium2

        with pypdfium2.PdfDocument(path) as document:
            image = document[0].render(scale=200 / 72).to_pil()
    else:
        from PIL import Image, ImageOps

        image = ImageOps.exif_transpose(Image.open(path))
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
