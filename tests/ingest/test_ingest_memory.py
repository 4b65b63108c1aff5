from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchocr.datatypes import FileIdentity
from batchocr.errors import StorageError
from batchocr.ingest.memory import Memory, Remembered


def test_what_was_put_is_there_the_next_time_whatever_the_name(tmp_path: Path) -> None:
    name = os.fsdecode(b"/in/caf\xe9\n.pdf")
    entry = Remembered(FileIdentity(1, 2, 3), "trying", "digest", 2, "folder")
    memory = Memory(tmp_path / "memory.json")
    memory.put(name, entry)
    memory.put("/in/b.pdf", entry)
    memory.forget("/in/b.pdf")
    memory.save()
    assert list(Memory(tmp_path / "memory.json")) == [(name, entry)]


def test_nothing_is_written_unless_something_changed(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    memory.forget("/in/a.pdf")
    memory.save()
    assert not (tmp_path / "memory.json").exists()


@pytest.mark.parametrize("content", ["{", '{"schema": 1}', '{"schema": 1, "files": {"a": {"identity": [1]}}}', "[]"])
def test_damaged_memory_is_refused_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "memory.json").write_text(content)
    with pytest.raises(StorageError, match=r"is damaged .* Delete it"):
        Memory(tmp_path / "memory.json")


def test_memory_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text('{"schema": 99, "files": {}}')
    with pytest.raises(StorageError, match="upgrade batchocr"):
        Memory(tmp_path / "memory.json")
