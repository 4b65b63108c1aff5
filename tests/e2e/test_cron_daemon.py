"""Debian's cron daemon starts an ingest that `batchocr schedule` has installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_commands import COMMAND, batchocr, execute
from support.documents import text_pdf
from support.jobs import eventually
from support.missing import missing


@pytest.fixture
def daemon() -> Iterator[None]:
    """Runs a cron daemon. It reads the crontab of the user who tests, so it is left alone outside of CI."""
    if os.environ.get("CI", "").lower() not in {"1", "true"}:
        pytest.skip("changes the crontab of this user and starts a cron daemon: only with CI=true")
    program = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or os.geteuid() != 0:
        missing("Debian's cron is not installed, or this is not root")
    process = subprocess.Popen([program, "-f"], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.timeout(200)
def test_cron_starts_an_ingest_and_it_does_its_work_without_a_path_or_a_current_folder(
    tmp_path: Path, daemon: None
) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", "one")
    job = tmp_path / "job 100% it's.yaml"
    job.write_text(json.dumps({
        "inputs": "in", "output": "out", "engine": "fake", "devices": "cpu", "executor": "serial", "formats": "md",
        "ingest": {"settle_s": 0, "on_success": "move", "done": "done"},
    }))  # fmt: skip
    words = ["schedule", "--job", job, "--kind", "crontab"]
    before = execute(["crontab", "-l"], tmp_path).stdout
    try:
        for when in ("1 1 1 1 *", "* * * * *"):
            installed = batchocr(*words, "--cron", when, "--install", cwd=tmp_path)
            assert installed.returncode == 0, installed.stderr
        table = execute(["crontab", "-l"], tmp_path).stdout
        assert table.startswith(before)
        assert [str(COMMAND.absolute()) in line for line in table[len(before) :].splitlines()] == [True]
        log = tmp_path / "out" / ".batchocr" / "logs" / "cron.log"
        eventually(lambda: log.exists() and "1 moved" in log.read_text(), "cron to start the ingest", timeout_s=120)
    finally:
        assert batchocr(*words, "--remove", cwd=tmp_path).returncode == 0
    assert execute(["crontab", "-l"], tmp_path).stdout == before
    assert log.read_text() == "batchocr ingest job 100% it's: 1 read (1 page), 1 moved\n"
    assert (tmp_path / "done" / "a.pdf").exists()
    assert (tmp_path / "out" / "a" / "a.md").exists()
