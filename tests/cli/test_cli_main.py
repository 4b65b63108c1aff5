from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from batchocr import __version__
from batchocr.cli import main as cli
from batchocr.config import describe_settings
from batchocr.errors import BatchOcrError, ConfigError, ExitCode, InputError, RunFailedError, SetupError, StorageError


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    @click.command("status")
    def command() -> None:
        raise error

    monkeypatch.setattr("batchocr.cli.status.command", command)
    return cli.main(["status"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2), (InputError("x"), 3), (SetupError("x"), 4), (StorageError("x"), 5),
        (RunFailedError("x"), 7), (BatchOcrError("x"), 1), (KeyboardInterrupt(), 130), (click.UsageError("x"), 2),
    ],
)  # fmt: skip
def test_every_error_has_its_exit_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(monkeypatch, error) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    assert told.err


def test_fault_of_ours_shows_a_traceback_without_secrets_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(monkeypatch, ZeroDivisionError("api_key=hunter2")) == ExitCode.INTERNAL
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "Please report it" in told
    assert "hunter2" not in told


def test_help_lists_every_command_with_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, (_, words) in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(words.split()[0])}", text, re.MULTILINE)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_for_all_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = cli.group.get_command(click.Context(cli.group), name)
    assert command is not None
    assert command.name == name
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name
    assert cli.main([name, "--help"]) == 0
    assert f"batchocr {name}" in capsys.readouterr().out


def test_run_help_names_every_setting_with_default_and_unit(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for setting in describe_settings():
        if setting.flag == "INPUT":
            continue
        assert f"{setting.flag} " in text
        unit = f"{setting.unit}; " if setting.unit else ""
        assert f"[{unit}default: {setting.default_text}]" in text
        assert " ".join(setting.description.split()) in text


def test_retry_help_says_which_settings_are_those_of_the_last_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["retry", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "[tries; default: that of the last run]" in text
    assert "exit code 7 [default: none]" in text  # a time budget is for one run
    assert "[default: OUTPUT/.batchocr]" in text  # where the last run is looked for


def test_help_fits_a_terminal_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], *([name, "--help"] for name in cli.COMMANDS)):
        cli.main(arguments)
        wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > 80]
        assert wide == []


def test_version() -> None:
    answer = subprocess.run([sys.executable, "-m", "batchocr", "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout == f"batchocr {__version__}\n"


def test_group_help_imports_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "batchocr", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines()}
    assert "click" in loaded
    heavy = {
        "numpy",
        "pydantic",
        "yaml",
        "tqdm",
        "PIL",
        "pypdfium2",
        "cv2",
        "openvino",
        "onnxruntime",
        "paddle",
        "sqlite3",
    }
    assert loaded & heavy == set()
    assert "batchocr.runs" not in told


def test_folder_instead_of_a_command_is_told_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(tmp_path)]) == ExitCode.USAGE
    assert f"batchocr run {tmp_path}" in capsys.readouterr().err


def test_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "x", "--speed", "9"]) == ExitCode.USAGE
    assert "--speed" in capsys.readouterr().err


def test_wrong_setting_is_a_usage_error_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "x", "--dpi", "5"]) == ExitCode.USAGE
    assert capsys.readouterr().err == ("Error: --dpi '5': must be greater than or equal to 36 (pixels per inch).\n")


def test_reader_of_stdout_that_leaves_early_changes_no_exit_code(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "batchocr", "doctor", "--json", "-o", str(tmp_path)]
    answer = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert "BrokenPipe" not in answer.stderr
    assert answer.returncode in (ExitCode.OK, ExitCode.SETUP)
