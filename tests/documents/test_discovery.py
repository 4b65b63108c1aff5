from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest
from document_builders import pdf, written

from batchocr.datatypes import FoundFolder
from batchocr.documents.discovery import discover
from batchocr.errors import InputError

PDF = pdf()
links = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a right on Windows")


def found(*inputs: str | Path, excluded: tuple[Path, ...] = ()) -> list[FoundFolder]:
    return list(discover([str(given) for given in inputs], excluded=excluded))


def sources(folders: list[FoundFolder]) -> list[str]:
    return [file.relative for folder in folders for file in folder.files]


def refused(folders: list[FoundFolder]) -> dict[str, str]:
    return {file.relative: file.reason for folder in folders for file in folder.refused}


def test_folder_is_walked_in_sorted_order_parents_first(tmp_path) -> None:
    for name in ("b/z.pdf", "b/a.pdf", "a/x/1.pdf", "c.pdf"):
        written(tmp_path / "in" / name, PDF)
    folders = found(tmp_path / "in")
    assert [folder.parent for folder in folders] == ["", "a/x", "b"]
    assert sources(folders) == ["c.pdf", "a/x/1.pdf", "b/a.pdf", "b/z.pdf"]
    assert {folder.root.label for folder in folders} == {""}
    file = folders[0].files[0]
    status = (tmp_path / "in" / "c.pdf").stat()
    assert (file.identity.size_bytes, file.identity.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_content_decides_but_a_document_ending_is_never_passed_over(tmp_path) -> None:
    written(tmp_path / "scan.dat", PDF)
    written(tmp_path / "notes.txt", b"hello")
    written(tmp_path / "empty.pdf", b"")
    written(tmp_path / "garbage.TIFF", b"garbage")
    assert sources(found(tmp_path)) == ["empty.pdf", "garbage.TIFF", "scan.dat"]


def test_named_file_is_given_whatever_it_is(tmp_path) -> None:
    path = written(tmp_path / "in" / "notes.txt", b"hello")
    written(tmp_path / "in" / "other.pdf", PDF)
    folders = found(path)
    assert sources(folders) == ["notes.txt"]
    assert folders[0].root.path == str(tmp_path / "in")
    assert folders[0].names == ("notes.txt", "other.pdf")


def test_names_hold_subfolders_and_all_that_ends_like_a_document(tmp_path) -> None:
    for name in ("x.pdf", "x.png", "x.txt", "sub/y.pdf", "empty/z.txt"):
        written(tmp_path / name, PDF if name.endswith(".pdf") else b"")
    assert found(tmp_path)[0].names == ("empty", "sub", "x.pdf", "x.png")


def test_hidden_names_and_excluded_folders_are_not_entered(tmp_path) -> None:
    for name in ("a.pdf", ".hidden.pdf", ".git/b.pdf", ".batchocr/c.pdf", "output/d.pdf"):
        written(tmp_path / name, PDF)
    folders = found(tmp_path, excluded=(tmp_path / "output",))
    assert sources(folders) == ["a.pdf"]
    assert folders[0].names == (".hidden.pdf", "a.pdf")
    assert found(tmp_path / "output", excluded=(tmp_path / "output",)) == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.pdf", ["a.pdf"]),
        ("**/*.pdf", ["a.pdf", "s/b.pdf", "s/t/c.pdf"]),
        ("s/*", ["b.pdf", "d.png", "t/c.pdf"]),
        ("[as]*", ["a.pdf", "s/b.pdf", "s/d.png", "s/t/c.pdf"]),
        ("**/?.png", ["s/d.png"]),
    ],
)
def test_glob_takes_what_it_matches_and_folders_whole(tmp_path, pattern: str, expected: list[str]) -> None:
    for name in ("a.pdf", "s/b.pdf", "s/d.png", "s/t/c.pdf", "other/.x.pdf"):
        written(tmp_path / name, PDF)
    folders = found(tmp_path / pattern)
    assert sources(folders) == expected
    assert folders[0].root.path == str(tmp_path / "s" if pattern.startswith("s/") else tmp_path)


def test_file_whose_name_looks_like_a_glob_is_taken_as_a_file(tmp_path) -> None:
    path = written(tmp_path / "a[1].pdf", PDF)
    written(tmp_path / "a1.pdf", PDF)
    assert sources(found(path)) == ["a[1].pdf"]


def test_list_is_read_relative_to_its_own_folder(tmp_path) -> None:
    written(tmp_path / "in/x/a.pdf", PDF)
    written(tmp_path / "in/y/b.pdf", PDF)
    written(tmp_path / "lists/l.txt", b"# wanted\n\n../in/x/a.pdf\n../in/y/b.pdf\n../in/y/gone.pdf\n")
    folders = found(f"@{tmp_path}/lists/l.txt")
    assert sources(folders) == ["x/a.pdf", "y/b.pdf"]
    assert folders[0].root.path == str(tmp_path / "in")
    assert list(refused(folders)) == ["y/gone.pdf"]


def test_file_found_twice_is_given_once_whatever_the_order(tmp_path) -> None:
    inner = written(tmp_path / "in/sub/a.pdf", PDF)
    outer = tmp_path / "in"
    for inputs in ((outer, inner), (inner, outer), (outer / "sub", outer), (outer / "**/*.pdf", inner, inner)):
        assert sources(found(*inputs)) == ["sub/a.pdf"]
    assert sources(found(inner, f"@{written(tmp_path / 'l.txt', b'in/sub/a.pdf')}")) == ["a.pdf"]


def test_roots_of_one_name_get_labels_that_differ(tmp_path) -> None:
    written(tmp_path / "a/in/1.pdf", PDF)
    written(tmp_path / "b/in/2.pdf", PDF)
    folders = found(tmp_path / "a/in", tmp_path / "b/in")
    digests = [hashlib.sha256(os.fsencode(tmp_path / name / "in")).hexdigest()[:8] for name in "ab"]
    assert [folder.root.label for folder in folders] == [f"in-{digest}" for digest in digests]


def test_input_that_does_not_exist_is_an_error_before_anything_is_given(tmp_path) -> None:
    written(tmp_path / "in/a.pdf", PDF)
    empty = written(tmp_path / "empty.txt", b"# nothing\n")
    for missing in (tmp_path / "gone", tmp_path / "in/*.png", f"@{tmp_path}/gone.txt", f"@{empty}"):
        with pytest.raises(InputError):
            discover([str(tmp_path / "in"), str(missing)])


def test_empty_folder_gives_nothing(tmp_path) -> None:
    assert found(tmp_path) == []


@links
def test_links_that_leave_the_root_are_refused_with_a_reason(tmp_path) -> None:
    written(tmp_path / "secret/s.pdf", PDF)
    written(tmp_path / "in/a.pdf", PDF)
    (tmp_path / "in/file.pdf").symlink_to(tmp_path / "secret/s.pdf")
    (tmp_path / "in/folder").symlink_to(tmp_path / "secret")
    (tmp_path / "in/dangling.pdf").symlink_to(tmp_path / "nothing.pdf")
    (tmp_path / "in/loop.pdf").symlink_to(tmp_path / "in/loop.pdf")
    folders = found(tmp_path / "in")
    assert sources(folders) == ["a.pdf"]
    assert set(refused(folders)) == {"file.pdf", "folder", "dangling.pdf", "loop.pdf"}
    assert "leaves the input folder" in refused(folders)["file.pdf"]
    assert set(refused(found(tmp_path / "in/file.pdf"))) == {"file.pdf"}


@links
def test_linked_file_is_given_only_where_its_target_is_not_found_anyway(tmp_path) -> None:
    written(tmp_path / "a.pdf", PDF)
    written(tmp_path / ".store/b.pdf", PDF)
    (tmp_path / "copy.pdf").symlink_to(tmp_path / "a.pdf")
    (tmp_path / "b.pdf").symlink_to(tmp_path / ".store/b.pdf")
    (tmp_path / "again").symlink_to(tmp_path)
    folders = found(tmp_path)
    assert sources(folders) == ["a.pdf", "b.pdf"]
    assert refused(folders) == {}


@links
def test_list_cannot_reach_out_through_a_linked_folder(tmp_path) -> None:
    written(tmp_path / "secret/s.pdf", PDF)
    written(tmp_path / "in/a.pdf", PDF)
    (tmp_path / "in/way").symlink_to(tmp_path / "secret")
    listed = written(tmp_path / "in/l.txt", b"a.pdf\nway/s.pdf\n")
    folders = found(f"@{listed}")
    assert sources(folders) == ["a.pdf"]
    assert list(refused(folders)) == ["way/s.pdf"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_named_pipe_is_refused_and_never_opened(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    assert list(refused(found(tmp_path))) == ["pipe.pdf"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is unreadable to this user")
def test_what_may_not_be_read_is_refused_with_a_reason(tmp_path) -> None:
    Path(written(tmp_path / "a.pdf", PDF)).chmod(0)
    written(tmp_path / "shut/b.pdf", PDF)
    (tmp_path / "shut").chmod(0)
    try:
        assert set(refused(found(tmp_path))) == {"a.pdf", "shut"}
    finally:
        (tmp_path / "shut").chmod(0o700)


@pytest.mark.skipif(sys.platform != "linux", reason="this file system wants Unicode names")
def test_name_that_is_not_utf8_is_found(tmp_path) -> None:
    name = os.fsdecode(b"caf\xe9.pdf")
    written(tmp_path / name, PDF)
    assert sources(found(tmp_path)) == [name]
    assert sources(found(tmp_path / name)) == [name]


def test_walk_is_a_stream_that_looks_no_further_than_it_was_asked(tmp_path) -> None:
    written(tmp_path / "a/1.pdf", PDF)
    written(tmp_path / "b/2.pdf", PDF)
    folders = discover([str(tmp_path)])
    assert next(folders).parent == "a"
    written(tmp_path / "b/3.pdf", PDF)
    assert [file.relative for file in next(folders).files] == ["b/2.pdf", "b/3.pdf"]
