"""Tells a command of the user what an ingest came to. Whatever becomes of it changes nothing for the documents."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batchocr.config import IngestSettings
from batchocr.logs import get_logger, printable

logger = get_logger(__name__)

SHOWN_BYTES = 500


def notify(settings: IngestSettings, told: Mapping[str, Any], folder: Path) -> str:
    """Runs the command with JSON on its standard input; gives what went wrong, "" if nothing did.

    Args:
        settings: name the command and its time limit.
        told: JSON-safe.
        folder: where the command runs.
    """
    if not settings.notify:
        return ""
    command = settings.notify
    words: str | list[str]
    if settings.notify_shell:
        words = command if isinstance(command, str) else shlex.join(command)
    else:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    fault = _run(words, json.dumps(told).encode(), settings, folder)
    if fault:
        logger.warning("the command that is told of it (notify) %s; nothing else is wrong", fault)
    return fault


def _run(words: str | list[str], told: bytes, settings: IngestSettings, folder: Path) -> str:
    # Files instead of pipes: neither a command that reads nothing nor its children can block this process.
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as output:
        stdin.write(told)
        stdin.seek(0)
        try:
            process = subprocess.Popen(
                words, stdin=stdin, stdout=output, stderr=subprocess.STDOUT, cwd=folder,
                shell=settings.notify_shell, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as err:
            return f"could not be started ({err})"
        try:
            code = process.wait(settings.notify_timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"was ended: it took longer than {settings.notify_timeout_s:g} s"
        if code == 0:
            return ""
        output.seek(0)
        said = printable(output.read(SHOWN_BYTES).decode(errors="replace").strip())
        return f"ended with exit code {code}{f' and said: {said}' if said else ''}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command with all that it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own and was not waited for yet
    else:
        process.kill()
    process.wait()
