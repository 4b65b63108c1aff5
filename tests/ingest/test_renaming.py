from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from batchocr.ingest.renaming import copy_new, numbered, rename_new


def test_taken_name_is_left_alone_by_renaming_and_copying_and_nothing_stays_behind(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    new.write_text("new")
    with pytest.raises(FileExistsError):
        rename_new(old, new)
    with pytest.raises(FileExistsError):
        copy_new(old, tmp_path / "beside", new)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"old": "old", "new": "new"}


def test_copy_has_the_times_of_the_original(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("old")
    copy_new(old, tmp_path / "beside", tmp_path / "new")
    assert (tmp_path / "new").stat().st_mtime_ns == old.stat().st_mtime_ns
    assert {path.name for path in tmp_path.iterdir()} == {"old", "new"}


def test_numbers_stand_before_the_ending_of_a_file_and_behind_the_name_of_a_folder() -> None:
    assert [path.name for path in islice(numbered(Path("a.b.pdf")), 3)] == ["a.b.pdf", "a.b~2.pdf", "a.b~3.pdf"]
    assert [path.name for path in islice(numbered(Path("a.b"), stem=False), 2)] == ["a.b", "a.b~2"]
    assert all(len(path.name) == 255 for path in islice(numbered(Path("x" * 251 + ".pdf")), 3))
