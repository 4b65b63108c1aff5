"""Which engine a run takes when the user names none."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.documents import png_page

from batchocr import runs
from batchocr.config import RunSettings, build_settings
from batchocr.errors import ConfigError


def settings(folder: Path, **more: object) -> RunSettings:
    png_page(folder / "a.png", "hello")
    return build_settings({"inputs": (str(folder / "a.png"),), "output": folder / "out", "engine": "auto", **more})


def test_engine_that_lacks_an_option_is_passed_over(tmp_path: Path) -> None:
    plan = runs.plan(settings(tmp_path, mode="ocr"))
    assert plan.engine == "ppocr"


def test_option_that_no_engine_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="colour"):
        runs.plan(settings(tmp_path, engine_options={"colour": "blue"}))
