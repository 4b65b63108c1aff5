"""Asks the programs of the system that keep schedules."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from batchocr.errors import SetupError, StorageError

TIMEOUT_S = 60.0


def ask(words: Sequence[str], told: str | None = None, *, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
    """Gives what a command did.

    Args:
        words: the command.
        told: for its standard input.
        may_fail: an exit code other than 0 is an answer too.

    Raises:
        SetupError: there is no such command here.
        StorageError: it failed, or did not end in time.
    """
    if shutil.which(words[0]) is None:
        raise SetupError(f"There is no {words[0]} on this machine; choose another --kind, or leave --install out.")
    try:
        done = subprocess.run(
            words, input=told or "", capture_output=True, encoding="utf-8", errors="surrogateescape", check=False,
            timeout=TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as err:
        raise StorageError(f"`{' '.join(words)}` did not end within {TIMEOUT_S:g} s.") from err
    if done.returncode and not may_fail:
        raise StorageError(f"`{' '.join(words)}` failed: {done.stderr.strip() or f'exit code {done.returncode}'}.")
    return done
