"""The engine with PaddleX's real pipelines: OCR on the weights of the `rapidocr` wheel, doc_preprocessor on our own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein
from support.ppocr_models import RECOGNITION, make_ppocr_onnx
from support.tiny_models import make_preprocessors

from batchocr import runs
from batchocr.config import build_settings
from batchocr.datatypes import PageImage, PageResult
from batchocr.engines.base import Engine
from batchocr.engines.paddlex.configuration import editable_yaml, pipeline_configuration
from batchocr.engines.paddlex.engine import PaddlexEngine
from batchocr.engines.paddlex.names import PIPELINES
from batchocr.engines.paddlex.options import OcrArguments, PaddlexOptions
from batchocr.errors import ConfigError, EngineError, SetupError

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "Invoice No. 2024-1187 Total: 1,234.56 EUR",
    "Page 3 of 17",
)
TEXT = "\n".join(SENTENCES)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_ppocr_onnx(tmp_path_factory.mktemp("ppocr"))


@pytest.fixture(scope="session")
def preprocessors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preprocessors")
    make_preprocessors(folder)
    return folder


@pytest.fixture(scope="module")
def ocr(models: dict[str, str]) -> Iterator[Engine]:
    engine = loaded(models)
    yield engine
    engine.close()


def loaded(options: dict[str, Any], device: str = "cpu") -> Engine:
    engine = PaddlexEngine(PaddlexOptions.model_validate(options))
    engine.load(device)
    return engine


def drawn(*texts: str, size: tuple[int, int] = (900, 360)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    for place, text in enumerate(texts):
        ImageDraw.Draw(image).text((50, 50 + 100 * place), text, fill="black", font=ImageFont.load_default(34))
    return image


def page(image: Image.Image, page_no: int = 1) -> PageImage:
    return PageImage(page_no, np.ascontiguousarray(np.asarray(image)[:, :, ::-1]), 100.0, "in/a.pdf")


def read(engine: Engine, image: Image.Image) -> PageResult:
    (outcome,) = engine.recognize([page(image)])
    assert isinstance(outcome, PageResult)
    return outcome


def text_of(result: PageResult) -> str:
    return "\n".join(block.text for block in result.blocks)


def test_drawn_text_is_read(ocr: Engine) -> None:
    result = read(ocr, drawn(*SENTENCES))
    assert Levenshtein.normalized_distance(text_of(result), TEXT) <= 0.01
    assert [block.order for block in result.blocks] == [1, 2, 3]
    assert all(block.score is not None and 0.9 < block.score <= 1 for block in result.blocks)
    assert (result.width_px, result.height_px) == (900, 360)


def test_result_of_paddlex_is_kept_as_plain_data(ocr: Engine) -> None:
    data = read(ocr, drawn(*SENTENCES)).raw["paddlex"]
    assert {"dt_polys", "rec_texts", "rec_scores", "rec_polys", "rec_boxes", "text_det_params"} <= data.keys()
    assert (data["input_path"], data["page_index"]) == ("in/a.pdf", 0)
    assert np.asarray(data["dt_polys"]).shape == (3, 4, 2)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_what_was_read_is_drawn_without_a_network(ocr: Engine) -> None:
    pictures = read(ocr, drawn(*SENTENCES)).visualizations
    assert pictures["ocr"].shape == (360, 1800, 3)
    # PaddleX leaves lines out where it has no font: the right half would be white.
    assert (pictures["ocr"][:, 900:].min(axis=2) < 128).sum() > 500


def test_neither_neighbours_nor_a_release_of_memory_change_a_result(ocr: Engine) -> None:
    alone = read(ocr, drawn(*SENTENCES))
    other = drawn("Something else entirely", size=(700, 200))
    mixed = list(ocr.recognize([page(other, 1), page(drawn(*SENTENCES), 2)]))
    ocr.release_memory()
    for outcome in (mixed[1], read(ocr, drawn(*SENTENCES))):
        assert isinstance(outcome, PageResult)
        assert outcome.blocks == alone.blocks


@pytest.mark.parametrize("size", [(420, 620), (1, 1), (3000, 1), (1, 3000)], ids=str)
@pytest.mark.parametrize("colour", ["white", "black"])
def test_page_without_words_has_no_text(ocr: Engine, size: tuple[int, int], colour: str) -> None:
    result = read(ocr, Image.new("RGB", size, colour))
    assert text_of(result).strip() == ""
    assert (result.width_px, result.height_px) == size


def test_page_that_fails_leaves_the_pipeline_usable(ocr: Engine) -> None:
    unusable = PageImage(1, np.zeros((40, 40, 3), object), 100.0, "in/a.pdf")  # type: ignore[arg-type]
    with pytest.raises(cv2.error):
        list(ocr.recognize([unusable]))
    assert text_of(read(ocr, drawn("Page 3 of 17"))) == "Page 3 of 17"


def test_options_of_the_ocr_pipeline_reach_it(models: dict[str, str]) -> None:
    wanted = {
        "text_det_limit_side_len": 640, "text_det_limit_type": "max", "text_det_thresh": 0.25,
        "text_det_box_thresh": 0.5, "text_det_unclip_ratio": 1.75, "text_rec_score_thresh": 0.1,
        "return_word_box": True,
    }  # fmt: skip
    engine = loaded({**models, **wanted, "visualize": False}, "cpu:1")
    result = read(engine, drawn(*SENTENCES))
    data = result.raw["paddlex"]
    assert data["text_det_params"] == {
        "limit_side_len": 640, "limit_type": "max", "thresh": 0.25, "max_side_limit": 4000, "box_thresh": 0.5,
        "unclip_ratio": 1.75,
    }  # fmt: skip
    assert data["text_rec_score_thresh"] == 0.1
    assert "fox" in data["text_word"][0]
    assert result.visualizations == {}


def test_lines_under_the_score_are_dropped(models: dict[str, str]) -> None:
    engine = loaded({**models, "text_rec_score_thresh": 1.0})
    assert read(engine, drawn(*SENTENCES)).blocks == ()


def test_every_argument_of_paddleocr_is_an_option() -> None:
    import inspect

    import paddleocr

    known = set(inspect.signature(paddleocr.PaddleOCR).parameters) - {"kwargs"}
    assert set(OcrArguments.model_fields) == known


def test_each_class_that_is_named_exists_and_builds_that_pipeline() -> None:
    import paddleocr

    for pipeline in PIPELINES:
        if pipeline.paddleocr_class:
            wrapper = getattr(paddleocr, pipeline.paddleocr_class)
            assert wrapper.get_cli_subcommand_executor().subparser_name == pipeline.paddleocr_command
        if not pipeline.refused:
            assert f"pipeline_name: {pipeline.name}" in editable_yaml(pipeline.name)


def test_argument_of_another_pipeline_is_put_into_its_configuration() -> None:
    options = PaddlexOptions(pipeline="PPStructureV3", init={"text_recognition_model_dir": "models/rec"})
    pipeline, configuration = pipeline_configuration(options)
    assert pipeline.name == "PP-StructureV3"
    ocr = configuration["SubPipelines"]["GeneralOCR"]
    assert ocr["SubModules"]["TextRecognition"]["model_dir"] == "models/rec"
    assert ocr["use_textline_orientation"] is configuration["use_doc_preprocessor"] is False


def test_misspelt_argument_is_refused_before_anything_is_built() -> None:
    options = PaddlexOptions(pipeline="PPStructureV3", init={"text_recognition_model_dri": "models/rec"})
    with pytest.raises(ConfigError, match="init has an unknown argument 'text_recognition_model_dri'"):
        PaddlexEngine.describe(options)


def test_misspelt_argument_of_predict_is_refused_at_load(models: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"unknown argument 'text_det_tresh'.*text_det_thresh"):
        loaded({**models, "predict": {"text_det_tresh": 0.3}})


def test_argument_of_predict_reaches_the_pipeline(models: dict[str, str]) -> None:
    engine = loaded({**models, "predict": {"text_rec_score_thresh": 1.0}})
    assert read(engine, drawn(*SENTENCES)).blocks == ()


def test_switching_on_what_was_not_loaded_is_an_error_of_the_page(models: dict[str, str]) -> None:
    engine = loaded({**models, "predict": {"use_doc_unwarping": True}})
    with pytest.raises(EngineError, match=r"in/a\.pdf page 1: PaddleX refuses"):
        read(engine, drawn(*SENTENCES))


def test_unusual_language_chooses_the_model() -> None:
    _, configuration = pipeline_configuration(PaddlexOptions(lang="korean"))
    assert configuration["SubModules"]["TextRecognition"]["model_name"] == "korean_PP-OCRv5_mobile_rec"
    with pytest.raises(ConfigError, match="PaddleOCR refuses"):
        pipeline_configuration(PaddlexOptions(lang="klingon"))


def test_missing_models_are_named_with_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(tmp_path))
    with pytest.raises(SetupError) as refused:
        PaddlexEngine.describe(PaddlexOptions())
    assert f"PP-OCRv6_medium_det in {tmp_path / 'official_models' / 'PP-OCRv6_medium_det'}" in str(refused.value)
    assert "batchocr models pull OCR" in str(refused.value)


def test_device_that_is_not_there_is_a_setup_error(models: dict[str, str]) -> None:
    with pytest.raises(SetupError, match="OCR cannot be built on gpu:0"):
        loaded(models, "gpu:0")


def test_description_names_weights_and_imports_no_paddle(models: dict[str, str]) -> None:
    code = (
        "import json, sys\n"
        "from dataclasses import asdict\n"
        "from batchocr.engines.paddlex.engine import PaddlexEngine as E\n"
        "info = E.describe(E.Options.model_validate(json.loads(sys.argv[1])))\n"
        "print(json.dumps([asdict(info), 'paddle' in sys.modules]))"
    )
    command = [sys.executable, "-c", code, json.dumps(models)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    info, has_paddle = json.loads(run.stdout.splitlines()[-1])
    assert not has_paddle
    assert len(info["weights"]) == 2
    assert info["devices"] == ["gpu", "cpu"]
    assert info["environment"]["FLAGS_allocator_strategy"] == "auto_growth"
    assert models["text_detection_model_dir"] not in json.dumps(info["options"])


def test_text_is_read_without_paddlepaddle(tmp_path: Path, models: dict[str, str]) -> None:
    np.save(tmp_path / "page.npy", page(drawn(*SENTENCES)).pixels)
    code = (
        "import json, sys\n"
        "sys.modules['paddle'] = None  # an import of it fails\n"
        "import numpy as np\n"
        "from batchocr.datatypes import PageImage\n"
        "from batchocr.engines.paddlex.engine import PaddlexEngine as E\n"
        "engine = E(E.Options.model_validate(json.loads(sys.argv[1])))\n"
        "engine.load('cpu')\n"
        "(result,) = engine.recognize([PageImage(1, np.load(sys.argv[2]), 100.0, 'a')])\n"
        "print(result.blocks[2].text)"
    )
    command = [sys.executable, "-c", code, json.dumps(models), str(tmp_path / "page.npy")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == SENTENCES[2]


def configuration_file(folder: Path, models: dict[str, str], preprocessors: Path, **switches: bool) -> Path:
    """Writes a configuration with model folders of our own, whose page orientation is found with Paddle."""
    content = yaml.safe_load(editable_yaml("OCR"))
    content["engine"] = "onnxruntime"
    content["SubModules"]["TextDetection"].update(
        model_name=models["text_detection_model_name"], model_dir=models["text_detection_model_dir"]
    )
    content["SubModules"]["TextRecognition"].update(
        model_name=RECOGNITION, model_dir=models["text_recognition_model_dir"]
    )
    before = content["SubPipelines"]["DocPreprocessor"]
    before.update(engine="paddle", **switches)
    before["SubModules"]["DocOrientationClassify"]["model_dir"] = str(preprocessors / "PP-LCNet_x1_0_doc_ori")
    before["SubModules"]["DocUnwarping"]["model_dir"] = str(preprocessors / "UVDoc")
    content["use_doc_preprocessor"] = any(switches.values())
    file = folder / "my.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    return file


def test_turned_page_is_read_and_its_boxes_lie_on_the_page_as_it_came(
    tmp_path: Path, models: dict[str, str], preprocessors: Path
) -> None:
    turned = tmp_path / "models"
    shutil.copytree(preprocessors, turned)
    answers = turned / "PP-LCNet_x1_0_doc_ori" / "inference.yml"
    content = yaml.safe_load(answers.read_text("utf-8"))
    content["PostProcess"]["Topk"]["label_list"] = ["180", "0", "90", "270"]  # it always gives the first
    answers.write_text(yaml.safe_dump(content), "utf-8")
    file = configuration_file(tmp_path, models, turned, use_doc_orientation_classify=True)
    engine = loaded({"config": str(file)})
    result = read(engine, drawn(*SENTENCES).rotate(180))
    assert Levenshtein.normalized_distance(text_of(result), TEXT) <= 0.01
    assert result.blocks[0].bbox[1] > 200 > result.blocks[2].bbox[1]
    assert {"ocr", "preprocessed"} <= result.visualizations.keys()


def test_flattened_page_says_so(tmp_path: Path, models: dict[str, str], preprocessors: Path) -> None:
    file = configuration_file(tmp_path, models, preprocessors, use_doc_unwarping=True)
    result = read(loaded({"config": str(file)}), drawn(*SENTENCES))
    assert "flattened" in result.warnings[0]
    assert Levenshtein.normalized_distance(text_of(result), TEXT) <= 0.01


def test_preprocessor_alone_gives_the_page_as_an_image(
    tmp_path: Path, preprocessors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "official_models").symlink_to(preprocessors)
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(tmp_path))
    folders = {
        f"{role}_model_dir": str(preprocessors / name)
        for role, name in (("doc_orientation_classify", "PP-LCNet_x1_0_doc_ori"), ("doc_unwarping", "UVDoc"))
    }
    result = read(loaded({"pipeline": "doc_preprocessor", "init": folders}), drawn(*SENTENCES))
    assert result.blocks[0].image == "image_1"
    assert result.images["image_1"].shape == (360, 900, 3)


def test_run_writes_what_was_read(tmp_path: Path, models: dict[str, str]) -> None:
    (tmp_path / "in").mkdir()
    drawn(*SENTENCES).save(tmp_path / "in" / "a.png", dpi=(100, 100))
    summary = runs.run(
        build_settings({
            "inputs": [str(tmp_path / "in")], "output": str(tmp_path / "out"), "engine": "paddlex", "devices": "cpu",
            "workers_per_device": 1, "engine_options": models,
        })
    )  # fmt: skip
    assert summary.exit_code == 0
    written = (tmp_path / "out" / "a" / "a.md").read_text("utf-8")
    for sentence in SENTENCES:
        assert sentence in written
    assert (tmp_path / "out" / "a" / "a_ocr.pdf").is_file()
