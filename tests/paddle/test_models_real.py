"""What batchocr says of models and versions, against the real PaddleX and real files."""

from __future__ import annotations

import json
from importlib.metadata import requires, version
from pathlib import Path

import pytest

from batchocr.cli.main import main
from batchocr.engines.paddle.checkup import OPENCV, OPENCV_VERSION, check_paddle, read_build
from batchocr.engines.paddle.models import (
    ALWAYS_SAFETENSORS,
    VL_NAMES,
    config_models,
    format_of,
    pipeline_models,
    pipeline_names,
    place_of,
    read_config,
    vl_models,
)
from batchocr.engines.paddle.verify import verify_models
from batchocr.engines.paddle.weight_files import paddle_fault
from batchocr.errors import ExitCode


@pytest.mark.parametrize("name", VL_NAMES)
def test_versions_are_made_of_what_paddlex_says(name: str, tmp_path: Path) -> None:
    own = {(model.name, model.folder, model.format, model.wanted) for model in vl_models(VL_NAMES[name], tmp_path)}
    theirs = config_models(read_config(name), tmp_path)
    assert {(model.name, model.folder, model.format, model.wanted) for model in theirs} == own


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        ("OCR", {"PP-OCRv6_medium_det", "PP-OCRv6_medium_rec", "PP-LCNet_x1_0_textline_ori"}),
        ("PP-StructureV3", {"PP-DocLayout_plus-L", "SLANet_plus", "PP-FormulaNet_plus-L"}),
        ("seal_recognition", {"PP-OCRv4_server_seal_det"}),
        ("doc_understanding", {"PP-DocBee2-3B"}),
    ],
)
def test_models_of_pipelines_come_from_the_installed_paddlex(pipeline: str, expected: set[str], tmp_path: Path) -> None:
    wanted = {model.name for model in pipeline_models(pipeline, tmp_path) if model.wanted}
    assert expected <= wanted
    assert "PP-Chart2Table" not in wanted


def test_every_pipeline_of_paddlex_can_be_listed(tmp_path: Path) -> None:
    assert len(pipeline_names()) > 30
    for name in pipeline_names():
        models = pipeline_models(name, tmp_path)
        assert len({model.folder for model in models}) == len(models)


@pytest.mark.parametrize(
    "name",
    ["PP-DocLayoutV3", "UVDoc", "PP-OCRv6_small_det", "PaddleOCR-VL-0.9B", "PaddleOCR-VL-1.6-0.9B", "PP-Chart2Table"],
)
@pytest.mark.parametrize("engine", ["paddle_static", "paddle_dynamic", "onnxruntime"])
def test_folders_are_those_in_which_paddlex_looks(name: str, engine: str) -> None:
    from paddlex.inference.models import _get_inference_engine, _get_supported_engines
    from paddlex.inference.utils.official_models import _resolve_download_model_names

    if engine not in _get_supported_engines(name):
        engine = "paddle_dynamic"
    formats = _get_inference_engine(engine).get_supported_model_formats()
    first = _resolve_download_model_names(name, formats)[0]
    place = first.replace("-0.9B", "") if "PaddleOCR-VL" in first else first
    assert place_of(name, format_of(engine)) == place
    assert (_get_supported_engines(name)[0] != "paddle_static") == (
        name in ALWAYS_SAFETENSORS or name.startswith("PaddleOCR-VL")
    )


def test_pins_are_those_of_the_installed_paddlex() -> None:
    assert any(line.startswith(f"{OPENCV}=={OPENCV_VERSION}") for line in requires("paddlex") or [])


@pytest.mark.filterwarnings("ignore::UserWarning")  # Paddle's own, at its import
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_parameters_that_paddle_wrote_are_measured_to_the_byte(tmp_path: Path) -> None:
    import paddle
    from paddle import nn

    net = nn.Sequential(nn.Conv2D(3, 4, 3), nn.BatchNorm2D(4))
    net.eval()
    spec = [paddle.static.InputSpec([None, 3, 8, 8], "float32")]
    paddle.jit.save(net, str(tmp_path / "inference"), input_spec=spec)
    file = tmp_path / "inference.pdiparams"
    content = file.read_bytes()

    assert paddle_fault(file) is None
    for length in (len(content) - 1, len(content) // 2, len(content) // 3, 5):
        file.write_bytes(content[:length])
        assert "cut short" in (paddle_fault(file) or "")


def test_installed_paddle_is_asked_in_a_child() -> None:
    build, error = read_build()
    assert error == ""
    assert build is not None
    assert (build.version, build.fused_norm) == (version("paddlepaddle"), True)


def test_this_environment_has_nothing_that_doctor_calls_a_problem(tmp_path: Path) -> None:
    assert [finding for finding in check_paddle(tmp_path, (), {}) if finding.state == "problem"] == []


@pytest.mark.parametrize("version", VL_NAMES.values())
def test_models_that_the_real_pipeline_runs_with_are_whole(version: str, paddle_home: Path) -> None:
    assert verify_models(vl_models(version, paddle_home)) == ()


def test_doctor_reads_a_page_with_paddleocr_vl(
    paddle_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(paddle_home))
    code = main(["doctor", "--engine", "paddleocr-vl", "--devices", "cpu", "-o", str(tmp_path), "--json"])
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["findings"]}
    assert (code, found["smoke cpu"]["state"]) == (ExitCode.OK, "ok"), found
    assert found["models v1.6"]["state"] == "ok"
