from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchocr.outputs.manifest import read_manifest, write_manifest

OURS = {"schema": 1, "commit_id": "c", "folder": "a", "files": {}}


def test_a_manifest_is_read_back(tmp_path: Path) -> None:
    write_manifest(tmp_path, {**OURS, "source": "\udcff"})
    assert read_manifest(tmp_path) == {**OURS, "source": "\udcff"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        "[" * 100_000,
        json.dumps({**OURS, "schema": 2}),
        json.dumps({**OURS, "files": []}),
        '{"schema": 1}',
        "\xff",
    ],
)
def test_what_is_not_our_manifest_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    assert read_manifest(tmp_path) is None


def test_a_folder_without_manifest_has_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
