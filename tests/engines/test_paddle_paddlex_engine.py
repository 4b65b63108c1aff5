from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from batchocr.engines.paddle.hashes import ENDS_BYTES, WHOLE_BYTES, model_hashes
from batchocr.engines.paddle.models import Model
from batchocr.engines.paddlex.configuration import check_names, pipeline_configuration, shipped_yaml
from batchocr.engines.paddlex.engine import PaddlexEngine, engine_config
from batchocr.engines.paddlex.options import PaddlexOptions
from batchocr.errors import ConfigError, EngineError, SetupError


def test_misspelt_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="text_det_tresh"):
        PaddlexOptions.model_validate({"text_det_tresh": 0.3})


def test_only_options_that_were_set_become_arguments() -> None:
    options = PaddlexOptions.model_validate(
        {"text_det_thresh": 0.4, "text_detection_model_dir": "models/det", "use_doc_unwarping": False}
    )
    assert options.ocr_arguments() == {
        "text_det_thresh": 0.4,
        "text_detection_model_dir": str(Path("models/det")),
        "use_doc_unwarping": False,
    }


def test_importing_the_engine_imports_nothing_of_paddle() -> None:
    code = (
        "import sys, batchocr.engines.paddlex.engine; names = {'paddle', 'paddlex', 'paddleocr', 'cv2', 'onnxruntime'};"
        "print(sorted(names & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_missing_library_names_the_extra_to_install() -> None:
    code = (
        "from batchocr.engines.paddle import runtime\n"
        "runtime.find_spec = lambda name: None\n"
        "from batchocr.engines.paddlex.engine import PaddlexEngine as E\n"
        "E.describe(E.Options())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'engine paddlex: the library paddlex is not installed; install it with: pip install "batchocr[paddle]"' in (
        run.stderr
    )


def test_recognizing_before_loading_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="before it is loaded"):
        list(PaddlexEngine(PaddlexOptions()).recognize([]))


CPU_PADDLE = {"enable_cinn": False, "mkldnn_cache_capacity": 10, "cpu_threads": 3}


@pytest.mark.parametrize(
    ("options", "engine", "device", "expected"),
    [
        ({}, None, "cpu", {"paddle_static": CPU_PADDLE}),
        ({}, "paddle_static", "cpu:1", CPU_PADDLE),
        ({"enable_mkldnn": False}, "paddle_static", "cpu",
         {"enable_cinn": False, "run_mode": "paddle", "cpu_threads": 3}),
        ({}, "paddle_static", "gpu:0", {"enable_cinn": False, "run_mode": "paddle"}),
        ({"use_tensorrt": True, "precision": "fp16"}, "paddle_static", "gpu:0",
         {"enable_cinn": False, "run_mode": "trt_fp16"}),
        ({}, "onnxruntime", "cpu", {"intra_op_num_threads": 3, "enable_cpu_mem_arena": False}),
        ({}, "transformers", "cpu", None),
        ({"engine_config": {"cpu_threads": 1}}, "paddle_static", "cpu", {"cpu_threads": 1}),
    ],
)  # fmt: skip
def test_library_gets_its_threads_and_switches(
    options: dict[str, Any], engine: str | None, device: str, expected: dict[str, Any] | None
) -> None:
    given = PaddlexOptions.model_validate({"cpu_threads": 3, **options})
    assert engine_config(given, engine, device) == expected


def test_swallowed_argument_is_refused_by_name() -> None:
    check_names("predict", {"layout_nms": True}, ["layout_nms"])
    with pytest.raises(
        ConfigError, match=r"predict has an unknown argument 'layout_mns'\. Known arguments: layout_nms"
    ):
        check_names("predict", {"layout_mns": True}, ["layout_nms"])


def test_argument_that_is_an_option_is_told_so() -> None:
    with pytest.raises(ConfigError, match="'device' \\(an engine option"):
        check_names("init", {"device": "gpu"}, [])


SHIPPED = """\
pipeline_name: OCR   # a comment
use_doc_preprocessor: True
use_table_recognition: True
SubPipelines:
  DocPreprocessor:
    use_doc_unwarping: True  # flattens
"""


@pytest.fixture
def paddlex_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with nothing but the configuration of pipelines."""
    folder = tmp_path / "site" / "paddlex" / "configs" / "pipelines"
    folder.mkdir(parents=True)
    (tmp_path / "site" / "paddlex" / "__init__.py").touch()
    for name in ("OCR", "doc_preprocessor"):
        (folder / f"{name}.yaml").write_text(SHIPPED.replace("OCR", name), "utf-8")
    monkeypatch.delitem(sys.modules, "paddlex", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


@pytest.mark.usefixtures("paddlex_files")
def test_what_alters_the_page_is_off_unless_asked_for() -> None:
    text = shipped_yaml("OCR")
    assert "use_doc_preprocessor: False\n" in text
    assert "    use_doc_unwarping: False  # flattens\n" in text
    assert "use_table_recognition: True\n" in text
    assert "# a comment" in text


@pytest.mark.usefixtures("paddlex_files")
def test_pipeline_that_is_there_to_alter_the_page_does() -> None:
    assert shipped_yaml("doc_preprocessor") == SHIPPED.replace("OCR", "doc_preprocessor")


@pytest.mark.usefixtures("paddlex_files")
def test_pipeline_that_the_installed_paddlex_lacks_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match="has no pipeline layout_parsing"):
        shipped_yaml("layout_parsing")


def own_file(folder: Path, text: str) -> Path:
    file = folder / "my.yaml"
    file.write_text(text, "utf-8")
    return file


def test_own_file_is_taken_as_it_is(tmp_path: Path) -> None:
    pipeline, configuration = pipeline_configuration(PaddlexOptions(config=own_file(tmp_path, SHIPPED)))
    assert pipeline.name == "OCR"
    assert configuration["use_doc_preprocessor"] is True


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a: [", {}, "no YAML"),
        ("- 1", {}, "holds no settings"),
        ("a: 1", {}, "no `pipeline_name`"),
        ("pipeline_name: ts_forecast", {}, "no pipeline 'ts_forecast'"),
        (SHIPPED, {"pipeline": "seal_recognition"}, "of the pipeline OCR, not seal_recognition"),
        (SHIPPED, {"init": {"layout_nms": True}}, "leave `init` out"),
        ("pipeline_name: PP-StructureV3", {"text_det_thresh": 0.2}, "`init`, as PPStructureV3 names them"),
        ("pipeline_name: layout_parsing", {"init": {"layout_nms": True}}, "engines config layout_parsing"),
    ],
)
def test_wrong_configuration_says_what_is_wrong(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    given = PaddlexOptions.model_validate({"config": own_file(tmp_path, text), **options})
    with pytest.raises(ConfigError, match=message):
        pipeline_configuration(given)


def model(folder: Path, name: str = "PP-OCRv6_small_det", *, wanted: bool = True) -> Model:
    return Model(name, "SubModules.TextDetection", folder, name, wanted=wanted)


def test_other_weights_of_the_same_name_have_another_hash(tmp_path: Path) -> None:
    (tmp_path / "inference.onnx").write_bytes(b"first")
    before = model_hashes([model(tmp_path)])
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "left-behind").touch()
    assert model_hashes([model(tmp_path)]) == before
    (tmp_path / "inference.onnx").write_bytes(b"other")
    assert model_hashes([model(tmp_path)]).keys() == before.keys() == {"SubModules.TextDetection PP-OCRv6_small_det"}
    assert model_hashes([model(tmp_path)]) != before


def test_large_weights_are_told_apart_by_size_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    hashes = []
    for size, end in ((WHOLE_BYTES + ENDS_BYTES, b"a"), (WHOLE_BYTES + ENDS_BYTES, b"b"), (WHOLE_BYTES + 1, b"b")):
        with file.open("wb") as stream:  # sparse
            stream.seek(size - 1)
            stream.write(end)
        hashes.append(str(model_hashes([model(tmp_path)])))
    assert len(set(hashes)) == 3


def test_models_that_are_switched_off_are_not_hashed(tmp_path: Path) -> None:
    assert model_hashes([model(tmp_path / "nowhere", wanted=False)]) == {}
