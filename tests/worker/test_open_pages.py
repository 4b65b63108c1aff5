from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from batchocr.worker.open_pages import OpenPagesNote, read_note, read_open_pages


def test_last_note_is_read_back(tmp_path: Path) -> None:
    with closing(OpenPagesNote(str(tmp_path / "note"))) as note:
        note.note([(7, 1), (7, 2), (9, 1)])
        note.note([(8, 4)], 123)
        assert read_note(str(tmp_path / "note")) == (((8, 4),), 123)


def test_short_note_after_a_very_long_one_is_read_back(tmp_path: Path) -> None:
    with closing(OpenPagesNote(str(tmp_path / "note"))) as note:
        note.note([(7, page_no) for page_no in range(1, 5001)])
        assert read_open_pages(str(tmp_path / "note")) == tuple((7, page_no) for page_no in range(1, 5001))
        note.note([(7, 5001)])
        assert read_open_pages(str(tmp_path / "note")) == ((7, 5001),)


@pytest.mark.parametrize("content", [None, b"", b'{"pages": [[1, 2], [1,', b'{"task": 1}', b"[[1, 2]]"])
def test_absent_or_torn_note_blames_nobody(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "note").write_bytes(content)
    assert read_note(str(tmp_path / "note")) == ((), None)
