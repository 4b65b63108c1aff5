from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from batchocr.launcher import launch

MODULE = """\
import json, os, sys
def main():
    json.dump({"arguments": sys.argv[1:], "colour": os.environ.get("COLOUR"), "path": sys.path,
               "session": os.getsid(0) == os.getpid(), "input": sys.stdin.read()}, sys.stdout)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "launched_by_a_test.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return "launched_by_a_test"


def said(process: subprocess.Popen[bytes], words: bytes = b"") -> dict[str, object]:
    import json

    out, _ = process.communicate(words, timeout=30)
    return json.loads(out)  # type: ignore[no-any-return]


def test_child_gets_arguments_environment_and_input_and_leads_a_session(module: str) -> None:
    process = launch(module, environment={"COLOUR": "blue"}, arguments=["a b", "-c"], stdout=subprocess.PIPE)
    answer = said(process, b"hello")
    assert (answer["arguments"], answer["colour"], answer["input"]) == (["a b", "-c"], "blue", "hello")
    assert answer["session"] is True
    assert "COLOUR" not in os.environ


def test_current_folder_is_not_searched_for_modules(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / "json.py").write_text("raise SystemExit(99)\n")
    monkeypatch.chdir(hostile)
    answer = said(launch(module, stdout=subprocess.PIPE))
    assert "" not in answer["path"]  # type: ignore[operator]
    assert str(hostile) not in answer["path"]  # type: ignore[operator]


def test_end_of_input_tells_the_child_that_its_parent_is_gone(module: str) -> None:
    process = launch(module, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.poll() is None
    process.stdin.close()
    assert process.stdout is not None
    assert b'"input": ""' in process.stdout.read()
    process.stdout.close()
    assert process.wait(30) == 0


@pytest.mark.parametrize("way", ["script", "-c", "stdin"])
def test_children_start_from_any_kind_of_program(module: str, tmp_path: Path, way: str) -> None:
    program = (
        "import subprocess\nfrom batchocr.launcher import launch\n"
        f"child = launch({module!r}, stdout=subprocess.PIPE)\n"
        "print(len(child.communicate(b'')[0]) > 10)\n"
    )
    (tmp_path / "unguarded.py").write_text(program)
    arguments = {"script": [str(tmp_path / "unguarded.py")], "-c": ["-c", program], "stdin": ["-"]}[way]
    done = subprocess.run(
        [sys.executable, *arguments], input=program if way == "stdin" else None, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr
