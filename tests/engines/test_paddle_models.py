"""Which models a pipeline needs and where they are looked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.model_folders import write_static_model, write_vl_model

from batchocr.engines.paddle import models as module
from batchocr.engines.paddle.models import (
    Model,
    cache_home,
    config_models,
    format_of,
    installed_models,
    missing_models,
    pipeline_models,
    require_models,
    vl_models,
)
from batchocr.errors import ConfigError, SetupError


@pytest.mark.parametrize(
    ("version", "layout", "language_model", "place"),
    [
        ("v1", "PP-DocLayoutV2", "PaddleOCR-VL-0.9B", "PaddleOCR-VL"),
        ("v1.5", "PP-DocLayoutV3", "PaddleOCR-VL-1.5-0.9B", "PaddleOCR-VL-1.5"),
        ("v1.6", "PP-DocLayoutV3", "PaddleOCR-VL-1.6-0.9B", "PaddleOCR-VL-1.6"),
    ],
)
def test_each_version_has_its_layout_and_language_model(
    tmp_path: Path, version: str, layout: str, language_model: str, place: str
) -> None:
    models = {model.role: model for model in vl_models(version, tmp_path)}

    assert [models[role].name for role in ("layout_detection", "vl_rec")] == [layout, language_model]
    assert models["vl_rec"].folder == tmp_path / "official_models" / place
    assert [role for role, model in models.items() if model.wanted] == ["layout_detection", "vl_rec"]


def test_names_folders_and_formats_of_the_user_replace_the_usual_ones(tmp_path: Path) -> None:
    layout, language_model, orientation, _ = vl_models(
        "v1.6",
        tmp_path,
        wanted=("layout_detection", "doc_orientation_classify"),
        names={"vl_rec": "PaddleOCR-VL-1.5-0.9B", "layout_detection": None},
        folders={"vl_rec": "mine", "doc_unwarping": None},
        formats={"layout_detection": "onnx"},
    )

    assert layout.folder.name == "PP-DocLayoutV3_onnx"
    assert (language_model.name, language_model.folder) == ("PaddleOCR-VL-1.5-0.9B", Path("mine"))
    assert (language_model.wanted, orientation.wanted) == (False, True)


def test_language_model_in_a_folder_of_several_is_found(tmp_path: Path) -> None:
    nested = tmp_path / "official_models" / "PaddleOCR-VL" / "PaddleOCR-VL-0.9B"
    nested.mkdir(parents=True)

    assert vl_models("v1", tmp_path)[1].folder == nested


def test_cache_home_is_what_the_variable_says_else_in_the_home_folder() -> None:
    assert cache_home({"PADDLE_PDX_CACHE_HOME": "models"}) == Path("models")
    assert cache_home({}) == Path.home() / ".paddlex"


def test_models_of_a_configuration_are_found_at_every_depth_with_their_switches(tmp_path: Path) -> None:
    orientation = {"module_name": "doc_text_orientation", "model_name": "Ori", "model_dir": None}
    config = {
        "use_doc_preprocessor": False,
        "SubModules": {
            "TextDetection": {"model_name": "Det", "model_dir": "own/det"},
            "TextRecognition": {"model_name": "Rec", "engine": "onnxruntime"},
            "Chat": {"module_name": "chat_bot", "model_name": "far-away"},
            "VLRecognition": {"model_name": "Far", "genai_config": {"backend": "vllm-server"}},
        },
        "SubPipelines": {
            "DocPreprocessor": {"SubModules": {"DocOrientationClassify": orientation}},
            "TableRecognition": {"SubModules": {"Twice": {"model_name": "Det", "model_dir": "own/det"}}},
        },
    }

    found = {model.name: model for model in config_models(config, tmp_path)}

    assert set(found) == {"Det", "Rec", "Ori"}
    assert found["Det"].folder == Path("own/det")
    assert found["Rec"].folder == tmp_path / "official_models" / "Rec_onnx"
    assert [name for name, model in found.items() if not model.wanted] == ["Ori"]


def test_model_that_one_part_wants_is_wanted_though_another_is_off(tmp_path: Path) -> None:
    part = {"model_name": "Ori"}
    config = {
        "use_doc_preprocessor": False,
        "SubPipelines": {"DocPreprocessor": {"SubModules": {"A": part}}, "Other": {"SubModules": {"B": part}}},
    }

    (model,) = config_models(config, tmp_path)

    assert model.wanted


def test_pipeline_can_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("SubModules:\n  TextDetection: {model_name: Det}\n")
    assert [model.name for model in pipeline_models(str(file), tmp_path)] == ["Det"]


@pytest.mark.parametrize("text", ["[", "- 1", "a: " + "[" * 5000, "\x00"])
def test_file_that_is_no_configuration_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        pipeline_models(str(file), tmp_path)


def test_unknown_version_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"v1, v1\.5, v1\.6"):
        vl_models("v2", tmp_path)


def test_pipeline_of_paddlex_without_paddlex_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "config_folder", lambda: None)
    with pytest.raises(SetupError, match=r"batchocr\[paddle\]"):
        pipeline_models("OCR", tmp_path)


@pytest.mark.parametrize("name", ["../secret", "OCR/../OCR", "nothing"])
def test_only_names_of_shipped_configurations_are_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "OCR.yaml").write_text("SubModules: {}")
    monkeypatch.setattr(module, "config_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match="Known pipelines"):
        pipeline_models(name, tmp_path)


def test_missing_models_are_named_with_where_they_were_looked_for(tmp_path: Path) -> None:
    write_static_model(tmp_path)
    models = vl_models("v1.6", tmp_path)

    assert [model.name for model in missing_models(models)] == ["PaddleOCR-VL-1.6-0.9B"]
    with pytest.raises(SetupError) as caught:
        require_models(models, engine="paddleocr-vl", pipeline="v1.6")

    assert str(tmp_path / "official_models" / "PaddleOCR-VL-1.6") in str(caught.value)
    assert "batchocr models pull v1.6" in str(caught.value)
    write_vl_model(tmp_path)
    require_models(models, engine="paddleocr-vl", pipeline="v1.6")


def test_folder_that_is_empty_is_missing(tmp_path: Path) -> None:
    assert not Model("A", "", tmp_path, "A").present


def test_installed_folders_tell_which_model_they_are(tmp_path: Path) -> None:
    write_vl_model(tmp_path)
    for name in ("UVDoc", "PP-OCRv6_small_det_onnx", ".staging-x"):
        (tmp_path / "official_models" / name).mkdir()

    found = {(model.name, model.format) for model in installed_models(tmp_path)}

    expected = {("PaddleOCR-VL-1.6-0.9B", "safetensors"), ("UVDoc", "paddle"), ("PP-OCRv6_small_det", "onnx")}
    assert found == expected
    assert installed_models(tmp_path / "nowhere") == ()


def test_engine_of_paddlex_decides_on_the_form_of_the_weights() -> None:
    assert [format_of(name) for name in (None, "paddle", "onnxruntime", "paddle_dynamic")] == [
        "paddle", "paddle", "onnx", "safetensors",
    ]  # fmt: skip


def test_looking_for_models_imports_nothing_of_paddle() -> None:
    code = (
        "import sys; from pathlib import Path; from batchocr.engines.paddle import models, verify, pack, pull, checkup;"
        "models.vl_models('v1', Path('x')); models.config_folder();"
        "print([name for name in sys.modules if name.split('.')[0] in ('paddle', 'paddlex', 'paddleocr')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
