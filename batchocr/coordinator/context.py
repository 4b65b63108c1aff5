"""What stays the same for a whole run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from batchocr.config import RunSettings
from batchocr.datatypes import EngineInfo, RunProgress, SourceFile
from batchocr.devices import Device
from batchocr.documents.passwords import PasswordFile
from batchocr.errors import FailureKind
from batchocr.version import __version__
from batchocr.worker.messages import WorkPlan

# Given a file and the output folder that it would get: the folder to use, or None to pass it over.
Choose: TypeAlias = Callable[[SourceFile, str], str | None]


class RunListener(Protocol):
    """Is told how a run goes, in the coordinator's thread: be quick. The command line's progress bars are one."""

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None:
        """Told once, when all inputs are found: how many documents there are, and how many are known to be finished."""

    def on_progress(self, progress: RunProgress) -> None:
        """Told a few times a second."""

    def on_warning(self, message: str) -> None:
        """Told what a person should know at once."""


@dataclass(frozen=True)
class RunContext:
    """The resolved facts of one run.

    Attributes:
        run_id: name of the run.
        settings: resolved settings; `output` and `state_dir` are absolute.
        engine: what the engine said of itself.
        engine_options: the options to build it with.
        devices: where workers run.
        fingerprint: of all that changes outputs.
        memory_bytes: what this machine has for the run.
        passwords: of encrypted documents.
        retry_kinds: failed pages of these kinds are tried again; None: failed pages stay failed.
        note: how engine and devices were chosen, for people.
        choose: see `Choose`; None takes every document.
        begun: clock time at which the run was asked for, s.
    """

    run_id: str
    settings: RunSettings
    engine: EngineInfo
    engine_options: dict[str, Any]
    devices: tuple[Device, ...]
    fingerprint: str
    memory_bytes: int
    passwords: PasswordFile | None = None
    retry_kinds: frozenset[FailureKind] | None = None
    note: str = ""
    choose: Choose | None = None
    begun: float = field(default_factory=time.monotonic)

    @property
    def output(self) -> Path:
        """The output root."""
        return self.settings.output

    @property
    def state_dir(self) -> Path:
        """Folder of ledger, spool, logs and lock."""
        return self.settings.state_path

    @property
    def commit_dir(self) -> Path:
        """Folder of staging, trash and kept folders: always on the output's own file system."""
        return self.settings.output / ".batchocr"

    @property
    def log_dir(self) -> Path:
        """Folder of the logs."""
        return self.state_dir / "logs"

    def spool(self, sha256: str) -> Path:
        """The spool folder of one content."""
        return self.state_dir / "spool" / f"{sha256[:32]}-{self.fingerprint[:16]}"

    def relative(self, path: str) -> str:
        """Gives a path as the ledger stores it: relative to the output root (another Windows drive stays absolute)."""
        try:
            return os.path.relpath(path, self.output)
        except ValueError:
            return path

    def work_plan(self) -> WorkPlan:
        """Gives what every worker needs to know."""
        settings = self.settings
        return WorkPlan(
            engine=self.engine,
            engine_options=self.engine_options,
            dpi=settings.dpi,
            limits=settings.limits(),
            formats=settings.formats,
            visualization_dpi=settings.visualization_dpi,
            fingerprint=self.fingerprint,
            prefetch_bytes=int(settings.prefetch_bytes),
            max_rss_bytes=settings.worker_rss_bytes(self.memory_bytes, len(self.devices) * settings.workers_per_device),
            log_dir=str(self.log_dir),
            log_level=settings.log_level,
            run_id=self.run_id,
        )

    def about(self) -> dict[str, str]:
        """Gives what tells this run from others, for metrics."""
        return {"run": self.run_id, "engine": self.engine.name, "output": self.output.name, "version": __version__}

    def engine_record(self) -> dict[str, Any]:
        """Gives what manifest and ledger say of the engine: what it is and reads with, no time limits."""
        kept = ("name", "output_version", "weights", "batch_invariant", "options", "versions")
        return {key: value for key, value in asdict(self.engine).items() if key in kept}
