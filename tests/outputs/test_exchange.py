from __future__ import annotations

import sys
from pathlib import Path

import pytest

from batchocr.outputs.exchange import exchange


def test_two_folders_swap_places_or_nothing_happens(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    swapped = exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a/file").read_text() == ("b" if swapped else "a")
    assert (tmp_path / "b/file").read_text() == ("a" if swapped else "b")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux is known to have the call")
def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(FileNotFoundError, match="missing"):
        exchange(tmp_path / "a", tmp_path / "missing")
