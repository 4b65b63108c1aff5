"""For all tests: a clean environment for each, the corpus of real documents, reports that can be sent."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from support.missing import missing

ROOT = Path(__file__).resolve().parent.parent
# Read at import: `clean_environment` takes the variable away from the tests.
CORPUS = Path(os.environ.get("BATCHOCR_CORPUS") or ROOT.parent / "shared" / "corpus")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes away every setting that the tester's shell has for batchocr."""
    for name in list(os.environ):
        if name.startswith("BATCHOCR_"):
            monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escapes file names that are not Unicode in what was captured: pytest-xdist cannot send them."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Gives the folder of the corpus, which is read only."""
    if not (CORPUS / "manifest.json").is_file():
        missing(f"no corpus of real documents at {CORPUS}; name its folder in BATCHOCR_CORPUS")
    return CORPUS
