"""`batchocr.run` from wherever Python code can come from."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from e2e_commands import batchocr, execute
from nbclient import NotebookClient
from support.documents import text_pdf

SNIPPET = """\
import batchocr
summary = batchocr.run("in", output="out", engine="fake", devices="cpu:0,cpu:1")
print("answer", int(summary.exit_code), summary.documents["done"], summary.pages_done)
"""
ANSWER = "answer 0 1 2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", ["one", "two"])
    return tmp_path


def test_run_works_from_a_script_without_a_guard(folder: Path) -> None:
    (folder / "script.py").write_text(SNIPPET, "utf-8")
    done = execute([sys.executable, "script.py"], folder)
    assert ANSWER in done.stdout, done.stderr


def test_run_works_from_standard_input(folder: Path) -> None:
    done = execute([sys.executable, "-"], folder, stdin=SNIPPET)
    assert ANSWER in done.stdout, done.stderr


def test_run_works_from_a_command_line_snippet(folder: Path) -> None:
    done = execute([sys.executable, "-c", SNIPPET], folder)
    assert ANSWER in done.stdout, done.stderr


def test_run_works_in_a_notebook_cell(folder: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SNIPPET)])
    NotebookClient(notebook, timeout=50, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    printed = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    assert ANSWER in printed
    assert "Warning" not in printed


@pytest.mark.parametrize("module", ["socket", "queue", "json", "logging"])
def test_a_module_among_the_inputs_is_never_imported(folder: Path, module: str) -> None:
    (folder / f"{module}.py").write_text("open('imported', 'w').close()\nraise SystemExit(99)\n", "utf-8")
    done = batchocr("run", "in", "-o", "out", "--engine", "fake", "--devices", "cpu", cwd=folder)
    assert done.returncode == 0, done.stderr
    if module == "socket":  # the interpreter itself imports the others before any code of ours
        done = execute([sys.executable, "-c", SNIPPET.replace('"out"', '"out2"')], folder)
        assert ANSWER in done.stdout, done.stderr
    assert not (folder / "imported").exists()


def test_a_job_file_can_be_given_and_overridden(folder: Path) -> None:
    (folder / "job.yaml").write_text("inputs: in\noutput: out\nengine: fake\ndevices: cpu\nformats: [md]\n", "utf-8")
    snippet = "import batchocr; print(batchocr.run(job='job.yaml', formats='json').documents)"
    done = execute([sys.executable, "-c", snippet], folder)
    assert "{'done': 1}" in done.stdout, done.stderr
    assert (folder / "out" / "a" / "a.json").is_file()
    assert not (folder / "out" / "a" / "a.md").exists()
