"""Equal files are read once, and what was read stays until every one of them has its folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from support.documents import many_page_pdf
from support.jobs import manifest, run_job

from batchocr.errors import ExitCode, FailureKind


def test_folder_that_was_blocked_is_written_later_without_reading_a_page_again(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    shutil.copyfile(tmp_path / "in" / "a.pdf", tmp_path / "in" / "b.pdf")
    blocking = tmp_path / "out" / "a" / "notes.txt"
    blocking.parent.mkdir(parents=True)
    blocking.write_text("mine")

    first = run_job(tmp_path, executor="serial")
    assert (first.exit_code, first.pages_done) == (ExitCode.PARTIAL, 3)
    assert [report.failures[0].kind for report in first.failures] == [FailureKind.OUTPUT_BLOCKED]

    blocking.unlink()
    second = run_job(tmp_path, executor="serial")
    assert (second.exit_code, second.pages_done) == (ExitCode.OK, 0)
    assert manifest(tmp_path / "out", "a")["done"] == [[1, 3]]
    assert list((tmp_path / "out" / ".batchocr" / "spool").iterdir()) == []


def test_spool_that_a_killed_run_left_behind_goes_with_the_next_run(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    many_page_pdf(tmp_path / "in" / "b.pdf", 4)
    spools = tmp_path / "out" / ".batchocr" / "spool"
    rules = [{"do": "error", "source": "b.pdf", "pages": "2"}]

    def run() -> ExitCode:
        return run_job(tmp_path, executor="serial", engine_options={"script": rules}).exit_code

    assert run() is ExitCode.PARTIAL
    (kept,) = spools.iterdir()  # that of b, for a retry
    # What a kill between the commit of a folder and the end of its spool leaves there.
    stored = json.loads((tmp_path / "out" / "a" / "manifest.json").read_bytes())
    left = spools / f"{stored['sha256'][:32]}-{stored['fingerprint'][:16]}"
    shutil.copytree(kept, left)
    assert run() is ExitCode.PARTIAL
    assert list(spools.iterdir()) == [kept]
