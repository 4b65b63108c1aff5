from __future__ import annotations

from pathlib import Path

import pytest

from batchocr.engines.ppocr.dictionary import find_dictionary
from batchocr.errors import SetupError


def test_dictionary_in_the_metadata_comes_first(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_text("x\ny\n", "utf-8")
    found = find_dictionary(tmp_path / "inference.onnx", {"character": "a\nb\n "})
    assert found.characters == ("a", "b", " ")
    assert found.files == ()


def test_paddlex_file_gives_its_characters_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "inference.yml"
    path.write_text(
        "Global: {model_name: korean}\nPostProcess:\n  name: CTCLabelDecode\n"
        "  character_dict: [1, 2.0, no, ~, '''', 'null', \"\\u3042\", ' ', 가]\n",
        "utf-8",
    )
    found = find_dictionary(tmp_path / "inference.onnx", {})
    assert found.characters == ("1", "2.0", "no", "~", "'", "null", "あ", " ", "가")
    assert found.files == (path,)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("closed", [True, False])
def test_text_file_has_one_character_a_line(tmp_path: Path, ending: str, closed: bool) -> None:
    path = tmp_path / "korean_dict.txt"
    path.write_bytes("".join(f"{each}{ending}" for each in ("가", "\u3000", " ")).encode() + (b"" if closed else b"z"))
    found = find_dictionary(tmp_path / "model.onnx", {"other": "x"})
    assert found.characters == ("가", "\u3000", " ") + (() if closed else ("z",))
    assert found.files == (path,)


def test_no_dictionary_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is none; put its characters beside it"):
        find_dictionary(tmp_path / "model.onnx", {})


def test_several_dictionaries_are_named(tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("a\n", "utf-8")
    with pytest.raises(SetupError, match=r"several \(one\.txt, two\.txt\)"):
        find_dictionary(tmp_path / "model.onnx", {})


@pytest.mark.parametrize("content", [b"- [", b"PostProcess: 5", b"PostProcess: {character_dict: [[a]]}", b""])
def test_yaml_without_a_list_of_characters_is_no_dictionary(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "inference.yml").write_bytes(content)
    with pytest.raises(SetupError, match=r"there is none|no YAML"):
        find_dictionary(tmp_path / "model.onnx", {})


def test_dictionary_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_bytes("字".encode("gbk"))
    with pytest.raises(SetupError, match="not UTF-8"):
        find_dictionary(tmp_path / "model.onnx", {})


def test_huge_dictionary_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "dict.txt").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(SetupError, match="too large"):
        find_dictionary(tmp_path / "model.onnx", {})
