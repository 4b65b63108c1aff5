"""Which engine `auto` takes: one for GPUs only where there is a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.documents import png_page

from batchocr import runs
from batchocr.config import build_settings
from batchocr.errors import SetupError


def test_auto_does_not_read_for_minutes_a_page_without_a_gpu(tiny_models: Path, tmp_path: Path) -> None:
    assert runs.describe_engine("paddleocr-vl").name == "paddleocr-vl"  # it could run here
    (tmp_path / "in").mkdir()
    png_page(tmp_path / "in" / "a.png", "hello")
    settings = build_settings({"inputs": (str(tmp_path / "in"),), "output": tmp_path / "out", "engine": "auto"})
    with pytest.raises(SetupError, match="takes minutes for a page without a GPU") as caught:
        runs.run(settings, handle_signals=False)
    assert "ppocr" in str(caught.value)
    assert not (tmp_path / "out").exists()
