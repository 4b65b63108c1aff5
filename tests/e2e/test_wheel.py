"""The package as pip installs it, not as a checkout has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed from a wheel; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a build leaves folders behind
    for name in ("batchocr", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([*PIP, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    # Or pip would take the checkout's own installation away.
    options = ("--no-deps", "--ignore-installed", "--prefix", folder / "prefix")
    subprocess.run([*PIP, "install", *options, wheel], check=True)
    return folder


def run_installed(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (package,) = (installed / "prefix").rglob("batchocr/__main__.py")
    environment = {**os.environ, "PYTHONPATH": str(package.parents[1])}
    command = [sys.executable, "-m", "batchocr", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(180)
def test_wheel_holds_everything_that_is_no_python(installed: Path) -> None:
    (wheel,) = installed.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    inside = {name for name in names if name.startswith("batchocr/") and not name.endswith(".py")}
    kept = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "batchocr").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert inside == kept
    profiles = {name.rpartition("/")[2] for name in names if "/share/batchocr/configs/" in name}
    assert profiles == {path.name for path in (ROOT / "configs").glob("*.yaml")}


@pytest.mark.timeout(180)
def test_profile_of_an_installed_package_is_found(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    ran = run_installed(installed, tmp_path, "run", "in", "-o", "out", "--profile", "cpu", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    unknown = run_installed(installed, tmp_path, "run", "in", "-o", "out", "--profile", "nothing")
    assert unknown.returncode == 2
    assert "kaggle-t4x2" in unknown.stderr
