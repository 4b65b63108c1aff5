"""`models pull` through the real PaddleX: from a hub on this machine, and where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.model_folders import write_static_model, write_vl_model
from support.model_hub import Hub, hub_of

from batchocr.cli.main import main
from batchocr.engines.paddle.models import vl_models
from batchocr.engines.paddle.pull import pull_models
from batchocr.errors import ExitCode, SetupError


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Gives the only hub there is, which has v1.6."""
    write_static_model(tmp_path / "hub")
    write_vl_model(tmp_path / "hub")
    monkeypatch.setenv("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    with hub_of(tmp_path / "hub" / "official_models") as served:
        monkeypatch.setenv("PADDLE_PDX_HUGGING_FACE_ENDPOINT", served.url)
        yield served


def names(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "official_models").iterdir())


def test_models_are_pulled_into_their_places_and_nothing_else_is_left(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    assert main(["models", "pull", "v1.6", "--cache-home", str(home)]) == ExitCode.OK
    assert capsys.readouterr().out.count("pulled ") == 2
    assert names(home) == ["PP-DocLayoutV3", "PaddleOCR-VL-1.6"]
    for file in hub.folders.glob("*/*"):
        assert (home / "official_models" / file.relative_to(hub.folders)).read_bytes() == file.read_bytes()
    assert main(["models", "verify", "v1.6", "--cache-home", str(home)]) == ExitCode.OK


def test_damaged_model_is_replaced_by_force(hub: Hub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(hub.folders, home / "official_models")
    (home / "official_models" / "PP-DocLayoutV3" / "inference.json").write_text("{")
    assert main(["models", "pull", "v1.6", "--cache-home", str(home)]) == ExitCode.SETUP
    assert main(["models", "pull", "v1.6", "--force", "--cache-home", str(home)]) == ExitCode.OK
    assert main(["models", "verify", "v1.6", "--cache-home", str(home)]) == ExitCode.OK
    assert names(home) == ["PP-DocLayoutV3", "PaddleOCR-VL-1.6"]


def test_model_that_is_not_whole_on_the_hub_gets_no_place(hub: Hub, tmp_path: Path) -> None:
    weights = hub.folders / "PaddleOCR-VL-1.6" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    with pytest.raises(SetupError, match=r"model\.safetensors: it is cut short"):
        pull_models(vl_models("v1.6", tmp_path / "home")[:2], tmp_path / "home", "v1.6", timeout_s=60)
    assert names(tmp_path / "home") == []


def test_hub_that_sends_nothing_is_given_up(hub: Hub, tmp_path: Path) -> None:
    hub.stuck.clear()
    with pytest.raises(SetupError, match="longer than 3 s"):
        pull_models(vl_models("v1.6", tmp_path / "home")[:1], tmp_path / "home", "v1.6", timeout_s=3)
    assert names(tmp_path / "home") == []


def test_without_a_network_pull_says_how_to_bring_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine from which no hub answers
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    # When models are pulled
    assert main(["models", "pull", "v1.6", "--cache-home", str(tmp_path)]) == ExitCode.SETUP
    # Then the message names them, and the way around
    words = capsys.readouterr().err
    assert "PaddleOCR-VL-1.6-0.9B" in words
    assert "batchocr models unpack pack.tar" in words
    assert names(tmp_path) == []
