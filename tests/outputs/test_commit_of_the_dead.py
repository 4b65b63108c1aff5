"""The commit of a finisher that has died is brought to its end, wherever it stood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchocr.outputs.commit import FolderCommit, finish_commit
from batchocr.outputs.manifest import SCHEMA


def stage(tmp_path: Path, commit_id: str, text: str) -> FolderCommit:
    commit = FolderCommit(tmp_path / "out", tmp_path / "state", "a", commit_id)
    (commit.staging / "a.md").write_text(text)
    manifest = {"schema": SCHEMA, "commit_id": commit_id, "folder": "a", "files": {}}
    (commit.staging / "manifest.json").write_text(json.dumps(manifest))
    return commit


def finish(tmp_path: Path, commit_id: str) -> bool:
    return finish_commit(tmp_path / "out", tmp_path / "state", "a", commit_id)


def left(tmp_path: Path) -> list[Path]:
    return [path for name in ("staging", "trash") for path in (tmp_path / "state" / name).glob("*")]


@pytest.fixture(autouse=True)
def output(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_before_its_commit_point_nothing_is_left_of_it(tmp_path: Path) -> None:
    stage(tmp_path, "one", "text")
    assert not finish(tmp_path, "one")
    assert left(tmp_path) == []
    assert not (tmp_path / "out" / "a").exists()


def test_past_its_commit_point_its_folder_takes_its_place_and_it_may_be_tried_again(
    tmp_path: Path, output: Path
) -> None:
    staging = stage(tmp_path, "one", "text").staging
    staging.rename(staging.with_name("one.ready"))
    assert finish(tmp_path, "one")
    assert left(tmp_path) == []
    assert (output / "a" / "a.md").read_text() == "text"
    stage(tmp_path, "one", "again").commit(force=True)
    assert (output / "a" / "a.md").read_text() == "again"


def test_after_the_exchange_the_old_folder_is_deleted(tmp_path: Path, output: Path) -> None:
    stage(tmp_path, "old", "old").commit(force=False)
    (output / "a").rename(tmp_path / "state" / "staging" / "new.ready")
    staging = stage(tmp_path, "new", "new").staging
    staging.rename(output / "a")
    assert finish(tmp_path, "new")
    assert left(tmp_path) == []
    assert (output / "a" / "a.md").read_text() == "new"


def test_folder_of_another_commit_is_not_taken_for_its_own(tmp_path: Path) -> None:
    stage(tmp_path, "old", "old").commit(force=False)
    assert not finish(tmp_path, "new")
