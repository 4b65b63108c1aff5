"""Fixtures for all tests: a clean environment for each, and the corpus of real documents."""

from __future__ import annotations

import os
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


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Gives the folder of the corpus, which is read only."""
    if not (CORPUS / "manifest.json").is_file():
        missing(f"no corpus of real documents at {CORPUS}; name its folder in BATCHOCR_CORPUS")
    return CORPUS
