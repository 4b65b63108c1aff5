"""Rules that no other tool checks: sizes, names, light imports, and documents that agree with the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from support.missing import missing

from batchocr.errors import ExitCode, FailureKind

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "batchocr"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 60
VAGUE_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}
HEAVY = {"cv2", "numpy", "onnxruntime", "openvino", "paddle", "pandas", "pydantic", "pypdfium2"}
# Where the project happens to be checked out is nobody's business.
MACHINE_PATH = re.compile(rb"(?<![\w.~/-])/(?:work|root)/[\w.-]")

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def named(module: Path) -> str:
    return str(module.relative_to(ROOT))


def definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Gives the functions, classes and methods of a module, not those inside a function."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node.body, f"{prefix}{node.name}.")


def needs_docstring(name: str, node: Definition) -> bool:
    decorators = {ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list}
    return not any(part.startswith("_") for part in name.split(".")) and not decorators & {"overload", "setter"}


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_module_is_short(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_MODULE_LINES


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_functions_are_short(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    lengths = {
        f"{node.name} (line {node.lineno})": (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_public_names_have_docstrings(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    bare = [
        name for name, node in definitions(tree.body) if needs_docstring(name, node) and ast.get_docstring(node) is None
    ]
    if ast.get_docstring(tree) is None:
        bare.insert(0, "the module itself")
    assert bare == []


def test_no_module_is_vague_or_named_like_the_standard_library() -> None:
    names = {module.stem for module in MODULES} | {folder.name for folder in PACKAGE.rglob("*/")}
    assert names & VAGUE_NAMES == set()
    assert (names - {"__main__"}) & sys.stdlib_module_names == set()


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "batchocr", "--help"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "click" in loaded
    assert {name for name in loaded if name.split(".")[0] in HEAVY} == set()


def table(markdown: str, first_heading: str) -> list[list[str]]:
    """Gives the rows of the table whose first column is headed `first_heading`, without the heading."""
    rows: list[list[str]] = []
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        inside = bool(rows) and line.startswith("|")
        if inside or cells[0].lower() == first_heading:
            rows.append(cells)
        elif rows:
            break
    return rows[2:]


def test_readme_lists_every_exit_code() -> None:
    rows = table((ROOT / "README.md").read_text(encoding="utf-8"), "code")
    assert [(row[0], row[1]) for row in rows] == [(str(code.value), code.name.lower()) for code in ExitCode]


def test_readme_lists_every_failure_kind() -> None:
    rows = table((ROOT / "README.md").read_text(encoding="utf-8"), "failure kind")
    assert [row[0] for row in rows] == [f"`{kind.value}`" for kind in FailureKind]


def test_changelog_has_an_unreleased_section() -> None:
    assert re.search(r"^## \[Unreleased\]$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_no_text_names_a_path_of_the_machine() -> None:
    if not (ROOT / ".git").exists():
        missing("not a git checkout, so there is no list of the project's files")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    files = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    texts = {file: file.read_bytes() for file in files if file.is_file()}
    named_in = [
        str(file.relative_to(ROOT))
        for file, content in texts.items()
        if b"\0" not in content and MACHINE_PATH.search(content)
    ]
    assert named_in == []
