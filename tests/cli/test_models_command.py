"""`batchocr models`, against folders that hold next to nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.model_folders import write_static_model, write_vl_model

from batchocr.cli.main import main
from batchocr.errors import ExitCode


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gives PaddleX's cache folder, in which v1.6 is whole."""
    home = tmp_path / "cache"
    write_static_model(home)
    write_vl_model(home)
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(home))
    return home


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: ExitCode = ExitCode.OK) -> dict[str, Any]:
    assert main(["models", *arguments, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    return found


def test_list_tells_what_each_version_needs_and_lacks(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "v1.6: all that it needs is there" in text
    assert "v1.5: 1 missing (batchocr models pull v1.5)" in text
    assert f"  missing  PaddleOCR-VL-1.5-0.9B  {home}/official_models/PaddleOCR-VL-1.5\n" in text
    assert "  off      UVDoc" in text


def test_list_as_json_has_every_model_with_its_folder(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "list", "v1.6")
    assert found["cache_home"] == str(home)
    states = {model["name"]: (model["wanted"], model["present"]) for model in found["pipelines"]["v1.6"]}
    assert states["PaddleOCR-VL-1.6-0.9B"] == (True, True)
    assert states["UVDoc"] == (False, False)


def test_pipeline_that_is_a_file_is_listed(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("SubModules:\n  TextDetection: {model_name: Det, model_dir: own/det}\n")
    (model,) = answer(capsys, "list", str(file))["pipelines"][str(file)]
    assert (model["name"], model["folder"]) == ("Det", str(Path("own/det")))


def test_cache_home_can_be_named(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "list", "--cache-home", str(tmp_path / "other"))
    assert not any(model["present"] for models in found["pipelines"].values() for model in models)


def test_verify_finds_the_file_that_is_cut_short_and_answers_4(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "verify", "v1.6")["faults"] == []
    weights = home / "official_models" / "PaddleOCR-VL-1.6" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])

    (fault,) = answer(capsys, "verify", "v1.6", code=ExitCode.SETUP)["faults"]

    assert (fault["file"], fault["model"]) == (str(weights), "PaddleOCR-VL-1.6-0.9B")
    assert "pull --force v1.6" in fault["remedy"]
    assert main(["models", "verify"]) == ExitCode.SETUP
    text = capsys.readouterr().out
    assert "whole    PP-DocLayoutV3" in text
    assert "cut short" in " ".join(text.split())


def test_verify_without_a_name_looks_at_what_is_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "verify")["checked"] == ["PP-DocLayoutV3", "PaddleOCR-VL-1.6-0.9B"]


def test_verify_of_a_pipeline_that_is_not_there_answers_4(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = answer(capsys, "verify", "v1", code=ExitCode.SETUP)["faults"]
    assert {fault["message"] for fault in faults} == {"there is no such folder"}


def test_pack_and_unpack_bring_models_to_another_machine(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack, other = str(tmp_path / "pack.tar"), str(tmp_path / "other")
    packed = answer(capsys, "pack", "v1.6", "-o", pack)
    assert packed["models"] == ["PP-DocLayoutV3", "PaddleOCR-VL-1.6-0.9B"]
    assert packed["bytes"] == Path(pack).stat().st_size

    assert main(["models", "unpack", pack, "--cache-home", other]) == ExitCode.OK

    assert capsys.readouterr().out.startswith("unpacked  PP-DocLayoutV3  ")
    assert answer(capsys, "verify", "v1.6", "--cache-home", other)["faults"] == []
    states = {model["state"] for model in answer(capsys, "unpack", pack, "--cache-home", other)["models"]}
    assert states == {"kept"}


def test_each_refusal_has_its_exit_code_and_says_why(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "pack.tar"
    assert main(["models", "pack", "v1", "-o", str(pack)]) == ExitCode.SETUP
    assert "PP-DocLayoutV2" in capsys.readouterr().err
    assert main(["models", "unpack", str(pack)]) == ExitCode.INPUT
    assert str(pack) in capsys.readouterr().err
    assert main(["models", "pack", "v1.6", "-o", str(pack)]) == ExitCode.OK
    assert main(["models", "pack", "v1.6", "-o", str(pack)]) == ExitCode.STORAGE
    assert "--force" in capsys.readouterr().err
    (home / "official_models" / "PP-DocLayoutV3" / "inference.json").write_text('{"program": {"other": 1}}')
    assert main(["models", "unpack", str(pack)]) == ExitCode.STORAGE
    assert "PP-DocLayoutV3" in capsys.readouterr().err
    assert main(["models", "unpack", str(pack), "--force"]) == ExitCode.OK
    assert main(["models", "pack", "-o", str(pack)]) == ExitCode.USAGE


def test_pull_of_what_is_there_needs_no_network(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "v1.6"]) == ExitCode.OK
    assert capsys.readouterr().out == "Nothing was missing.\n"


def test_pull_leaves_damaged_models_alone_and_says_how_to_replace_them(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = home / "official_models" / "PaddleOCR-VL-1.6" / "config.json"
    config.write_text("{")
    found = answer(capsys, "pull", "v1.6", code=ExitCode.SETUP)
    assert found["pulled"] == []
    assert [fault["file"] for fault in found["faults"]] == [str(config)]
    assert "--force" in found["faults"][0]["remedy"]


def test_pull_without_paddlex_says_what_to_install(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchocr.engines.paddle.pull.find_spec", lambda name: None)
    assert main(["models", "pull", "v1.5"]) == ExitCode.SETUP
    assert "batchocr[paddle]" in capsys.readouterr().err


def test_pull_does_not_write_into_a_folder_of_the_users_own(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchocr.engines.paddle.pull.find_spec", lambda name: name)
    file = tmp_path / "mine.yaml"
    file.write_text(f"SubModules:\n  TextDetection: {{model_name: Det, model_dir: '{tmp_path}/own'}}\n")
    assert main(["models", "pull", str(file)]) == ExitCode.SETUP
    assert f"{tmp_path}/own" in capsys.readouterr().err
    assert not (tmp_path / "own").exists()


def test_a_terminal_sees_a_bar_and_a_log_one_line(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["models", "pack", "v1.6", "-o", str(tmp_path / "a.tar")])
    assert len(capsys.readouterr().err.splitlines()) == 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(["models", "pack", "v1.6", "-o", str(tmp_path / "b.tar")])
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["list", "verify", "pack", "unpack", "pull"])
def test_every_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", name, "--help"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "--json" in text
    assert "--cache-home" in text
    assert len(text.split()) > 40
