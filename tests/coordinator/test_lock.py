from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from batchocr.coordinator.lock import run_lock
from batchocr.errors import StorageError

HOLD = """\
import sys
from pathlib import Path
from batchocr.coordinator.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_second_holder_is_refused_with_host_and_pid_of_the_first(tmp_path: Path) -> None:
    with holder(tmp_path / "state") as process:
        holder_told = rf"{tmp_path} \(host {platform.node()}, pid {process.pid}, since 20"
        with pytest.raises(StorageError, match=holder_told), run_lock(tmp_path / "state"):
            pass
        process.kill()


def test_lock_of_a_killed_holder_is_free(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.kill()
    with run_lock(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / "lock.json").read_text()


def test_folders_may_be_the_same_one(tmp_path: Path) -> None:
    with run_lock(tmp_path, tmp_path):
        pass
    with run_lock(tmp_path):
        pass


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"), run_lock(tmp_path / "file" / "state"):
        pass
