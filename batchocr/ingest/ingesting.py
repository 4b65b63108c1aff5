"""One look at the input folders and what follows: run what has settled, then keep, move or delete its files."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from batchocr import runs
from batchocr.datatypes import DocumentReport, DocumentState, FileIdentity, KnownFile, RefusedFile, SourceFile
from batchocr.errors import ExitCode, FailureKind
from batchocr.ingest.instance import single_instance
from batchocr.ingest.job import IngestJob
from batchocr.ingest.memory import Memory, Remembered
from batchocr.ingest.outcome import Failure, Outcome, reason_text, reasons_of
from batchocr.ingest.renaming import numbered
from batchocr.ingest.settling import Settling, is_temporary
from batchocr.ingest.taking import Taken, Taker
from batchocr.logs import file_logging, get_logger
from batchocr.version import __version__

logger = get_logger(__name__)

# Reading such a document again gives the same answer.
HOPELESS = {FailureKind.DOCUMENT_UNREADABLE, FailureKind.DOCUMENT_ENCRYPTED, FailureKind.DOCUMENT_TOO_LARGE}
UNKNOWN = FileIdentity(0, 0, 0)


@dataclass(frozen=True)
class Look:
    """What is in the input folders.

    Attributes:
        settled: files to read now, by path.
        waiting: files that are still being written.
        refused: path to reason of what cannot be read, if that is new.
        vanished: remembered files that are gone.
        known: how many files were read before and stay.
    """

    settled: Mapping[str, SourceFile]
    waiting: tuple[str, ...]
    refused: Mapping[str, str]
    vanished: tuple[str, ...]
    known: int

    @property
    def is_empty(self) -> bool:
        """There is nothing to do."""
        return not (self.settled or self.refused or self.vanished)


def ingest(job: IngestJob, *, wait_s: float = 0.0, listener: runs.RunListener | None = None) -> Outcome:
    """Reads what has settled, once, and gives what came of it; the run ends in order on Ctrl-C and SIGTERM.

    Args:
        job: what to do.
        wait_s: how long to wait while another ingest of this job is at work.
        listener: is told how the run goes.

    Raises:
        StorageError: another ingest is at work; as `runs.run`.
        ConfigError, InputError, SetupError, RunFailedError: as `runs.run`.
    """
    with single_instance(job.state_dir, wait_s), file_logging(job.log_path, __package__ or "", job.run.log_level):
        worker = Ingest(job, Settling(job.ingest.settle_s))
        look = worker.look()
        if look.waiting:
            time.sleep(job.ingest.settle_s)
            look = worker.look()
        return worker.work(look, listener)


def look_around(job: IngestJob) -> Look:
    """Gives what an ingest would find, without waiting and without writing anything."""
    return Ingest(job, Settling(0.0), mend=False).look()


class Ingest:
    """The work of one job, under its lock."""

    def __init__(self, job: IngestJob, settling: Settling, *, mend: bool = True) -> None:
        """Reads what is remembered, and finishes a move that a crash has cut short.

        Raises:
            StorageError: that is not possible.
        """
        self._job = job
        self._settling = settling
        self._memory = Memory(job.state_dir / "memory.json")
        self._taker = Taker(job.state_dir / "moving.json")
        self._settings = _digest(job)
        self._mended = self._taker.mend() if mend else None

    # --- looking ---

    def look(self) -> Look:
        """Gives what is there.

        Raises:
            InputError: an input folder is gone.
        """
        found: dict[str, SourceFile] = {}
        refused: dict[str, str] = {}
        for folder in runs.find(self._job.run):
            found.update((file.path, file) for file in folder.files if not is_temporary(_name(file.relative)))
            for entry in folder.refused:
                if not is_temporary(_name(entry.relative)) and self._is_news(entry):
                    refused[_path(entry)] = entry.reason
        new = {path: file for path, file in found.items() if not self._is_known(file)}
        settled, waiting = self._settling.look(new.values(), time.monotonic())
        vanished = [path for path, _ in self._memory if path not in found and _is_gone(path)]
        return Look(
            {file.path: file for file in settled},
            tuple(file.path for file in waiting),
            refused,
            tuple(vanished),
            len(found) - len(new),
        )

    def _is_known(self, file: SourceFile) -> bool:
        """Tells whether a file has been read as it is, and nothing is left to do on it."""
        entry = self._memory.get(file.path)
        if entry is None or entry.outcome == "trying":
            return False
        if (entry.identity, entry.settings) != (file.identity, self._settings):
            return False
        return entry.outcome == "given_up" or (self._job.run.output / entry.folder / "manifest.json").exists()

    def _is_news(self, refused: RefusedFile) -> bool:
        entry = self._memory.get(_path(refused))
        return entry is None or entry.settings != refused.reason

    # --- working ---

    def work(self, look: Look, listener: runs.RunListener | None = None) -> Outcome:
        """Runs what has settled and takes care of its files.

        Raises:
            BatchOcrError: as `runs.run`; what was done is remembered.
        """
        begun = time.monotonic()
        outcome = Outcome(self._job.name, waiting=list(look.waiting), vanished=list(look.vanished), mended=self._mended)
        self._mended = None
        if outcome.mended:
            logger.info("its move was cut short the last time; that is mended", extra={"document": outcome.mended})
        try:
            for path in look.vanished:
                logger.info("gone from the input", extra={"document": path})
                self._memory.forget(path)
            for path, reason in look.refused.items():
                logger.info("refused: %s", reason, extra={"document": path})
                self._memory.put(path, Remembered(UNKNOWN, "given_up", reason))
                outcome.failures.append(Failure(path, (reason,), 1, given_up=True))
            if look.settled:
                self._run(look.settled, outcome, listener)
        finally:
            self._memory.save()
        if outcome.exit_code is ExitCode.OK:
            outcome.exit_code = (
                ExitCode.PARTIAL if outcome.failures else ExitCode.STORAGE if outcome.stuck else ExitCode.OK
            )
        outcome.elapsed_s = time.monotonic() - begun
        return outcome

    def _run(self, settled: Mapping[str, SourceFile], outcome: Outcome, listener: runs.RunListener | None) -> None:
        names = _Names(self._job, settled)
        summary = runs.run(self._job.run, listener=listener, choose=names.choose, retry_failed=True)
        outcome.run_id, outcome.pages, outcome.message = summary.run_id, summary.pages_done, summary.message
        if summary.exit_code is not ExitCode.PARTIAL:
            outcome.exit_code = summary.exit_code
        left = dict(settled)
        for file, report in runs.files(self._job.run, summary.run_id):
            source = left.get(file.path)
            if source is not None and self._end(source, file, report, outcome):
                del left[file.path]
        outcome.waiting += left

    def _end(self, source: SourceFile, file: KnownFile, report: DocumentReport, outcome: Outcome) -> bool:
        """Takes care of the file of one document; False if its turn has not come."""
        if report.state in (DocumentState.DONE, DocumentState.SKIPPED):
            self._succeed(source, file, report, outcome)
        elif any(failure.kind is FailureKind.DOCUMENT_CHANGED for failure in report.failures):
            outcome.changed.append(file.path)
            logger.info("changed while it was read", extra={"document": file.path, "run": outcome.run_id})
        elif report.failures and report.state in (DocumentState.FAILED, DocumentState.PARTIAL):
            self._fail(source, file, report, outcome)
        else:
            return False
        return True

    def _succeed(self, source: SourceFile, file: KnownFile, report: DocumentReport, outcome: Outcome) -> None:
        outcome.documents += 1
        fields = {"document": file.path, "run": outcome.run_id}
        logger.info("read whole; its results are in %s", report.folder, extra=fields)
        settings = self._job.ingest
        if settings.on_success == "move" and settings.done is not None:
            taken = self._taker.move(file, settings.done / self._below(source))
            outcome.moved += not taken.problem
        elif settings.on_success == "delete":
            taken = self._taker.delete(file)
            outcome.deleted += not taken.problem
        else:
            taken = Taken(for_good=True)
        self._remember_taken(Remembered(file.identity, "done", self._settings, 0, report.folder), file, taken, outcome)

    def _fail(self, source: SourceFile, file: KnownFile, report: DocumentReport, outcome: Outcome) -> None:
        before = self._memory.get(file.path)
        again = before is not None and before.identity == file.identity and before.outcome == "trying"
        attempts = 1 + (before.attempts if before is not None and again else 0)
        hopeless = any(failure.kind in HOPELESS for failure in report.failures)
        given_up = hopeless or attempts >= self._job.ingest.attempts
        reasons = reasons_of(report)
        fields = {"document": file.path, "run": outcome.run_id, "attempt": attempts}
        logger.info("not read whole: %s", "; ".join(reasons), extra=fields)
        entry = Remembered(file.identity, "given_up" if given_up else "trying", self._settings, attempts, report.folder)
        taken = Taken(for_good=True)
        if given_up and self._job.ingest.failed is not None:
            facts = {
                "attempts": attempts, "run": outcome.run_id, "job": self._job.path,
                "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            }  # fmt: skip
            text = reason_text(file.path, report, facts)
            taken = self._taker.move(file, self._job.ingest.failed / self._below(source), text)
        moved_to = str(taken.to) if taken.to else None
        outcome.failures.append(Failure(file.path, reasons, attempts, given_up, moved_to))
        self._remember_taken(entry, file, taken, outcome)

    def _remember_taken(self, entry: Remembered, file: KnownFile, taken: Taken, outcome: Outcome) -> None:
        """Remembers a file that stays for good, and forgets one that is gone or has to be read or taken again."""
        fields = {"document": file.path, "run": outcome.run_id}
        if taken.for_good:
            self._memory.put(file.path, entry)
        else:
            self._memory.forget(file.path)
        if taken.changed:
            outcome.changed.append(file.path)
        elif taken.problem:
            outcome.stuck[file.path] = taken.problem
        if taken.problem:
            logger.info("stays where it is: %s", taken.problem, extra=fields)
        elif not taken.for_good:
            logger.info("moved to %s" if taken.to else "deleted%s", taken.to or "", extra=fields)

    def _below(self, source: SourceFile) -> Path:
        """Gives where a file goes below the folder that files are moved to: as below its input folder."""
        return Path(source.root.label if len(self._job.run.inputs) > 1 else "", *source.relative.split("/"))


class _Names:
    """Chooses the output folder of each file: one that comes later under a used name replaces no results.

    A file that stays where it is and changes is another matter: its new results take the place of the old ones.
    """

    def __init__(self, job: IngestJob, settled: Mapping[str, SourceFile]) -> None:
        self._job = job
        self._settled = settled
        self._given: set[str] = set()

    def choose(self, file: SourceFile, folder: str) -> str | None:
        """Gives the folder, None for a file that has not settled."""
        expected = self._settled.get(file.path)
        if expected is None or expected.identity != file.identity:
            return None
        if self._job.ingest.on_success == "keep":
            return folder
        for name in numbered(Path(folder), stem=False):
            if name.as_posix().casefold() in self._given:
                continue
            content = runs.content_of(self._job.run.output, name.as_posix())
            if content is None or content == _sha256(file.path):
                self._given.add(name.as_posix().casefold())
                return name.as_posix()
        raise AssertionError("there is always another number")


def _digest(job: IngestJob) -> str:
    """Gives a digest of all that could give files another fate, so that they are looked at again when it changes."""
    passwords = job.run.password_file
    stamp = passwords.stat().st_mtime_ns if passwords is not None and passwords.exists() else 0
    parts = [__version__, job.run.ledger_safe(), job.ingest.on_success, str(job.ingest.done), str(stamp)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _sha256(path: str) -> str:
    """Gives the hash of a file, "" if it cannot be read: the run will say so."""
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _name(relative: str) -> str:
    return relative.rpartition("/")[2]


def _path(refused: RefusedFile) -> str:
    return os.path.normpath(Path(refused.root.path, *refused.relative.split("/")))


def _is_gone(path: str) -> bool:
    """Tells whether there is certainly nothing: a folder that cannot be read proves nothing."""
    try:
        Path(path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
