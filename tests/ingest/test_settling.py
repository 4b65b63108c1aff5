from __future__ import annotations

import pytest

from batchocr.datatypes import FileIdentity, InputRoot, SourceFile
from batchocr.ingest.settling import Settling, is_temporary


def file(name: str, size: int = 1) -> SourceFile:
    return SourceFile(InputRoot("/in", ""), name, f"/in/{name}", FileIdentity(size, 0, 1))


@pytest.mark.parametrize("name", ["a.pdf.part", "a.CRDOWNLOAD", "~$a.pdf", ".a.pdf", "a.tmp", "~lock.a.pdf"])
def test_names_of_unfinished_files_are_known(name: str) -> None:
    assert is_temporary(name)


@pytest.mark.parametrize("name", ["a.pdf", "part.pdf", "~a.pdf", "a.tmp.pdf"])
def test_names_of_documents_are_not_taken_for_those(name: str) -> None:
    assert not is_temporary(name)


def test_file_settles_once_it_was_seen_unchanged_for_long_enough() -> None:
    settling = Settling(10)
    assert settling.look([file("a")], 100) == ([], [file("a")])
    assert settling.look([file("a")], 109) == ([], [file("a")])
    assert settling.look([file("a")], 110) == ([file("a")], [])


def test_file_that_grows_waits_anew() -> None:
    settling = Settling(10)
    settling.look([file("a"), file("b")], 100)
    assert settling.look([file("a", 2), file("b")], 110) == ([file("b")], [file("a", 2)])
    assert settling.next_s(112) == 8
    assert settling.look([file("a", 2)], 120) == ([file("a", 2)], [])
    assert settling.next_s(120) is None


def test_file_that_went_and_came_back_waits_anew() -> None:
    settling = Settling(10)
    settling.look([file("a")], 100)
    settling.look([], 105)
    assert settling.look([file("a")], 111) == ([], [file("a")])


def test_without_a_time_to_settle_every_file_has_settled_at_once() -> None:
    assert Settling(0).look([file("a")], 1) == ([file("a")], [])
