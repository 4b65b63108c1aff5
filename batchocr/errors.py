"""Every exception, failure kind and exit code of batchocr.

    BatchOcrError
    ├─ ConfigError         a setting is wrong
    ├─ InputError          an input does not exist or cannot be read at all
    ├─ SetupError          a missing extra, weights or device
    ├─ StorageError        outputs or ledger cannot be written, ledger in use, ledger too new
    ├─ RunFailedError      no workers left, failure budget spent
    └─ TaskError           carries a failure kind; ends as an attempt row, never as a traceback
       ├─ DocumentError    ├─ EngineError    ├─ TaskTimeoutError    └─ WorkerLostError
    Cancelled(BaseException)   no `except Exception` in an engine can swallow it

Exit codes and failure kinds are public: add, never renumber.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class ExitCode(IntEnum):
    """What the command tells the shell. The README's table is tested against this enum."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INPUT = 3
    SETUP = 4
    STORAGE = 5
    PARTIAL = 6
    RUN_FAILED = 7
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class FailureKind(str, Enum):
    """Why a page or a document failed: a closed list that users may filter by."""

    DOCUMENT_UNREADABLE = "document_unreadable"
    DOCUMENT_ENCRYPTED = "document_encrypted"
    DOCUMENT_TOO_LARGE = "document_too_large"
    DOCUMENT_CHANGED = "document_changed"
    PAGE_RENDER_FAILED = "page_render_failed"
    ENGINE_ERROR = "engine_error"
    ENGINE_OUT_OF_MEMORY = "engine_out_of_memory"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    OUTPUT_BLOCKED = "output_blocked"
    OUTPUT_ERROR = "output_error"
    INTERNAL = "internal"


class BatchOcrError(Exception):
    """Root of every error that batchocr raises on purpose; `exit_code` is what the command answers."""

    exit_code = ExitCode.INTERNAL


class ConfigError(BatchOcrError):
    """A setting is wrong: unknown key, bad value, or settings that contradict each other."""

    exit_code = ExitCode.USAGE


class InputError(BatchOcrError):
    """An input does not exist or cannot be read at all."""

    exit_code = ExitCode.INPUT


class SetupError(BatchOcrError):
    """Something this machine lacks: an extra, weights or a device. The message names the remedy."""

    exit_code = ExitCode.SETUP


class StorageError(BatchOcrError):
    """Outputs or ledger cannot be written, the ledger is in use, or it is newer than this program."""

    exit_code = ExitCode.STORAGE


class RunFailedError(BatchOcrError):
    """The run stopped early (no workers left, failure budget spent); it can be resumed."""

    exit_code = ExitCode.RUN_FAILED


class TaskError(BatchOcrError):
    """A page or document could not be done. It ends as a row with its failure kind, not as a traceback."""

    default_kind = FailureKind.INTERNAL

    def __init__(self, message: str, kind: FailureKind | None = None) -> None:
        super().__init__(message)
        self.kind = kind or self.default_kind


class DocumentError(TaskError):
    """A document or one of its pages cannot be opened, counted or rendered."""

    default_kind = FailureKind.DOCUMENT_UNREADABLE


class EngineError(TaskError):
    """An engine could not recognize a page.

    Args:
        message: what happened.
        kind: `engine_error` unless said otherwise.
        fatal: the device is no longer usable, so the worker must be replaced.
        blameless: no page has anything to do with it (a server is gone): those in hand count as not tried.
    """

    default_kind = FailureKind.ENGINE_ERROR

    def __init__(
        self, message: str, kind: FailureKind | None = None, *, fatal: bool = False, blameless: bool = False
    ) -> None:
        super().__init__(message, kind)
        self.fatal = fatal
        self.blameless = blameless


class TaskTimeoutError(TaskError):
    """No page was finished within the time allowed."""

    default_kind = FailureKind.TIMEOUT


class WorkerLostError(TaskError):
    """The worker that had the task in hand died."""

    default_kind = FailureKind.WORKER_LOST


class Cancelled(BaseException):
    """The order to stop now, which no `except Exception` can swallow."""
