from __future__ import annotations

from pathlib import Path

import pytest

from batchocr.engines.paddlex.names import PIPELINES, find_pipeline, runnable_pipeline
from batchocr.errors import ConfigError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "paddlex.md"


@pytest.mark.parametrize("name", ["PP-StructureV3", "PPStructureV3", "pp_structurev3"])
def test_pipeline_is_known_by_each_of_its_names(name: str) -> None:
    assert find_pipeline(name).name == "PP-StructureV3"


def test_names_of_paddleocr_vl_mean_the_newest() -> None:
    assert find_pipeline("PaddleOCRVL").name == "PaddleOCR-VL-1.6"


def test_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean PP-StructureV3"):
        find_pipeline("PP-StructureV2")


def test_no_name_at_all_is_no_pipeline() -> None:
    with pytest.raises(ConfigError, match="There is no pipeline ''"):
        find_pipeline("")


@pytest.mark.parametrize(
    ("name", "reason"), [("PaddleOCR-VL", "--engine paddleocr-vl"), ("PPChatOCRv4Doc", "chat model")]
)
def test_pipeline_that_the_engine_does_not_run_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        runnable_pipeline(name)


def test_document_shows_the_same_names() -> None:
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    named = {row[0]: row[1:3] for row in rows}
    for pipeline in PIPELINES:
        assert named.get(pipeline.name) == [pipeline.paddleocr_class, pipeline.paddleocr_command], pipeline.name
