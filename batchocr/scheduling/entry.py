"""What is to be started: a command with absolute paths, and the name under which it is known."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from batchocr.errors import ConfigError
from batchocr.scheduling.cron import CronTime


@dataclass(frozen=True)
class Entry:
    """One job that starts by itself.

    Attributes:
        job: the job file, absolute.
        when: at which times.
        log: file that takes what is said, absolute.
        program: words that start batchocr, absolute.
    """

    job: Path
    when: CronTime
    log: Path
    program: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The command."""
        return (*self.program, "ingest", "--job", str(self.job))

    @property
    def name(self) -> str:
        """A name that no other job has, fit for files and tasks."""
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", self.job.stem)[:40].strip("-") or "job"
        return f"batchocr-{safe}-{hashlib.sha256(str(self.job).encode(errors='surrogateescape')).hexdigest()[:8]}"


def make_entry(job: Path, when: CronTime, log: Path) -> Entry:
    """Gives the entry of a job, for the batchocr that is running.

    Raises:
        ConfigError: a path has characters that no crontab can hold.
    """
    beside = Path(sys.executable).with_name("batchocr.exe" if sys.platform == "win32" else "batchocr")
    program: tuple[str, ...] = (str(beside),)
    if not beside.is_file():
        found = shutil.which("batchocr")
        program = (str(Path(found).absolute()),) if found else (sys.executable, "-m", "batchocr")
    entry = Entry(job.absolute(), when, log.absolute(), program)
    for text in (*entry.words, str(entry.log)):
        if any(character < " " or character == "\x7f" for character in text):
            raise ConfigError(f"{text!r} has a control character, which no schedule can hold. Choose another name.")
    return entry
