from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.model_folders import write_static_model, write_vl_model

from batchocr.engines.paddleocr_vl.engine import PaddleOcrVlEngine
from batchocr.engines.paddleocr_vl.options import PaddleOcrVlOptions
from batchocr.engines.paddleocr_vl.weights import build_configuration, find_models, model_arguments, weights_hashes
from batchocr.errors import ConfigError, SetupError

SERVER = {"vl_rec_backend": "vllm-server", "vl_rec_server_url": "http://user:word@host:8118/v1"}


def options(**values: Any) -> PaddleOcrVlOptions:
    return PaddleOcrVlOptions.model_validate(values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"use_chart_recogniton": True}, "use_chart_recogniton"),
        ({"device": "gpu:0"}, "device"),
        ({"vlm_extra_args": {"ocr_max_pixel": 1}}, "ocr_max_pixel"),
        ({"pipeline_version": "v2"}, "v1.6"),
        ({"vl_rec_backend": "vllm-server"}, "vl_rec_server_url"),
        ({"temperature": 0.5}, "the native backend takes no temperature"),
        ({"prompt_label": "table"}, "use_layout_detection"),
        ({"max_pixels": 0}, "greater than"),
    ],
)
def test_options_that_paddleocr_would_swallow_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        options(**values)


def test_what_alters_the_page_is_off_unless_asked_for() -> None:
    told = options().build_arguments()
    assert (told["use_doc_orientation_classify"], told["use_doc_unwarping"]) == (False, False)
    assert told["use_chart_recognition"] is False
    assert options().wanted_roles() == ("layout_detection", "vl_rec")
    assert options(use_doc_unwarping=True).wanted_roles()[-1] == "doc_unwarping"
    assert options(**SERVER).wanted_roles() == ("layout_detection",)


def test_settings_left_alone_are_left_to_paddleocr() -> None:
    assert options().predict_arguments() == {"layout_shape_mode": "auto", "vlm_extra_args": {}}
    told = options(max_new_tokens=9, vlm_extra_args={"table_max_pixels": 5}).predict_arguments()
    assert told == {"layout_shape_mode": "auto", "max_new_tokens": 9, "vlm_extra_args": {"table_max_pixels": 5}}


def test_values_by_class_arrive_as_paddleocr_takes_them() -> None:
    given = json.loads('{"layout_threshold": {"0": 0.5}, "layout_unclip_ratio": [1.0, 1.2]}')
    told = options(**given, markdown_ignore_labels=["footer"]).build_arguments()
    assert told["layout_threshold"] == {0: 0.5}
    assert told["layout_unclip_ratio"] == [1.0, 1.2]
    assert told["markdown_ignore_labels"] == ["footer"]


def test_fingerprint_holds_what_changes_outputs_and_neither_keys_nor_places() -> None:
    changing = options(**SERVER, vl_rec_api_key="sesame", flags={"a": "b"}, request_timeout_s=3).changing_outputs()
    assert not {"vl_rec_api_key", "vl_rec_server_url", "flags", "request_timeout_s", "server_pages"} & changing.keys()
    assert changing["vl_rec_backend"] == "vllm-server"
    assert changing["pipeline_version"] == "v1.6"
    assert "sesame" not in json.dumps(changing)
    assert options(max_pixels=5000).changing_outputs() != options().changing_outputs()


def test_key_and_url_are_shown_nowhere() -> None:
    shown = repr(options(**SERVER, vl_rec_api_key="sesame"))
    assert "sesame" not in shown
    assert "word" not in shown
    assert options(**SERVER, vl_rec_api_key="sesame").build_arguments()["vl_rec_api_key"] == "sesame"


def test_missing_library_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchocr.engines.paddle.runtime.find_spec", lambda _: None)
    with pytest.raises(
        SetupError, match=r'paddleocr is not installed; install it with: pip install "batchocr\[paddle\]"'
    ):
        PaddleOcrVlEngine.describe(options())


def test_missing_weights_are_told_by_name_and_folder(tmp_path: Path) -> None:
    write_static_model(tmp_path)
    with pytest.raises(SetupError, match=r"PaddleOCR-VL-1\.6-0\.9B in .*official_models.PaddleOCR-VL-1\.6"):
        find_models(options(), {"PADDLE_PDX_CACHE_HOME": str(tmp_path)})


def test_weights_are_told_apart_by_what_their_files_hold(tmp_path: Path) -> None:
    write_static_model(tmp_path)
    folder = write_vl_model(tmp_path)
    environ = {"PADDLE_PDX_CACHE_HOME": str(tmp_path)}
    before = weights_hashes(options(), find_models(options(), environ))

    (folder / "config.json").write_text('{"other": 1}')
    after = weights_hashes(options(), find_models(options(), environ))

    assert len(before) == 2
    assert [name for name in before if before[name] != after[name]] == ["vl_rec PaddleOCR-VL-1.6-0.9B"]
    assert all(len(digest) == 64 for digest in before.values())


def test_own_folders_are_looked_at_instead_and_handed_on(tmp_path: Path) -> None:
    layout, reader = write_static_model(tmp_path / "a"), write_vl_model(tmp_path / "b")
    own = options(layout_detection_model_dir=layout, vl_rec_model_dir=reader)

    found = find_models(own, {"PADDLE_PDX_CACHE_HOME": str(tmp_path / "nowhere")})

    assert [model.folder for model in found] == [layout, reader]
    assert model_arguments(own) == {"layout_detection_model_dir": str(layout), "vl_rec_model_dir": str(reader)}


@pytest.fixture
def own_yaml(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(
        "pipeline_name: PaddleOCR-VL-1.6\nuse_chart_recognition: true\nSubModules:\n"
        "  LayoutDetection: {model_name: PP-DocLayoutV3}\n  VLRecognition: {model_name: PaddleOCR-VL-1.6-0.9B}\n",
        "utf-8",
    )
    return path


def test_users_own_configuration_counts_more_than_our_defaults_and_less_than_options_given(own_yaml: Path) -> None:
    assert "use_chart_recognition" not in options(paddlex_config=own_yaml).build_arguments()
    told = options(paddlex_config=own_yaml, use_chart_recognition=False).build_arguments()
    assert told["use_chart_recognition"] is False


def test_library_that_cannot_run_the_language_model_is_named_for_the_others_alone(own_yaml: Path) -> None:
    told = build_configuration(options(paddlex_config=own_yaml, engine="onnxruntime", engine_config={"a": 1}))
    parts = told["paddlex_config"]["SubModules"]
    assert parts["LayoutDetection"]["engine"] == "onnxruntime"
    assert parts["LayoutDetection"]["engine_config"] == {"onnxruntime": {"a": 1}}
    assert "engine" not in parts["VLRecognition"]
    assert "engine" not in told
    with_server = build_configuration(options(**SERVER, engine="onnxruntime"))
    assert with_server == {"engine": "onnxruntime", "engine_config": None}


def test_unreadable_configuration_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        find_models(options(paddlex_config=tmp_path / "none.yaml"), {})
