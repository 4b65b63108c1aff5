"""The job files and profiles that ship are sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchocr.config import load_settings

ROOT = Path(__file__).resolve().parent.parent
JOBS = sorted((ROOT / "jobs").glob("*.yaml"))
PROFILES = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_job_names_inputs_that_ship(job: Path) -> None:
    settings = load_settings({}, job, {})
    assert [Path(name).exists() for name in settings.inputs] == [True] * len(settings.inputs)


def test_quickstart_reads_the_samples_into_output() -> None:
    settings = load_settings({}, ROOT / "jobs" / "quickstart.yaml", {})
    assert [Path(name) for name in settings.inputs] == [ROOT / "samples"]
    assert settings.output == ROOT / "output"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_profile_is_found_by_its_name(profile: Path, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    job = jobs / "mine.yaml"
    job.write_text(f"profile: {profile.stem}\ninputs: [papers]\n")
    assert load_settings({}, job, {}).devices in profile.read_text()
