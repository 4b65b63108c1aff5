from __future__ import annotations

import traceback

import pytest

from batchocr.documents.passwords import PasswordFile
from batchocr.errors import ConfigError


def test_first_match_on_source_or_bare_name_wins(tmp_path) -> None:
    path = tmp_path / "passwords"
    path.write_text("# ours\n\n2024/*.pdf\tfirst\nsecret*.pdf\t with spaces \n*.pdf\tlast\n", "utf-8")
    passwords = PasswordFile.load(path)
    assert passwords.password_for("2024/secret.pdf") == "first"
    assert passwords.password_for("in/2023/secret 1.pdf") == " with spaces "
    assert passwords.password_for("in/x.pdf") == "last"
    assert passwords.password_for("x.png") is None


def test_malformed_line_is_named_by_number_and_never_shown(tmp_path) -> None:
    path = tmp_path / "passwords"
    path.write_text("*.pdf\tgood\nhunter2 without a tab\n", "utf-8")
    with pytest.raises(ConfigError, match="line 2") as caught:
        PasswordFile.load(path)
    assert "hunter2" not in str(caught.value)


def test_file_that_is_not_utf8_does_not_leak_into_the_traceback(tmp_path) -> None:
    path = tmp_path / "passwords"
    path.write_bytes(b"*.pdf\thunter2\xff\n")
    with pytest.raises(ConfigError, match="UTF-8") as caught:
        PasswordFile.load(path)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__suppress_context__


def test_missing_file_is_an_error_with_its_name(tmp_path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        PasswordFile.load(tmp_path / "nowhere")


def test_repr_shows_no_password(tmp_path) -> None:
    path = tmp_path / "passwords"
    path.write_text("*.pdf\thunter2\n", "utf-8")
    assert "hunter2" not in repr(PasswordFile.load(path))
