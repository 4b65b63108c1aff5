"""What documents wait for, and in which order they are taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchocr.datatypes import DocumentFormat, FileIdentity, InputRoot, PageRanges, PageState, SourceFile
from batchocr.errors import FailureKind
from batchocr.ledger.documents import Stage
from batchocr.ledger.ledger import Ledger

IDENTITY = FileIdentity(10, 1, 2)


def begin(ledger: Ledger, run_id: str) -> None:
    ledger.start_run(run_id, version="1", host="h", settings={}, engine={}, devices=["cpu"], fingerprint="f")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite3") as opened:
        begin(opened, "run")
        yield opened


def meet(ledger: Ledger, name: str, rank: int = 0) -> int:
    file = SourceFile(InputRoot("/in", ""), name, f"/in/{name}", IDENTITY)
    return ledger.meet_document("run", ledger.root_id("../in"), file, name, f"to {rank}", "f", rank).document_id


def count(ledger: Ledger, document_id: int, sha256: str, pages: int = 2) -> int:
    page_nos = PageRanges(((1, pages),))
    return ledger.set_content(document_id, sha256, "f", DocumentFormat.PDF, pages, IDENTITY, page_nos)[0]


def stages(ledger: Ledger) -> list[str | None]:
    return [stage for (stage,) in ledger._read("SELECT stage FROM documents ORDER BY id", ())]


def test_documents_are_taken_by_rank_from_either_end_and_never_twice(ledger: Ledger) -> None:
    numbers = {rank: meet(ledger, f"{rank}.pdf", rank) for rank in (3, -5, 7, 0)}
    first = ledger.take_staged(Stage.FOUND, Stage.PROBING, 2)
    assert [row.document_id for row in first] == [numbers[-5], numbers[0]]
    assert ledger.take_staged(Stage.FOUND, Stage.PROBING, 1, last_from=8) == []
    assert [row.rank for row in ledger.take_staged(Stage.FOUND, Stage.PROBING, 1, last_from=3)] == [7]
    assert [row.rank for row in ledger.take_staged(Stage.FOUND, Stage.PROBING, 9)] == [3]
    assert ledger.take_staged(Stage.FOUND, Stage.PROBING, 9) == []


def test_staged_document_brings_all_that_is_known_of_it(ledger: Ledger) -> None:
    name = "\udc80.pdf"
    document_id = meet(ledger, name, 4)
    content_id = count(ledger, document_id, "ab" * 32, 7)
    assert ledger.queue_document(document_id, content_id, -7)
    (row,) = ledger.take_staged(Stage.COUNTED, Stage.READING, 5)
    assert (row.relative, row.folder, row.rank, row.identity) == (name, "to 4", -7, IDENTITY)
    assert (row.content_id, row.sha256, row.format, row.page_count) == (content_id, "ab" * 32, DocumentFormat.PDF, 7)


def test_equal_documents_wait_for_the_one_that_is_read_and_all_get_their_folder(ledger: Ledger) -> None:
    numbers = [meet(ledger, f"{name}.pdf") for name in "abc"]
    content_id = count(ledger, numbers[0], "ab")
    assert ledger.queue_document(numbers[0], content_id, 0)
    assert not ledger.queue_document(numbers[1], count(ledger, numbers[1], "ab"), 0)
    ledger.take_staged(Stage.COUNTED, Stage.READING, 1)
    assert not ledger.queue_document(numbers[2], count(ledger, numbers[2], "ab"), 0)
    assert stages(ledger) == ["reading", "equal", "equal"]
    assert ledger.end_reading(content_id) == 3
    assert [row.document_id for row in ledger.take_staged(Stage.READ, Stage.WRITING, 5)] == numbers


def test_equal_document_that_turns_up_later_is_taken_in_hand_by_itself(ledger: Ledger) -> None:
    first, second = meet(ledger, "a.pdf"), meet(ledger, "b.pdf")
    content_id = count(ledger, first, "ab")
    ledger.queue_document(first, content_id, 0)
    ledger.take_staged(Stage.COUNTED, Stage.READING, 1)
    ledger.end_reading(content_id)
    assert ledger.queue_document(second, count(ledger, second, "ab"), 0)


def test_documents_without_a_folder_end_together_with_their_reason(ledger: Ledger) -> None:
    first, second = meet(ledger, "a.pdf"), meet(ledger, "b.pdf")
    content_id = count(ledger, first, "ab")
    ledger.queue_document(first, content_id, 0)
    ledger.queue_document(second, count(ledger, second, "ab"), 0)
    ledger.take_staged(Stage.COUNTED, Stage.READING, 1)
    assert ledger.end_without_folder(content_id, (FailureKind.DOCUMENT_CHANGED, "changed")) == 2
    assert ledger._read("SELECT stage, kind, message FROM documents", ()) == [(None, "document_changed", "changed")] * 2
    assert ledger.end_without_folder(content_id, None) == 0


def test_content_belongs_to_a_run_once(ledger: Ledger) -> None:
    content_id = count(ledger, meet(ledger, "a.pdf"), "ab")
    assert ledger.take_content("run", content_id)
    assert not ledger.take_content("run", content_id)
    assert ledger.take_content("next", content_id)


def test_new_run_begins_with_nothing_waiting(ledger: Ledger) -> None:
    meet(ledger, "a.pdf")
    begin(ledger, "next")
    assert stages(ledger) == [None]


def test_content_is_whole_when_all_pages_and_folders_are_there(ledger: Ledger) -> None:
    first, second = meet(ledger, "a.pdf"), meet(ledger, "b.pdf")
    content_id = count(ledger, first, "ab" * 32)
    count(ledger, second, "ab" * 32)
    ledger.record_commit(first, "c1")
    ledger.record_commit(second, "c2")
    assert not ledger.is_whole(content_id, "run")
    ledger.record_pages(content_id, [1], PageState.DONE)
    ledger.record_pages(content_id, [2], PageState.BLANK)
    assert ledger.is_whole(content_id, "run")
    assert not ledger.is_whole(content_id, "another run")
    ledger.fail_document(second, FailureKind.OUTPUT_BLOCKED, "in the way")
    assert not ledger.is_whole(content_id, "run")


def test_content_is_found_by_the_start_of_its_hash(ledger: Ledger) -> None:
    content_id = count(ledger, meet(ledger, "a.pdf"), "ab" * 32)
    assert ledger.content_named("ab" * 16, "f") == content_id
    assert ledger.content_named("ab" * 16, "other") is None
    assert ledger.content_named("ac" * 16, "f") is None


def test_what_waits_is_found_without_looking_at_the_rest(ledger: Ledger) -> None:
    query = "SELECT id FROM documents WHERE stage = ? ORDER BY rank, id LIMIT 1"
    plan = ledger._read(f"EXPLAIN QUERY PLAN {query}", ("x",))
    assert "documents_by_stage" in plan[0][3]
    plan = ledger._read(
        "EXPLAIN QUERY PLAN SELECT 1 FROM documents WHERE content_id = 1 AND stage IN ('read', 'x')", ()
    )
    assert "documents_by_content (content_id=? AND stage=?)" in plan[0][3]


def test_ledger_of_the_first_release_is_taken_along(tmp_path: Path) -> None:
    from batchocr.ledger.migrations import STEPS

    path = tmp_path / "old.sqlite3"
    db = sqlite3.connect(path)
    db.executescript(STEPS[0] + "PRAGMA user_version = 1;")
    db.execute(
        "INSERT INTO runs VALUES ('old', 'completed', 't', 't', '1', 'h', 1, '{}', '{}', '[]', 'f', '')",
    )
    db.execute("INSERT INTO roots VALUES (1, x'2e2e2f696e')")
    db.execute("INSERT INTO contents VALUES (1, 'ab', 'f', 'pdf', 2)")
    db.execute(
        "INSERT INTO documents VALUES (1, 1, x'612e706466', 'a', 'to 0', 10, 1, 2, 1, NULL, NULL, 'c', 't', 'old', 0)"
    )
    db.commit()
    db.close()
    with Ledger(path) as ledger:
        begin(ledger, "run")
        assert meet(ledger, "a.pdf") == 1
        assert ledger.take_content("run", 1)
