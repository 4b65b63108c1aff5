"""`batchocr run` as installed: what it writes, what it answers, what it does the second time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e_commands import batchocr, states, status
from support.documents import broken_pdf, encrypted_pdf, png_page, text_pdf

FAKE = ("--engine", "fake", "--devices", "cpu")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "2024").mkdir(parents=True)
    text_pdf(folder / "2024" / "invoice.pdf", ["one", "two", "three"])
    png_page(folder / "page.png", "hello")
    return folder


def test_run_writes_one_folder_per_document_and_answers_zero(tmp_path: Path, inputs: Path) -> None:
    rich = ("--engine-option", "content=rich")
    done = batchocr("run", inputs, "-o", tmp_path / "out", *FAKE, *rich, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / "2024" / "invoice"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"invoice.md", "invoice.json", "invoice.xlsx", "invoice_layout.pdf", "manifest.json"} <= names
    assert sum(name.startswith("images/p000") for name in names) == 3
    assert "Page 3 of 2024/invoice.pdf" in (folder / "invoice.md").read_text("utf-8")
    assert states(tmp_path / "out") == {"2024/invoice.pdf": "done", "page.png": "done"}


def test_formats_choose_the_files(tmp_path: Path, inputs: Path) -> None:
    done = batchocr("run", inputs, "-o", tmp_path / "out", *FAKE, "--formats", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out" / "page").iterdir()} == {"page.json", "manifest.json"}


def test_second_run_recognizes_nothing(tmp_path: Path, inputs: Path) -> None:
    first = batchocr("run", inputs, "-o", "out", *FAKE, "--json", cwd=tmp_path)
    again = batchocr("run", inputs, "-o", "out", *FAKE, "--json", cwd=tmp_path)
    assert (first.returncode, again.returncode) == (0, 0)
    assert json.loads(first.stdout)["pages_done"] == 4
    assert json.loads(again.stdout)["pages_done"] == 0
    assert json.loads(again.stdout)["documents"] == {"skipped": 2}


def test_failed_page_and_unreadable_document_answer_six_and_are_named(tmp_path: Path, inputs: Path) -> None:
    broken_pdf(inputs / "broken.pdf", "garbage")
    script = 'script=[{pages: "2", do: error}]'
    done = batchocr("run", inputs, "-o", "out", *FAKE, "--engine-option", script, cwd=tmp_path)
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert states(tmp_path / "out") == {"2024/invoice.pdf": "partial", "broken.pdf": "failed", "page.png": "done"}
    failures = {entry["source"]: entry["failures"] for entry in status(tmp_path / "out")["documents"]}
    assert [(entry["page"], entry["kind"]) for entry in failures["2024/invoice.pdf"]] == [(2, "engine_error")]
    assert failures["broken.pdf"][0]["message"]
    markdown = (tmp_path / "out" / "2024" / "invoice" / "invoice.md").read_text("utf-8")
    assert "<!-- page: 2 failed: engine_error -->" in markdown
    assert "Page 3 of" in markdown
    again = batchocr("run", inputs, "-o", "out", *FAKE, "--engine-option", script, "--json", cwd=tmp_path)
    assert again.returncode == 6
    assert json.loads(again.stdout)["pages_done"] == 0


def test_password_file_opens_an_encrypted_document_and_is_never_stored(tmp_path: Path) -> None:
    encrypted_pdf(tmp_path / "secret.pdf", "open sesame")
    closed = batchocr("run", "secret.pdf", "-o", "out", *FAKE, cwd=tmp_path)
    assert closed.returncode == 6
    assert status(tmp_path / "out")["documents"][0]["failures"][0]["kind"] == "document_encrypted"
    (tmp_path / "passwords").write_text("*.pdf\topen sesame\n", "utf-8")
    opened = batchocr("run", "secret.pdf", "-o", "out", *FAKE, "--password-file", "passwords", cwd=tmp_path)
    assert opened.returncode == 0, opened.stderr
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"open sesame" not in path.read_bytes(), path


def test_pages_option_reads_only_these(tmp_path: Path, inputs: Path) -> None:
    done = batchocr("run", inputs / "2024", "-o", "out", *FAKE, "--pages", "1,3-9", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pages_done"] == 2
    markdown = (tmp_path / "out" / "invoice" / "invoice.md").read_text("utf-8")
    assert "Page 1 of" in markdown
    assert "Page 2 of" not in markdown


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "nowhere.pdf", *FAKE), 3, "nowhere.pdf"),
        (("run", "in", "--engine", "fakee"), 2, "fake"),
        (("run", "in", *FAKE, "--engine-option", "contents=rich"), 2, "content"),
        (("run", "in", *FAKE, "--dpi", "none"), 2, "dpi"),
        (("run", "in", "--engine", "fake", "--devices", "gpu:7"), 4, "gpu:7"),
        (("run", "in", *FAKE, "-o", "in/out"), 2, "-o"),
        (("run", "in", *FAKE, "--engine-option", "load_error=no driver"), 4, "no driver"),
        (("status", "nothing-here"), 5, "nothing-here"),
    ],
)
def test_mistakes_have_their_own_codes_and_say_what_to_do(
    tmp_path: Path, inputs: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = batchocr(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_empty_folder_and_nothing_to_retry_are_no_failure(tmp_path: Path, inputs: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert batchocr("run", "empty", "-o", "out", *FAKE, cwd=tmp_path).returncode == 0
    assert batchocr("run", "in", "-o", "out", *FAKE, cwd=tmp_path).returncode == 0
    assert batchocr("retry", "out", cwd=tmp_path).returncode == 0


def test_dry_run_writes_nothing(tmp_path: Path, inputs: Path) -> None:
    done = batchocr("run", "in", "-o", "out", *FAKE, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2024/invoice.pdf" in done.stdout
    assert not (tmp_path / "out").exists()


def test_equal_files_are_recognized_once_and_get_a_folder_each(tmp_path: Path, inputs: Path) -> None:
    (inputs / "copy.pdf").write_bytes((inputs / "2024" / "invoice.pdf").read_bytes())
    done = batchocr("run", "in", "-o", "out", *FAKE, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["pages_done"] == 4
    assert (tmp_path / "out" / "copy" / "copy.md").is_file()
    assert (tmp_path / "out" / "2024" / "invoice" / "invoice.md").is_file()


def test_foreign_file_in_a_document_folder_blocks_that_document_only(tmp_path: Path, inputs: Path) -> None:
    notes = tmp_path / "out" / "page" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine", "utf-8")
    done = batchocr("run", "in", "-o", "out", *FAKE, cwd=tmp_path)
    assert done.returncode == 6
    assert states(tmp_path / "out") == {"2024/invoice.pdf": "done", "page.png": "failed"}
    assert notes.read_text("utf-8") == "mine"
    forced = batchocr("run", "in", "-o", "out", *FAKE, "--force", cwd=tmp_path)
    assert forced.returncode == 0, forced.stderr
    kept = list((tmp_path / "out" / ".batchocr" / "kept").rglob("notes.txt"))
    assert [path.read_text("utf-8") for path in kept] == ["mine"]


def test_serial_executor_gives_the_same_bytes_as_two_workers(tmp_path: Path, inputs: Path) -> None:
    rich = ("--engine", "fake", "--engine-option", "content=rich")
    batchocr("run", "in", "-o", "one", *rich, "--executor", "serial", "--devices", "cpu", cwd=tmp_path)
    batchocr("run", "in", "-o", "two", *rich, "--devices", "cpu:0,cpu:1", cwd=tmp_path)
    one, two = (_files(tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert len(one) > 8


def _files(output: Path) -> dict[str, bytes]:
    found = {}
    for path in output.rglob("*"):
        name = path.relative_to(output)
        if path.is_file() and name.parts[0] not in {".batchocr", "report.html"}:
            content = path.read_bytes()
            if path.name == "manifest.json":
                content = json.dumps({**json.loads(content), "commit_id": ""}).encode()
            found[name.as_posix()] = content
    return found
