"""A few runs of the chaos program; and the program sees each thing that it is there to see."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.documents import many_page_pdf
from support.jobs import run_job, tree

from batchocr import runs
from batchocr.errors import ExitCode

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="the program needs Linux")]

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PAGES = 4


@pytest.mark.timeout(400)
def test_disturbed_runs_come_to_what_undisturbed_ones_come_to(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "chaos.py"), "--runs", "4", "--seed", "3", "--keep", str(tmp_path)],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runs with violations: 0" in done.stdout


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[str]]:
    """Gives what the program finds wrong with an output folder, `out`, that was made in peace."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import chaos_checks

    (tmp_path / "in").mkdir()
    (tmp_path / "tmp").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    rules = [{"do": "error", "pages": "2"}]
    assert run_job(tmp_path, executor="serial", engine_options={"script": rules}).exit_code is ExitCode.PARTIAL
    output = tmp_path / "out"
    wanted = tree(output)
    recorded = chaos_checks.Recorded()
    recorded.look(output / ".batchocr", with_spool=True)

    def violations() -> list[str]:
        status = runs.status(output)
        return [
            *chaos_checks.check_delivery(output, status),
            *chaos_checks.check_leftovers(output, tmp_path / "tmp", status),
            *chaos_checks.check_ledger(output),
            *chaos_checks.differing_files(tree(output), wanted, ()),
            *recorded.violations(output / ".batchocr"),
        ]

    return violations


def test_run_in_peace_violates_nothing(checks: Callable[[], list[str]]) -> None:
    assert checks() == []


@pytest.mark.parametrize(
    ("written", "instead"),
    [("<!-- page: 3 -->", ""), ("<!-- page: 3 -->", "<!-- page: 1 -->"), ("page: 2 failed", "page: 2")],
    ids=["lost", "twice", "not reported"],
)
def test_page_that_is_lost_doubled_or_not_reported_is_seen(
    checks: Callable[[], list[str]], tmp_path: Path, written: str, instead: str
) -> None:
    markdown = tmp_path / "out" / "a" / "a.md"
    text = markdown.read_text("utf-8")
    assert written in text
    markdown.write_text(text.replace(written, instead), "utf-8")
    found = checks()
    assert any("its Markdown tells" in one for one in found)
    assert "a/a.md" in found


@pytest.mark.parametrize("left", ["out/.batchocr/staging/x", "out/.batchocr/workers/cpu.1.open", "tmp/x"])
def test_file_that_is_left_behind_is_seen(checks: Callable[[], list[str]], tmp_path: Path, left: str) -> None:
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).touch()
    assert checks() == [f"left behind: {tmp_path / left}"]


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ("UPDATE pages SET state = 'pending', kind = NULL WHERE page_no = 2", "pending pages"),
        ("UPDATE attempts SET state = 'running'", "attempts that go on"),
        ("UPDATE runs SET state = 'running'", "the last run is running"),
        ("UPDATE documents SET commit_id = 'x'", "has commit x"),
        ("UPDATE documents SET content_id = 99", "foreign key"),
        (
            "INSERT INTO attempts (run_id, content_id, pages, worker, device, state, started_at, ended_at)"
            " SELECT run_id, content_id, '3', worker, device, 'succeeded', started_at, ended_at FROM attempts LIMIT 1",
            "read recorded pages",
        ),
    ],
)  # fmt: skip
def test_ledger_that_does_not_tell_the_truth_is_seen(
    checks: Callable[[], list[str]], tmp_path: Path, change: str, sign: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "out" / ".batchocr" / "ledger.sqlite3")) as db, db:
        db.execute(change)
    assert any(sign in one for one in checks())
