"""A job with its section `ingest`, checked: its folders are there and do not lie in each other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from batchocr.config import IngestSettings, RunSettings, load_ingest_settings, load_settings
from batchocr.errors import ConfigError, InputError


@dataclass(frozen=True)
class IngestJob:
    """What to ingest, and how.

    Attributes:
        path: the job file, absolute.
        run: settings of its runs; `output` is absolute.
        ingest: what becomes of its files.
    """

    path: Path
    run: RunSettings
    ingest: IngestSettings

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.path.stem

    @property
    def state_dir(self) -> Path:
        """Folder of the lock and of what is remembered between two calls."""
        return self.run.state_path / "ingest"

    @property
    def log_path(self) -> Path:
        """The JSON lines that say what became of each file."""
        return self.run.state_path / "logs" / "ingest.jsonl"


def load_job(path: Path, flags: Mapping[str, Any], environ: Mapping[str, str]) -> IngestJob:
    """Gives a job, checked.

    Args:
        path: the job file.
        flags: settings of the section `ingest` that the command line gives; None means not given.
        environ: where variables are looked for.

    Raises:
        ConfigError: a setting is wrong, an input is no folder, or two folders lie in each other.
        InputError: an input folder does not exist (is a share not mounted?).
    """
    path = path.absolute()
    ingest = load_ingest_settings(flags, path, environ)
    run = load_settings({}, path, environ)
    run = run.model_copy(update={"output": run.output.absolute(), "dry_run": False})
    job = IngestJob(path, run, ingest)
    _check_inputs(job)
    _check_apart(job)
    return job


def _check_inputs(job: IngestJob) -> None:
    if job.run.shard is not None:
        raise ConfigError(f"{job.path}: `shard` does not go with ingest: give each machine an input folder of its own.")
    for item in job.run.inputs:
        if item.startswith("@") or (not Path(item).is_dir() and os.path.lexists(item)):
            raise ConfigError(f"{job.path}: ingest reads folders, and input {item} is none. Name the folder it is in.")
        if not Path(item).is_dir():
            raise InputError(f"The input folder {item} does not exist. Is the share not mounted? Make it, or mount it.")


def _check_apart(job: IngestJob) -> None:
    """Refuses folders that lie in each other: the job would eat its own results, or read again what it has done."""
    folders = [(f"the input {item}", item) for item in job.run.inputs]
    folders.append((f"the output {job.run.output}", str(job.run.output)))
    for what, folder in (("done", job.ingest.done), ("failed", job.ingest.failed)):
        if folder is not None:
            folders.append((f"the folder for {what} files {folder}", str(folder)))
    for (one, first), (other, second) in combinations(folders, 2):
        paths = Path(os.path.realpath(first)), Path(os.path.realpath(second))
        if paths[0].is_relative_to(paths[1]) or paths[1].is_relative_to(paths[0]):
            raise ConfigError(f"{job.path}: {one} and {other} lie in each other. Name folders that lie side by side.")
    state = Path(os.path.realpath(job.run.state_path))
    for what, folder_ in folders:
        if state.is_relative_to(os.path.realpath(folder_)) and not what.startswith("the output"):
            raise ConfigError(f"{job.path}: the state folder {state} lies in {what}. Choose another `state_dir`.")
