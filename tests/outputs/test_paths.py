from __future__ import annotations

import os
import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.outputs.paths import folder_names, link, page_file

NAME = st.one_of(
    st.text(min_size=1, max_size=30),
    st.text(st.sampled_from("aAäÄß.~-_ 0f\n/:\\*" + "\udc80"), min_size=1, max_size=12),
    st.sampled_from(
        ["CON", "nul.pdf", "..", ".", "a.pdf", "A.PDF", "a.png", "a", "a.pdf.pdf", "report.html", ".batchocr", "-rf"]
    ),
    st.text("é漢x", min_size=90, max_size=300),
).filter(lambda name: "/" not in name and "\x00" not in name)
NAMES = st.lists(NAME, max_size=12, unique=True)
WINDOWS_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|(com|lpt)\d)\s*(\.|$)")


def is_safe(part: str) -> bool:
    return (
        part not in ("", ".", "..")
        and len(part.encode()) <= 100
        and not re.search(r'[\x00-\x1f\x7f<>:"/\\|?*]', part)
        and part[0] not in "-."
        and part[-1] not in ". "
        and not WINDOWS_DEVICE.match(part)
        and unicodedata.is_normalized("NFC", part)
    )


@given(NAMES, NAMES, st.lists(NAME, max_size=3).map("/".join), st.sampled_from(["", "scans", "a b"]))
def test_folders_differ_and_are_safe_everywhere(files: list[str], names: list[str], parent: str, label: str) -> None:
    folders = folder_names(label, parent, files, names)
    assert set(folders) == set(files)
    assert len({unicodedata.normalize("NFC", f).casefold() for f in folders.values()}) == len(files)
    assert all(is_safe(part) for folder in folders.values() for part in folder.split("/"))
    assert folders == folder_names(label, parent, files[::-1], names[::-1] + files)


@given(st.lists(NAME, min_size=2, max_size=2, unique=True))
def test_different_parent_folders_never_meet(parents: list[str]) -> None:
    one, other = (folder_names("", parent, ["x.pdf"], [])["x.pdf"] for parent in parents)
    assert one != other


@given(NAME, NAME)
def test_a_document_never_takes_the_place_of_a_sub_folder(file: str, folder: str) -> None:
    if file == folder:
        return
    inside = folder_names("", folder, ["x.pdf"], [])["x.pdf"]
    assert folder_names("", "", [file], [folder])[file] != PurePosixPath(inside).parts[0]


@pytest.mark.parametrize(
    ("files", "names", "expected"),
    [
        (["invoice.pdf"], [], {"invoice.pdf": "invoice"}),
        (["a.pdf", "a.png"], [], {"a.pdf": "a.pdf", "a.png": "a.png"}),
        (["a.pdf"], ["a.pdf", "A"], {"a.pdf": "a.pdf"}),
        (["a.pdf"], ["a.pdf"], {"a.pdf": "a"}),
        (["Übersicht (2) #1 50%.pdf"], [], {"Übersicht (2) #1 50%.pdf": "Übersicht (2) #1 50%"}),
        (["report.html.pdf"], [], {"report.html.pdf": "report.html.pdf"}),
        (["scan-20240101.pdf"], [], {"scan-20240101.pdf": "scan-20240101"}),
    ],
)
def test_names_stay_readable(files: list[str], names: list[str], expected: dict[str, str]) -> None:
    assert folder_names("", "", files, names) == expected


@pytest.mark.parametrize("name", ["CON.pdf", "-rf.pdf", "../x.pdf", "a\nb.pdf", os.fsdecode(b"\xff.pdf"), "x" * 300])
def test_hostile_names_get_a_hash(name: str) -> None:
    assert re.search(r"~[0-9a-f]{8}$", folder_names("", "", [name], [])[name])


def test_a_name_that_looks_hashed_cannot_be_chosen_to_clash() -> None:
    hashed = folder_names("", "", ["a:b.pdf"], [])["a:b.pdf"]
    assert folder_names("", "", ["a:b.pdf", f"{hashed}.pdf"], [])[f"{hashed}.pdf"] != hashed


def test_label_and_parent_stand_in_front() -> None:
    assert folder_names("scans", "2024/may", ["a.pdf"], []) == {"a.pdf": "scans/2024/may/a"}


@given(st.text(min_size=1).filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_a_link_leads_back_to_the_name(name: str) -> None:
    assert unquote(link(name)) == name
    assert re.fullmatch(r"[\w./~%-]*", link(name), re.ASCII)


@given(st.lists(st.text(max_size=80), min_size=2, max_size=2, unique=True))
def test_page_files_of_different_keys_differ_on_every_file_system(keys: list[str]) -> None:
    one, other = (page_file(3, key, ".jpg") for key in keys)
    assert one != other
    assert re.fullmatch(r"p0003_[a-z0-9_]{1,80}\.jpg", one)


def test_page_file_of_a_plain_key() -> None:
    assert page_file(3, "image_1", ".jpg") == "p0003_image_1.jpg"
