from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.datatypes import (
    DocumentFormat,
    DocumentState,
    FailedPages,
    FileIdentity,
    InputRoot,
    PageRanges,
    PageState,
    SourceFile,
)
from batchocr.errors import FailureKind, StorageError
from batchocr.ledger.ledger import Ledger
from batchocr.ledger.queries import document_state, merge_failures, reading

TIMEOUT, LOST = FailureKind.TIMEOUT, FailureKind.WORKER_LOST


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def begin(ledger: Ledger, run_id: str) -> None:
    ledger.start_run(
        run_id, version="1", host="h", settings={"dpi": 200}, engine={"name": "fake"}, devices=["cpu"], fingerprint="f"
    )


def add(ledger: Ledger, name: str, pages: int) -> tuple[int, int]:
    identity = FileIdentity(1, 2, 3)
    file = SourceFile(InputRoot("/in", ""), name, f"/in/{name}", identity)
    document = ledger.meet_document("run", ledger.root_id("../in"), file, name, name, "f").document_id
    content, _ = ledger.set_content(document, name, "f", DocumentFormat.PDF, pages, identity, PageRanges(((1, pages),)))
    return document, content


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger(path) as opened:
        begin(opened, "run")
        yield opened


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        # failed, committed, skipped, good, bad, asked
        ((True, False, False, 0, 0, 0), DocumentState.FAILED),
        ((True, True, False, 3, 0, 3), DocumentState.FAILED),
        ((False, False, False, 0, 0, 0), DocumentState.PENDING),
        ((False, False, False, 0, 0, 3), DocumentState.PENDING),
        ((False, False, False, 1, 0, 3), DocumentState.RUNNING),
        ((False, False, False, 0, 1, 3), DocumentState.RUNNING),
        ((False, False, False, 3, 0, 3), DocumentState.RUNNING),
        ((False, True, False, 3, 0, 3), DocumentState.DONE),
        ((False, True, True, 3, 0, 3), DocumentState.SKIPPED),
        ((False, True, False, 2, 1, 3), DocumentState.PARTIAL),
        ((False, True, True, 2, 1, 3), DocumentState.PARTIAL),
        ((False, False, False, 0, 3, 3), DocumentState.FAILED),
        ((False, True, False, 1, 1, 3), DocumentState.RUNNING),
    ],
)
def test_state_of_a_document_follows_from_its_pages_and_its_folder(
    facts: tuple[bool, bool, bool, int, int, int], state: DocumentState
) -> None:
    assert document_state(*facts) is state


def test_neighbours_that_failed_for_one_reason_are_one_range() -> None:
    pages = [(1, TIMEOUT, "a"), (2, TIMEOUT, "a"), (3, TIMEOUT, "b"), (4, LOST, "b"), (6, LOST, "b"), (7, LOST, "b")]
    assert merge_failures(pages) == (
        FailedPages(1, 2, TIMEOUT, "a"),
        FailedPages(3, 3, TIMEOUT, "b"),
        FailedPages(4, 4, LOST, "b"),
        FailedPages(6, 7, LOST, "b"),
    )


@given(st.dictionaries(st.integers(1, 50), st.tuples(st.sampled_from([TIMEOUT, LOST]), st.sampled_from("ab"))))
def test_ranges_hold_every_failed_page_once_with_its_reason(failed: dict[int, tuple[FailureKind, str]]) -> None:
    merged = merge_failures((page_no, *failed[page_no]) for page_no in sorted(failed))
    unfolded = [
        (page_no, (entry.kind, entry.message))
        for entry in merged
        for page_no in range(entry.first_page or 0, (entry.last_page or 0) + 1)
    ]
    assert unfolded == sorted(failed.items())


def test_documents_of_a_run_are_told_with_pages_and_failures(ledger: Ledger, path: Path) -> None:
    first, content = add(ledger, "b.pdf", 4)
    ledger.record_pages(content, [1, 4], PageState.DONE)
    for page_no in (2, 3):
        ledger.fail_page(content, page_no, TIMEOUT, "slow")
    ledger.record_commit(first, "c")
    second, _ = add(ledger, "a.pdf", 2)
    ledger.fail_document(second, FailureKind.DOCUMENT_CHANGED, "changed")
    ledger.flush()
    with reading(path) as queries:
        told = [(d.source, d.state.value, d.pages, d.pages_done, d.failures) for d in queries.documents("run")]
        finished = queries.finished("f")
        assert queries.finished("other") == {}
    changed = FailedPages(None, None, FailureKind.DOCUMENT_CHANGED, "changed")
    assert told == [
        ("a.pdf", "failed", 2, 0, (changed,)),
        ("b.pdf", "partial", 4, 2, (FailedPages(2, 3, TIMEOUT, "slow"),)),
    ]
    assert finished == {("../in", "b.pdf"): FileIdentity(1, 2, 3)}


def test_last_run_is_the_newest(ledger: Ledger, path: Path) -> None:
    begin(ledger, "another")
    ledger.flush()
    with reading(path) as queries:
        last = queries.last_run()
    assert last is not None
    assert (last.run_id, last.state, last.settings, last.devices) == ("another", "running", {"dpi": 200}, ("cpu",))


def test_reader_sees_one_moment_while_the_writer_goes_on(ledger: Ledger, path: Path) -> None:
    ledger.flush()
    with reading(path) as queries:
        assert list(queries.documents("run")) == []
        add(ledger, "a.pdf", 1)
        ledger.flush()
        assert list(queries.documents("run")) == []
    with reading(path) as queries:
        assert [document.source for document in queries.documents("run")] == ["a.pdf"]


def test_output_without_a_ledger_is_refused(path: Path) -> None:
    with pytest.raises(StorageError, match="no run has written to this output folder yet"), reading(path):
        pass
    assert not path.exists()


READ = """\
import os, sys
from pathlib import Path
from batchocr.ledger.queries import reading
if os.getuid() == 0: os.setuid(65534)
with reading(Path(sys.argv[1])) as queries:
    print(queries.last_run().run_id)
"""


def test_ledger_is_read_where_nothing_may_be_written() -> None:
    folder = Path(tempfile.mkdtemp())  # tmp_path lies in a folder that only its owner may enter
    try:
        with Ledger(folder / "ledger.sqlite3") as ledger:
            begin(ledger, "run")
        (folder / "ledger.sqlite3").chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ, str(folder / "ledger.sqlite3")], capture_output=True, text=True, check=False
        )
        assert done.stdout == "run\n", done.stderr
        assert [path.name for path in folder.iterdir()] == ["ledger.sqlite3"]
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
