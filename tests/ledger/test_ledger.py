from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batchocr.datatypes import (
    AttemptState,
    DocumentFormat,
    FileIdentity,
    InputRoot,
    PageRanges,
    PageState,
    RunState,
    SourceFile,
)
from batchocr.errors import FailureKind, StorageError
from batchocr.ledger.connection import display_name
from batchocr.ledger.ledger import Ledger
from batchocr.ledger.queries import reading

SHA = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger(path, now=lambda: "2026-01-01T00:00:00.000+00:00") as opened:
        start(opened, "run1")
        yield opened


def start(ledger: Ledger, run_id: str) -> None:
    ledger.start_run(
        run_id, version="1", host="here", settings={"dpi": 200}, engine={"name": "fake"}, devices=["cpu"],
        fingerprint="f1",
    )  # fmt: skip


def meet(ledger: Ledger, relative: str = "a.pdf", *, size: int = 10, folder: str = "a", fingerprint: str = "f1") -> Any:
    file = SourceFile(InputRoot("/in", "in"), relative, f"/in/{relative}", FileIdentity(size, 1, 2))
    return ledger.meet_document("run1", ledger.root_id("../in"), file, relative, folder, fingerprint)


def content_of(ledger: Ledger, document_id: int, pages: int = 3, *, fingerprint: str = "f1") -> int:
    page_nos = PageRanges(((1, pages),))
    content_id, _ = ledger.set_content(
        document_id, SHA, fingerprint, DocumentFormat.PDF, pages, FileIdentity(10, 1, 2), page_nos
    )
    return content_id


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


# --- durability ---


def test_nothing_is_seen_by_others_before_flush(ledger: Ledger, path: Path) -> None:
    assert rows(path, "SELECT COUNT(*) FROM runs") == [(0,)]
    ledger.flush()
    assert rows(path, "SELECT COUNT(*) FROM runs") == [(1,)]


def test_ledger_waits_for_the_disk_and_keeps_a_log(path: Path) -> None:
    with Ledger(path) as ledger:
        assert ledger._read("PRAGMA journal_mode", ()) == [("wal",)]
        assert ledger._read("PRAGMA synchronous", ()) == [(2,)]
        assert ledger._read("PRAGMA foreign_keys", ()) == [(1,)]


def test_what_was_not_flushed_is_gone_after_a_kill_and_the_rest_is_whole(path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import os, sys; from pathlib import Path; from batchocr.ledger.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "def start(name): ledger.start_run(name, version='1', host='h', settings={}, engine={}, devices=[],"
        " fingerprint='f')\n"
        "start('kept'); ledger.flush(); start('lost'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert rows(path, "SELECT id, state FROM runs") == [("kept", "running")]
    with Ledger(path) as ledger:
        start(ledger, "next")
    assert rows(path, "SELECT id, state FROM runs ORDER BY id") == [("kept", "interrupted"), ("next", "running")]


def test_flush_without_writes_does_nothing(ledger: Ledger) -> None:
    ledger.flush()
    ledger.flush()


# --- runs and attempts ---


def test_new_run_closes_runs_and_attempts_that_never_ended(ledger: Ledger, path: Path) -> None:
    content_id = content_of(ledger, meet(ledger).document_id)
    ledger.start_attempt("run1", content_id, PageRanges(((1, 2),)), "cpu", "cpu")
    start(ledger, "run2")
    ledger.flush()
    assert rows(path, "SELECT id, state FROM runs ORDER BY id") == [("run1", "interrupted"), ("run2", "running")]
    assert rows(path, "SELECT state, pages, ended_at IS NOT NULL FROM attempts") == [("lost", "1-2", 1)]


def test_end_of_a_run_is_recorded_with_its_reason(ledger: Ledger, path: Path) -> None:
    ledger.end_run("run1", RunState.FAILED, "no worker is left")
    ledger.flush()
    assert rows(path, "SELECT state, message FROM runs") == [("failed", "no worker is left")]


def test_failed_page_of_an_attempt_is_recorded(ledger: Ledger, path: Path) -> None:
    content_id = content_of(ledger, meet(ledger).document_id)
    attempt = ledger.start_attempt("run1", content_id, PageRanges(((1, 3),)), "cpu", "cpu")
    ledger.record_page_attempt(attempt, 2, AttemptState.TIMED_OUT, FailureKind.TIMEOUT, "slow \udc80")
    ledger.end_attempt(attempt, AttemptState.TIMED_OUT)
    ledger.flush()
    assert rows(path, "SELECT page_no, state, kind, message FROM page_attempts") == [
        (2, "timed_out", "timeout", "slow \\udc80")
    ]
    assert rows(path, "SELECT state FROM attempts") == [("timed_out",)]


# --- documents ---


def test_new_document_must_be_probed(ledger: Ledger) -> None:
    row = meet(ledger)
    assert (row.content_id, row.sha256, row.page_count) == (None, "", None)


def test_known_document_is_trusted_while_size_time_and_inode_stay(ledger: Ledger) -> None:
    document_id = meet(ledger).document_id
    content_id = content_of(ledger, document_id)
    ledger.record_commit(document_id, "c1")
    again = meet(ledger)
    assert (again.document_id, again.content_id, again.sha256, again.page_count, again.commit_id) == (
        document_id, content_id, SHA, 3, "c1",
    )  # fmt: skip


def test_changed_document_is_unknown_again_and_loses_its_commit(ledger: Ledger) -> None:
    document_id = meet(ledger).document_id
    content_of(ledger, document_id)
    ledger.record_commit(document_id, "c1")
    changed = meet(ledger, size=11)
    assert (changed.document_id, changed.content_id, changed.sha256) == (document_id, None, "")
    assert meet(ledger, size=11).commit_id is None


def test_document_whose_folder_moves_loses_its_commit_but_not_its_content(ledger: Ledger) -> None:
    document_id = meet(ledger).document_id
    content_id = content_of(ledger, document_id)
    ledger.record_commit(document_id, "c1")
    moved = meet(ledger, folder="a.pdf")
    assert (moved.content_id, moved.commit_id) == (content_id, None)


def test_other_settings_know_the_hash_but_not_the_pages(ledger: Ledger) -> None:
    document_id = meet(ledger).document_id
    content_id = content_of(ledger, document_id)
    other = meet(ledger, fingerprint="f2")
    assert (other.content_id, other.sha256, other.page_count) == (None, SHA, 3)
    assert content_of(ledger, document_id, fingerprint="f2") != content_id


def test_equal_files_share_one_content(ledger: Ledger) -> None:
    first, second = meet(ledger, "a.pdf").document_id, meet(ledger, "b.pdf").document_id
    assert content_of(ledger, first) == content_of(ledger, second)
    assert len(ledger.page_rows(content_of(ledger, first))) == 3


def test_name_that_is_no_utf8_is_kept_and_told_apart(ledger: Ledger, path: Path) -> None:
    first, second = meet(ledger, "\udc80.pdf").document_id, meet(ledger, "\udc81.pdf").document_id
    assert first != second
    assert meet(ledger, "\udc80.pdf").document_id == first
    ledger.flush()
    assert rows(path, "SELECT relative, source FROM documents ORDER BY id LIMIT 1") == [(b"\x80.pdf", "\\udc80.pdf")]
    assert display_name("ä\udc80") == "ä\\udc80"


def test_failure_of_a_document_is_forgotten_when_it_is_met_again(ledger: Ledger, path: Path) -> None:
    document_id = meet(ledger).document_id
    ledger.fail_document(document_id, FailureKind.DOCUMENT_UNREADABLE, "no PDF")
    ledger.flush()
    assert rows(path, "SELECT kind, message FROM documents") == [("document_unreadable", "no PDF")]
    meet(ledger)
    ledger.flush()
    assert rows(path, "SELECT kind, message FROM documents") == [(None, None)]


# --- pages ---


def test_pages_begin_pending_and_keep_what_is_recorded(ledger: Ledger) -> None:
    content_id = content_of(ledger, meet(ledger).document_id)
    ledger.record_pages(content_id, [1], PageState.DONE)
    ledger.record_pages(content_id, [2], PageState.BLANK)
    ledger.count_attempts(content_id, 3, 2)
    ledger.fail_page(content_id, 3, FailureKind.TIMEOUT, "slow")
    found = [(row.page_no, row.state, row.attempts, row.kind, row.message) for row in ledger.page_rows(content_id)]
    assert found == [
        (1, PageState.DONE, 0, None, ""),
        (2, PageState.BLANK, 0, None, ""),
        (3, PageState.FAILED, 2, FailureKind.TIMEOUT, "slow"),
    ]


def test_page_that_is_pending_again_has_its_tries_back(ledger: Ledger) -> None:
    content_id = content_of(ledger, meet(ledger).document_id, 1)
    ledger.count_attempts(content_id, 1, 2)
    ledger.fail_page(content_id, 1, FailureKind.TIMEOUT, "slow")
    ledger.record_pages(content_id, [1], PageState.PENDING)
    (row,) = ledger.page_rows(content_id)
    assert (row.state, row.attempts, row.kind) == (PageState.PENDING, 0, None)


# --- trouble ---


def newer(path: Path) -> bytes:
    with Ledger(path) as ledger:
        start(ledger, "run1")
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    return path.read_bytes()


def test_ledger_of_a_newer_release_is_refused_and_stays_as_it_is(path: Path) -> None:
    before = newer(path)
    with pytest.raises(StorageError, match=r"newer batchocr \(ledger version 99.*Nothing was changed"):
        Ledger(path)
    with pytest.raises(StorageError, match="newer batchocr"), reading(path):
        pass
    assert path.read_bytes() == before


def test_newer_ledger_without_a_log_stays_as_it_is_too(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE things (name TEXT)")
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="newer batchocr"):
        Ledger(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_damaged_ledger_is_refused_and_stays_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"is damaged .*Nothing was overwritten.*by their manifests"):
        Ledger(path)
    with pytest.raises(StorageError, match="cannot be read"), reading(path) as queries:
        queries.last_run()
    assert path.read_bytes() == content


def test_damage_in_the_middle_is_met_when_it_is_read(path: Path) -> None:
    with Ledger(path) as ledger:
        start(ledger, "run1")
        content_id = content_of(ledger, meet(ledger).document_id, 20_000)
    content = bytearray(path.read_bytes())
    half = len(content) // 2  # the tables' definitions stand before that
    content[half:] = b"\xff" * (len(content) - half)
    path.write_bytes(content)
    with Ledger(path) as ledger, pytest.raises(StorageError, match="is damaged"):
        ledger.page_rows(content_id)


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot be written .*--state-dir"):
        Ledger(tmp_path / "nowhere" / "ledger.sqlite3")
