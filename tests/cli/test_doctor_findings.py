"""What `batchocr doctor` says of GPUs, of Paddle and of a page that it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.model_folders import write_static_model, write_vl_model

from batchocr.cli.main import main
from batchocr.devices import Finding
from batchocr.devices.checkup import check_gpus
from batchocr.devices.gpu_facts import GpuFacts, parse_smi_facts
from batchocr.engines.paddle import checkup
from batchocr.engines.paddle.checkup import Build, check_paddle
from batchocr.errors import ExitCode

GIB = 1 << 30
T4 = GpuFacts("GPU-1", "Tesla T4", "550.54.15", (7, 5), 14 * GIB, 15 * GIB)
P100 = GpuFacts("GPU-2", "Tesla P100-PCIE-16GB", "550.54.15", (6, 0), 15 * GIB, 16 * GIB)
H100 = GpuFacts("GPU-3", "NVIDIA H100", "570.1", (9, 0), 70 * GIB, 80 * GIB)
WHOLE = {
    "paddlepaddle": "3.3.1", "paddlex": "3.7.2", "paddleocr": "3.7.0", "safetensors": "0.8.0", "numpy": "2.3.5",
    "opencv-contrib-python": "4.10.0.84",
}  # fmt: skip
CPU_BUILD = Build("3.3.1", "", True)


def looked_at(
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    versions: dict[str, str],
    *gpus: GpuFacts,
    build: Build | None = CPU_BUILD,
    environ: dict[str, str] | None = None,
) -> dict[str, Finding]:
    """Gives the findings by name, on a machine with these packages and GPUs."""
    monkeypatch.setattr(checkup, "installed_versions", lambda names: {n: v for n, v in versions.items() if n in names})
    monkeypatch.setattr(checkup, "read_build", lambda: (build, "" if build else "Illegal instruction"))
    return {finding.name: finding for finding in check_paddle(home, gpus, environ or {})}


def test_answer_of_nvidia_smi_is_read() -> None:
    text = "GPU-1, Tesla T4, 550.54.15, 7.5, 14336, 15360\nGPU-2, Old, 390.1, [N/A], [N/A], [N/A]\nNo devices found\n"
    assert parse_smi_facts(text) == (T4, GpuFacts("GPU-2", "Old", "390.1"))


def test_gpu_whose_memory_is_taken_is_noted() -> None:
    full = GpuFacts("GPU-1", "Tesla T4", "550.54.15", (7, 5), GIB, 15 * GIB)
    roomy, taken = check_gpus((T4, full))
    assert (roomy.state, taken.state) == ("ok", "note")
    assert "14.0 of 15.0 GiB free" in roomy.message
    assert "compute capability 7.5" in roomy.message
    assert "nvidia-smi" in taken.remedy


def test_without_paddle_old_gpus_are_told_at_once_and_without_a_child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checkup, "installed_versions", lambda names: {})
    monkeypatch.setattr(checkup, "launch", None)
    finding, t4, p100 = check_paddle(tmp_path, (T4, P100), {})
    assert finding.state == "note"
    assert "batchocr[paddle]" in finding.remedy
    assert (t4.state, p100.state) == ("note", "problem")


def test_whole_install_with_its_models_is_fine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_static_model(tmp_path)
    write_vl_model(tmp_path)
    found = looked_at(monkeypatch, tmp_path, WHOLE)
    assert {finding.state for finding in found.values()} == {"ok"}
    assert {"paddle", "paddle libraries", "opencv", "font", "models v1.6"} == set(found)


def test_old_and_new_gpus_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    versions = {**WHOLE, "paddlepaddle-gpu": "3.3.1"}
    del versions["paddlepaddle"]
    found = looked_at(monkeypatch, tmp_path, versions, T4, P100, H100, build=Build("3.3.1", "12.6", True))
    states = [found[f"{gpu.name} for Paddle"].state for gpu in (T4, P100, H100)]
    assert states == ["note", "problem", "ok"]
    assert "vLLM" in found["Tesla T4 for Paddle"].message
    assert found["driver"].state == "ok"


@pytest.mark.parametrize(
    ("driver", "cuda", "state"),
    [
        ("550.54.15", "12.6", "ok"),
        ("470.1", "12.6", "problem"),
        ("550.54.15", "13.0", "problem"),
        ("580.1", "13.0", "ok"),
    ],
)
def test_driver_must_be_new_enough_for_the_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, driver: str, cuda: str, state: str
) -> None:
    gpu = GpuFacts("GPU-3", "NVIDIA H100", driver, (9, 0))
    found = looked_at(monkeypatch, tmp_path, WHOLE, gpu, build=Build("3.3.1", cuda, True))
    assert found["driver"].state == state


def test_cpu_build_beside_a_gpu_names_the_line_that_installs_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finding = looked_at(monkeypatch, tmp_path, WHOLE, H100)["paddle"]
    assert finding.state == "note"
    assert "paddlepaddle-gpu==3.3.1 -i https://" in finding.remedy


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({"paddlepaddle-gpu": "3.3.1"}, "paddle", "problem", "pip uninstall"),
        ({"paddlepaddle": None}, "paddle", "note", "pip install paddlepaddle"),
        ({"safetensors": None}, "paddle libraries", "problem", "batchocr[paddle]"),
        ({"safetensors": "0.6.2.dev0"}, "safetensors", "problem", "safetensors>=0.7"),
        ({"numpy": "2.4.0"}, "numpy", "note", "numpy<2.4"),
        ({"opencv-contrib-python": None}, "opencv", "problem", "opencv-contrib-python==4.10.0.84"),
        ({"opencv-contrib-python": "4.12.0.88"}, "opencv", "problem", "opencv-contrib-python==4.10.0.84"),
        ({"opencv-python": "4.10.0.84"}, "opencv", "note", "uninstall opencv-contrib-python opencv-python"),
    ],
)
def test_version_that_does_not_fit_is_found_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, str | None], name: str, state: str, words: str
) -> None:
    versions = {package: version for package, version in {**WHOLE, **changes}.items() if version}
    finding = looked_at(monkeypatch, tmp_path, versions)[name]
    assert finding.state == state
    assert words in finding.remedy


def test_build_that_cannot_be_imported_or_lacks_the_kernel_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = looked_at(monkeypatch, tmp_path, WHOLE, build=None)["paddle"]
    assert (broken.state, "Illegal instruction" in broken.message) == ("problem", True)
    old = looked_at(monkeypatch, tmp_path, WHOLE, build=Build("3.0.0", "", False))["paddle kernels"]
    assert (old.state, "server" in old.remedy) == ("problem", True)


def test_windows_kernel_is_noted_on_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    finding = looked_at(monkeypatch, tmp_path, WHOLE)["paddle kernels"]
    assert finding.state == "note"
    assert "fuse_rms_norm" in finding.message


def test_font_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    variable = "PADDLE_PDX_LOCAL_FONT_FILE_PATH"
    gone = looked_at(monkeypatch, tmp_path, WHOLE, environ={variable: str(tmp_path / "gone.ttf")})["font"]
    (tmp_path / "my.ttf").touch()
    there = looked_at(monkeypatch, tmp_path, WHOLE, environ={variable: str(tmp_path / "my.ttf")})["font"]
    assert (gone.state, there.state) == ("problem", "ok")


def test_missing_and_damaged_models_are_told_with_their_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = looked_at(monkeypatch, tmp_path / "home", WHOLE)["models v1.6"]
    assert missing.state == "note"
    assert str(tmp_path / "home" / "official_models" / "PaddleOCR-VL-1.6") in missing.message
    write_static_model(tmp_path / "home")
    (write_vl_model(tmp_path / "home") / "config.json").unlink()
    damaged = looked_at(monkeypatch, tmp_path / "home", WHOLE)["models v1.6"]
    assert damaged.state == "problem"
    assert "config.json" in damaged.message
    assert "models pull --force v1.6" in damaged.remedy


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["findings"]}


def test_doctor_reads_a_page_on_the_devices_of_an_engine_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["doctor", "--engine", "fake", "--devices", "cpu:0,cpu:1", "-o", str(tmp_path), "--json"]) == ExitCode.OK
    )
    found = findings(capsys)
    assert found["smoke cpu"]["state"] == "ok"
    assert "words in" in found["smoke cpu"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_doctor_reads_no_page_when_told_not_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--engine", "fake", "--no-smoke", "-o", str(tmp_path), "--json"]) == ExitCode.OK
    assert "smoke cpu" not in findings(capsys)


def test_doctor_answers_4_when_the_page_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an engine that runs here, and a page that no renderer opens
    monkeypatch.setattr("batchocr.cli.smoke.draw_page", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n no picture"))
    # When doctor reads it
    code = main(["doctor", "--engine", "fake", "--devices", "cpu", "-o", str(tmp_path), "--json"])
    # Then that is a problem, with a kind and a command to see more
    assert code == ExitCode.SETUP
    finding = findings(capsys)["smoke cpu"]
    assert finding["state"] == "problem"
    assert finding["message"].startswith("document_unreadable")
    assert "batchocr run" in finding["remedy"]


def test_options_of_the_engine_reach_the_smoke_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--engine-option", "load_error=no weights there"]
    assert main(["doctor", "--engine", "fake", *options, "-o", str(tmp_path), "--json"]) == ExitCode.SETUP
    findings = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["smoke cpu"]["state"] == "problem"
    assert "no weights there" in findings["smoke cpu"]["message"]


def test_options_without_an_engine_are_refused(tmp_path: Path) -> None:
    assert main(["doctor", "--engine-option", "page_seconds=1", "-o", str(tmp_path)]) == ExitCode.USAGE
