from __future__ import annotations

from pathlib import Path

import pytest

from batchocr.config import load_ingest_settings, load_settings
from batchocr.errors import ConfigError


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs" / "nightly.yaml"


def test_section_of_the_job_gives_the_settings_and_its_paths_start_at_the_job(job: Path) -> None:
    job.write_text("inputs: ../in\ningest: {settle_s: 2, on_success: move, done: ../done, failed: /srv/failed}\n")
    settings = load_ingest_settings({}, job, {})
    assert (settings.settle_s, settings.on_success, settings.attempts) == (2, "move", 3)
    assert (settings.done, settings.failed) == (job.parent.parent / "done", Path("/srv/failed"))


def test_flag_is_stronger_than_variable_and_variable_than_job(job: Path) -> None:
    job.write_text("inputs: in\ningest: {settle_s: 2, attempts: 2, on_success: delete}\n")
    environ = {"BATCHOCR_INGEST_SETTLE_S": "3", "BATCHOCR_INGEST_ATTEMPTS": "4"}
    settings = load_ingest_settings({"attempts": 5, "on_success": None}, job, environ)
    assert (settings.settle_s, settings.attempts, settings.on_success) == (3, 5, "delete")


def test_run_takes_no_notice_of_the_section(job: Path) -> None:
    job.write_text("inputs: ../in\ndpi: 150\ningest: {settle_s: 2}\n")
    assert load_settings({}, job, {}).dpi == 150


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("{settle: 2}", "Unknown setting 'settle' in the section ingest of .* Did you mean 'settle_s'"),
        ("{settle_s: -1}", "settle_s -1: must be greater"),
        ("{on_success: eat}", "on_success 'eat'"),
        ("{on_success: move}", "needs a folder .* `done: FOLDER`"),
        ("[1]", "ingest must hold settings"),
        ('{notify: "tell \\"me"}', "notify .*No closing quotation"),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(job: Path, section: str, words: str) -> None:
    job.write_text(f"inputs: in\ningest: {section}\n")
    with pytest.raises(ConfigError, match=words):
        load_ingest_settings({}, job, {})
