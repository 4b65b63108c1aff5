from __future__ import annotations

from pathlib import Path

import pytest

from batchocr.config import check_apart
from batchocr.errors import ConfigError


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.pdf").write_bytes(b"x")
    (tmp_path / "out" / "doc").mkdir(parents=True)
    (tmp_path / "link").symlink_to("in")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("item", "output"),
    [
        ("in", "in"), ("in", "in/out"), ("in", "link/out"), (".", "out"), ("in/", "in/deep/x"),
        ("in", "in/a.pdf"),
    ],
)  # fmt: skip
def test_output_in_an_input_folder_is_refused(item: str, output: str) -> None:
    with pytest.raises(ConfigError, match="-o"):
        check_apart([item], Path(output))


@pytest.mark.parametrize("item", ["out/doc", "out/*.pdf", "out/doc/x.pdf", "out"])
def test_input_in_the_output_folder_is_refused(item: str) -> None:
    with pytest.raises(ConfigError, match="own results"):
        check_apart([item], Path("out"))


@pytest.mark.parametrize(
    "item", ["in", "in/a.pdf", "*.pdf", "in/*", "*/*.pdf", "**/*.jpg", "@list.txt", "link", "gone"]
)
def test_output_beside_the_inputs_is_fine(item: str) -> None:
    check_apart([item], Path("out"))


def test_output_beside_a_file_in_the_same_folder_is_fine() -> None:
    check_apart(["in/a.pdf"], Path("in/out"))
