from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.jobs import eventually

from batchocr.config import IngestSettings
from batchocr.ingest.notify import notify

TOLD = {"schema": 1, "line": "two read; $(touch pwned)", "exit_code": 0}
KEEP = "import sys; open('told.json', 'w').write(sys.stdin.read())"


def tell(folder: Path, *words: str, **values: Any) -> str:
    command = values.pop("notify", words)
    return notify(IngestSettings(notify=command, **values), TOLD, folder)


def test_command_gets_the_outcome_on_its_standard_input(tmp_path: Path) -> None:
    assert tell(tmp_path, sys.executable, "-c", KEEP) == ""
    assert json.loads((tmp_path / "told.json").read_text()) == TOLD


def test_no_command_no_fault(tmp_path: Path) -> None:
    assert tell(tmp_path) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="speaks sh")
def test_shell_has_no_part_in_it_unless_asked(tmp_path: Path) -> None:
    assert tell(tmp_path, notify="touch one > two") == ""
    assert {path.name for path in tmp_path.iterdir()} == {"one", ">", "two"}
    assert tell(tmp_path, notify="cat > three", notify_shell=True) == ""
    assert json.loads((tmp_path / "three").read_text()) == TOLD


def test_command_that_reads_nothing_is_no_fault(tmp_path: Path) -> None:
    assert tell(tmp_path, sys.executable, "-c", "pass") == ""


def test_failure_is_told_with_the_first_words_of_the_command(tmp_path: Path) -> None:
    fault = tell(tmp_path, sys.executable, "-c", "import sys; sys.exit('no such\\x1b[2J channel')")
    assert fault == "ended with exit code 1 and said: no such\\x1b[2J channel"


def test_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    assert "could not be started" in tell(tmp_path, str(tmp_path / "missing"))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="children of a child are found by their session")
def test_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    hang = (
        "import os, subprocess, sys, time;"
        " child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        " open('pid.new', 'w').write(str(child.pid)); os.rename('pid.new', 'pid'); time.sleep(60)"
    )
    fault = tell(tmp_path, sys.executable, "-c", hang, notify_timeout_s=3)
    assert "took longer than 3 s" in fault
    child = int((tmp_path / "pid").read_text())
    eventually(
        lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE,
        "the child's child to end",
    )
