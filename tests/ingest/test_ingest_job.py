from __future__ import annotations

from pathlib import Path

import pytest

from batchocr.errors import ConfigError, InputError
from batchocr.ingest.job import load_job


@pytest.fixture
def job(tmp_path: Path) -> Path:
    for name in ("in", "in2", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("in")
    (tmp_path / "in" / "a.pdf").touch()
    return tmp_path / "job.yaml"


def write(job: Path, inputs: str = "in", output: str = "out", state: str = "", **ingest: str) -> Path:
    section = ", ".join(f"{name}: {value}" for name, value in ingest.items())
    state_line = f"state_dir: {state}\n" if state else ""
    job.write_text(f"inputs: {inputs}\noutput: {output}\n{state_line}ingest: {{{section}}}\n")
    return job


def test_folders_side_by_side_are_taken(job: Path) -> None:
    loaded = load_job(write(job, "[in, in2]", on_success="move", done="done", failed="failed"), {}, {})
    assert loaded.name == "job"
    assert loaded.ingest.done == job.parent / "done"
    assert loaded.state_dir == job.parent / "out" / ".batchocr" / "ingest"


@pytest.mark.parametrize(
    "values",
    [
        {"output": "in/out"}, {"inputs": "out/in"}, {"done": "in/done"}, {"failed": "in/sub/failed"},
        {"done": "out/done"}, {"done": "both", "failed": "both"}, {"done": "done", "failed": "done/failed"},
        {"done": "link/done"}, {"inputs": "[in, link]"}, {"state": "in/state"}, {"done": "."},
    ],
    ids=str,
)  # fmt: skip
def test_folders_in_each_other_are_refused(job: Path, values: dict[str, str]) -> None:
    (job.parent / "out" / "in").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"lies? in"):
        load_job(write(job, **{"on_success": "keep", **values}), {}, {})


@pytest.mark.parametrize("inputs", ["in/a.pdf", "'@list.txt'"])
def test_inputs_that_are_no_folders_are_refused(job: Path, inputs: str) -> None:
    with pytest.raises(ConfigError, match="is none"):
        load_job(write(job, inputs), {}, {})


def test_input_folder_that_is_missing_is_told_apart_from_an_empty_one(job: Path) -> None:
    with pytest.raises(InputError, match="not mounted"):
        load_job(write(job, "gone"), {}, {})


def test_shard_is_refused(job: Path) -> None:
    write(job).write_text("inputs: in\noutput: out\nshard: 1/2\n")
    with pytest.raises(ConfigError, match="shard"):
        load_job(job, {}, {})
