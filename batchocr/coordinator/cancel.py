"""The request to stop a run from elsewhere: a file in the output folder, which also reaches a run on another host."""

from __future__ import annotations

from pathlib import Path

from batchocr.errors import StorageError

_NAME = "cancel"


def ask_cancel(commit_dir: Path) -> None:
    """Asks the run that writes to an output folder to finish its pages in hand and stop.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        (commit_dir / _NAME).touch()
    except OSError as err:
        reason = err.strerror or err
        raise StorageError(f"{commit_dir} cannot be written ({reason}), so the run cannot be asked to stop.") from err


def cancel_asked(commit_dir: Path) -> bool:
    """Tells whether a stop was asked for since the last call."""
    request = commit_dir / _NAME
    if not request.exists():
        return False
    request.unlink(missing_ok=True)
    return True
