"""Logging: lines for people on stderr, JSON lines with fixed fields for machines, one file per process.

Every room logs through `get_logger` and sets no handlers. Secrets that a library prints are masked on the way out, and
control characters in a hostile file name reach neither the terminal nor the file as such.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from batchocr.errors import StorageError

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:  # Python 3.10 has no subscript there
    _Adapter = logging.LoggerAdapter

FIELDS = ("run", "worker", "device", "document", "page", "attempt")
ROOT = "batchocr"
MAX_LOG_BYTES = 32 << 20
KEPT_LOGS = 2
KEPT_RUN_LOGS = 200

_SECRET = re.compile(
    r"""((?:api|access|auth|private)[_-]?(?:key|token)|token|password|passwd|secret|credential)(["']?\s*[=:]\s*["']?)"""
    r"""[^\s"',;&]+|(bearer\s+)[A-Za-z0-9._~+/=-]{8,}|(://[^\s/:@]*:)[^\s/@]+(?=@)""",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Set on a record that people were shown in another way.
SHOWN = "shown"

_console: logging.Handler | None = None
_write_above: Callable[[str], object] | None = None


class FieldLogger(_Adapter):
    """A logger whose records carry some of the fixed fields."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Adds the fields of this logger to those given with the call."""
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs

    def bind(self, **fields: object) -> FieldLogger:
        """Gives a logger that has these fields too.

        Args:
            fields: some of `FIELDS`.

        Raises:
            KeyError: a name that is none of the fixed fields.
        """
        for name in fields:
            if name not in FIELDS:
                raise KeyError(name)
        return FieldLogger(self.logger, {**(self.extra or {}), **fields})


def get_logger(name: str = ROOT, **fields: object) -> FieldLogger:
    """Gives the logger of a module (`__name__`), with some of `FIELDS` set for all of its records."""
    return FieldLogger(logging.getLogger(name), {}).bind(**fields)


def masked(text: str) -> str:
    """Gives a text with everything that looks like a secret masked."""
    return _SECRET.sub(lambda match: "".join(part for part in match.groups() if part) + "***", text)


def printable(text: str) -> str:
    """Gives a text that is safe to print on a terminal: control characters and broken Unicode are escaped."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, the fixed fields, message; `detail` is a traceback if there is one."""

    def __init__(self, **fields: object) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """Gives the line."""
        time = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, object] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
        }
        line.update((name, getattr(record, name, self._fields.get(name))) for name in FIELDS)
        line["message"] = masked(record.getMessage())
        if record.exc_info:
            line["detail"] = masked("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, default=str)


class MainThreadFields(logging.Filter):
    """Gives records of the main thread fields that change, such as the page in hand; what a record says itself wins."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, object] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Adds the fields; every record passes."""
        if record.thread == threading.main_thread().ident:
            for name, value in self.fields.items():
                if not hasattr(record, name):
                    setattr(record, name, value)
        return True


class HumanFormatter(logging.Formatter):
    """Level, local time, message; the document and page in front of it unless the message names them."""

    def format(self, record: logging.LogRecord) -> str:
        """Gives the line, without a traceback: that is in the log file."""
        message = record.getMessage()
        document, page = getattr(record, "document", None), getattr(record, "page", None)
        if document and str(document) not in message:
            message = f"{document}{f' page {page}' if page else ''}: {message}"
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        lines = "\n    ".join(printable(line) for line in masked(message).splitlines() or [""])
        return f"{record.levelname.lower():<7} {time} {lines}"


class ConsoleHandler(logging.Handler):
    """Writes to stderr; while something stands on the screen, above it (`lines_above`)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream
        self.setFormatter(HumanFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record; a stderr that is closed or full is no reason to stop a run."""
        if getattr(record, SHOWN, False):
            return
        stream = self._stream or sys.stderr
        try:
            line = self.format(record)
            if _write_above is not None:
                _write_above(line)
            else:
                stream.write(line + "\n")
                stream.flush()
        except (OSError, ValueError):
            return


class JsonFileHandler(RotatingFileHandler):
    """Appends JSON lines to a file; when that fails, says so once and goes on without.

    A file of `MAX_LOG_BYTES` becomes `.1`, and that `.2`; an older one goes.
    """

    def __init__(self, path: Path, **fields: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, maxBytes=MAX_LOG_BYTES, backupCount=KEPT_LOGS, encoding="utf-8")
        self.setFormatter(JsonFormatter(**fields))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Stops this file's records: a full disk must not become a flood of tracebacks."""
        if self.level <= logging.CRITICAL:
            self.setLevel(logging.CRITICAL + 1)
            reason = sys.exc_info()[1]
            get_logger(__name__).warning("The log %s cannot be written any more (%s).", self.baseFilename, reason)


def console_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Makes this process show its records to people. A second call replaces the first.

    Args:
        level: least important level to show: debug, info, warning, error.
        stream: where to; stderr as it is at the time of each record, unless given.
    """
    global _console
    logger = logging.getLogger(ROOT)
    if _console is not None:
        logger.removeHandler(_console)
    _console = ConsoleHandler(stream)
    _console.setLevel(level.upper())
    logger.addHandler(_console)
    _let_through(logger, level)


@contextmanager
def lines_above(write: Callable[[str], object]) -> Iterator[None]:
    """Has records for people written by a function that knows what stands on the screen.

    Args:
        write: takes a text without an end of line, made safe for a terminal.
    """
    global _write_above
    before, _write_above = _write_above, write
    try:
        yield
    finally:
        _write_above = before


def run_logging(state_dir: Path, run_id: str, level: str = "info") -> JsonFileHandler:
    """Makes this process write its records to `<state_dir>/logs/run-<run_id>.jsonl` too.

    Returns:
        The handler, for `end_logging`.

    Raises:
        OSError: the folder or file cannot be made.
    """
    handler = JsonFileHandler(state_dir / "logs" / f"run-{run_id}.jsonl", run=run_id)
    handler.setLevel(level.upper())
    logger = logging.getLogger(ROOT)
    logger.addHandler(handler)
    _let_through(logger, level)
    return handler


@contextmanager
def file_logging(path: Path, room: str, level: str = "info") -> Iterator[None]:
    """Writes the records of one room (`batchocr.ingest`) to a file of JSON lines too, for as long as the context lasts.

    Raises:
        StorageError: the folder or file cannot be made.
    """
    try:
        handler = JsonFileHandler(path)
    except OSError as err:
        raise StorageError(f"{path} cannot be written ({err.strerror or err}). Check its rights and the disk.") from err
    handler.setLevel(level.upper())
    logger = logging.getLogger(room)
    logger.addHandler(handler)
    _let_through(logger, level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def rotate_logs(folder: Path) -> None:
    """Deletes the logs of all but the last runs, and puts long plain ones (of children, of cron) aside.

    No child may be writing them. What cannot be put away is told in a warning.
    """
    try:
        for old in sorted(folder.glob("run-*.jsonl*"), reverse=True)[KEPT_RUN_LOGS:]:
            old.unlink()
        for path in folder.glob("*.log"):
            if path.stat().st_size > MAX_LOG_BYTES:
                path.replace(path.with_name(path.name + ".1"))
    except OSError as err:
        get_logger(__name__).warning("Old logs in %s cannot be put away (%s); delete them by hand.", folder, err)


def end_logging(handler: logging.Handler) -> None:
    """Takes a handler away and closes its file."""
    logging.getLogger(ROOT).removeHandler(handler)
    handler.close()


def run_log_path() -> Path | None:
    """Gives the file that this process writes JSON lines to, None if there is none."""
    handlers = logging.getLogger(ROOT).handlers
    return next((Path(entry.baseFilename) for entry in handlers if isinstance(entry, JsonFileHandler)), None)


def child_logging(
    name: str, folder: str | Path, level: str = "info", here: MainThreadFields | None = None, **fields: object
) -> FieldLogger:
    """Makes a child process write all its records to `<folder>/<name>.jsonl`, and gives its logger.

    Libraries are heard from `warning` on, and what Python's `warnings` say is logged too. Called once, by the child.

    Args:
        name: of the child, such as `gpu:0`; characters that no file name can have become `-`.
        folder: of the logs; made if missing.
        level: least important level of batchocr's own records.
        here: adds fields that change.
        fields: fixed fields that all records of this process have, such as run, worker and device.

    Raises:
        OSError: the folder or file cannot be made.
    """
    handler = JsonFileHandler(Path(folder) / f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)}.jsonl", **fields)
    if here is not None:
        handler.addFilter(here)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(level.upper())
    logging.captureWarnings(True)
    return get_logger(ROOT)


def _let_through(logger: logging.Logger, level: str) -> None:
    """Lowers the logger to what its most curious handler wants."""
    wanted = logging.getLevelName(level.upper())
    logger.setLevel(min(wanted, logger.level or wanted))
