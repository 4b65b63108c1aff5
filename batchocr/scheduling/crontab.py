"""Entries in the crontab of the user: one line each, known by its last words."""

from __future__ import annotations

import shlex

from batchocr.errors import StorageError
from batchocr.scheduling.commands import ask
from batchocr.scheduling.entry import Entry


def text(entry: Entry) -> str:
    """Gives the line: what is said goes to the log, and by mail to the owner of the crontab."""
    command = f"{shlex.join(entry.words)} 2>&1 | tee -a {shlex.quote(str(entry.log))}"
    # cron takes a bare % for the end of the line.
    return f"{entry.when.text} {command.replace('%', chr(92) + '%')} {_mark(entry)}\n"


def install(entry: Entry) -> str:
    """Puts the line into the crontab, in place of an older one for this job; gives what was done, in words.

    Raises:
        SetupError: there is no crontab here.
        StorageError: it cannot be read or written, or the log's folder cannot be made.
    """
    _make_folder(entry)
    others = _others(entry)
    _write([*others, text(entry)])
    return "the crontab of this user has the line"


def remove(entry: Entry) -> str:
    """Takes the line of this job out of the crontab; gives what was done, in words.

    Raises:
        SetupError, StorageError: as `install`.
    """
    before, others = _lines(), _others(entry)
    if before == others:
        return "the crontab of this user has no line for this job"
    _write(others)
    return "the line is out of the crontab of this user"


def _mark(entry: Entry) -> str:
    return f"# {entry.name}"


def _lines() -> list[str]:
    done = ask(["crontab", "-l"], may_fail=True)
    if done.returncode and "no crontab" not in done.stderr.lower():
        raise StorageError(f"The crontab cannot be read: {done.stderr.strip()}.")
    return done.stdout.splitlines(keepends=True) if not done.returncode else []


def _others(entry: Entry) -> list[str]:
    return [line for line in _lines() if not line.rstrip().endswith(_mark(entry)) or line.lstrip().startswith("#")]


def _write(lines: list[str]) -> None:
    whole = [line if line.endswith("\n") else line + "\n" for line in lines]
    ask(["crontab", "-"], "".join(whole))


def _make_folder(entry: Entry) -> None:
    try:
        entry.log.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise StorageError(f"{entry.log.parent} cannot be made ({err.strerror or err}). Check its rights.") from err
