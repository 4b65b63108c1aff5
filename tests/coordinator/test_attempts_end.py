"""A run that has ended leaves no attempt that goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from support.documents import text_pdf
from support.jobs import run_job

from batchocr.errors import ExitCode


def test_attempt_on_the_page_that_ends_the_run_is_ended_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", "its only page")
    # Nothing is left to write once the page has failed, so the run is over before the worker can say that its task is.
    rules = [{"do": "error"}]
    assert run_job(tmp_path, engine_options={"script": rules}, max_attempts=1).exit_code is ExitCode.PARTIAL
    with closing(sqlite3.connect(tmp_path / "out" / ".batchocr" / "ledger.sqlite3")) as db:
        assert db.execute("SELECT state, ended_at IS NULL FROM attempts").fetchall() == [("failed", 0)]
