"""Timers of systemd: of this user, or of the system for root."""

from __future__ import annotations

import os
from pathlib import Path

from batchocr.errors import ConfigError, StorageError
from batchocr.scheduling.commands import ask
from batchocr.scheduling.cron import DAYS, CronTime
from batchocr.scheduling.entry import Entry

# The time at the end of the description keeps a backslash at the end of a path from joining the next line to it.
# An ingest that was interrupted in order says so by its exit code: nothing went wrong.
_SERVICE = """\
[Unit]
Description=batchocr ingest of {job} ({when})

[Service]
Type=oneshot
ExecStart={command}
SuccessExitStatus=129 130 143
StandardOutput=append:{log}
StandardError=append:{log}
"""
_TIMER = """\
[Unit]
Description=batchocr ingest of {job} ({when})

[Timer]
{times}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


def text(entry: Entry) -> str:
    """Gives both unit files with their names, for people.

    Raises:
        ConfigError: a path is none that systemd can hold.
    """
    return "\n".join(f"# {name}\n{content}" for name, content in _units(entry).items())


def install(entry: Entry) -> str:
    """Writes the unit files, in place of older ones for this job, and starts the timer; gives what was done, in words.

    Raises:
        ConfigError: as `text`.
        SetupError: there is no systemd here.
        StorageError: they cannot be written, or systemd refuses them.
    """
    folder, units = _folder(), _units(entry)
    try:
        entry.log.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in units.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as err:
        raise StorageError(f"{folder} cannot be written ({err.strerror or err}). Check its rights.") from err
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", f"{entry.name}.timer")
    return f"the timer {entry.name}.timer in {folder} is enabled" + _lingering()


def remove(entry: Entry) -> str:
    """Stops the timer and deletes its files; gives what was done, in words.

    Raises:
        SetupError, StorageError: as `install`.
    """
    there = [path for name in _names(entry) if (path := _folder() / name).exists()]
    if not there:
        return f"there is no timer {entry.name}.timer"
    _systemctl("disable", "--now", f"{entry.name}.timer")
    for path in there:
        path.unlink()
    _systemctl("daemon-reload")
    return f"the timer {entry.name}.timer is gone"


def calendar(when: CronTime) -> list[str]:
    """Gives the same times as systemd writes them."""
    time = f"{_list(when.hours, 24)}:{_list(when.minutes, 60)}:00"
    months = _list(when.months, 12)
    weekdays = "" if when.any_weekday else ",".join(DAYS[day].capitalize() for day in when.weekdays) + " "
    by_day = f"*-{months}-{_list(when.days, 31)} {time}"
    if when.any_day or when.any_weekday:
        return [weekdays + by_day]
    # cron wants one of the two fields to fit, systemd both.
    return [by_day, f"{weekdays}*-{months}-* {time}"]


def _list(numbers: tuple[int, ...], size: int) -> str:
    return "*" if len(numbers) == size else ",".join(f"{number:02}" for number in numbers)


def _names(entry: Entry) -> tuple[str, str]:
    return f"{entry.name}.service", f"{entry.name}.timer"


def _units(entry: Entry) -> dict[str, str]:
    _check(entry)
    job, when = _literal(str(entry.job)), entry.when.text
    service = _SERVICE.format(job=job, when=when, command=_command(entry.words), log=_literal(str(entry.log)))
    times = "\n".join(f"OnCalendar={time}" for time in calendar(entry.when))
    return dict(zip(_names(entry), (service, _TIMER.format(job=job, when=when, times=times)), strict=True))


def _check(entry: Entry) -> None:
    for text in (*entry.words, str(entry.log)):
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ConfigError(f"{text!r} has bytes that are no UTF-8, which systemd cannot hold. Choose another name.")
    if set(entry.program[0]) & set("\\\"'"):
        raise ConfigError(
            f"{entry.program[0]} has a quote or a backslash in its path, and systemd starts no such program. "
            "Install batchocr in another folder, or choose --kind crontab."
        )


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _command(words: tuple[str, ...]) -> str:
    """Gives a command as systemd reads it: no shell, but escapes, specifiers and variables of its own."""
    program, *others = ('"' + _literal(word.replace("\\", "\\\\").replace('"', '\\"')) + '"' for word in words)
    # The program's own path takes no variables: $$ would stay as it is.
    return " ".join([program, *(word.replace("$", "$$") for word in others)])


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _folder() -> Path:
    return Path("/etc/systemd/system") if _is_root() else Path.home() / ".config" / "systemd" / "user"


def _systemctl(*words: str) -> None:
    ask(["systemctl", *([] if _is_root() else ["--user"]), *words])


def _lingering() -> str:
    return "" if _is_root() else "; it runs while you are logged in, and always after `loginctl enable-linger`"
