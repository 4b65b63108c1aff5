from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from batchocr.cli.main import main
from batchocr.errors import ExitCode


@pytest.fixture
def _paddlex_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site" / "paddlex" / "configs" / "pipelines"
    folder.mkdir(parents=True)
    (tmp_path / "site" / "paddlex" / "__init__.py").touch()
    for name in ("OCR", "PaddleOCR-VL-1.6"):
        (folder / f"{name}.yaml").write_text(f"\npipeline_name: {name}\nuse_doc_preprocessor: True  # turns\n", "utf-8")
    monkeypatch.delitem(sys.modules, "paddlex", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.mark.usefixtures("_paddlex_files")
@pytest.mark.parametrize("name", ["OCR", "PaddleOCR", "paddlex"])
def test_configuration_of_a_pipeline_is_written_to_edit(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "config", name]) == ExitCode.OK
    text = capsys.readouterr().out
    assert text.startswith("# batchocr run INPUT --engine paddlex --engine-option config=")
    assert "# turns" in text
    assert yaml.safe_load(text) == {"pipeline_name": "OCR", "use_doc_preprocessor": False}


@pytest.mark.usefixtures("_paddlex_files")
@pytest.mark.parametrize("name", ["paddleocr-vl", "v1.6", "PaddleOCR-VL-1.6"])
def test_configuration_of_the_other_engine_says_how_that_one_takes_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["engines", "config", name]) == ExitCode.OK
    text = capsys.readouterr().out
    assert text.startswith("# batchocr run INPUT --engine paddleocr-vl --engine-option paddlex_config=")
    assert yaml.safe_load(text)["pipeline_name"] == "PaddleOCR-VL-1.6"


@pytest.mark.parametrize("name", ["OCRR", "PPChatOCRv4Doc"])
def test_pipeline_that_cannot_be_run_is_a_usage_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "config", name]) == ExitCode.USAGE
    assert capsys.readouterr().out == ""


def test_help_of_the_group_names_the_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--help"]) == ExitCode.OK
    assert "Write the configuration of a pipeline, to edit." in capsys.readouterr().out
