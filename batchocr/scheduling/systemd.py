"""Timers of systemd: of this user, or of the system for root."""

from __future__ import annotations

import os
from pathlib import Path

from batchocr.errors import StorageError
from batchocr.scheduling.commands import ask
from batchocr.scheduling.cron import DAYS, CronTime
from batchocr.scheduling.entry import Entry

# Interrupted in order, and told so: nothing went wrong.
_SERVICE = """\
[Unit]
Description=batchocr ingest of {job}

[Service]
Type=oneshot
ExecStart={command}
SuccessExitStatus=129 130 143
StandardOutput=append:{log}
StandardError=append:{log}
"""
_TIMER = """\
[Unit]
Description=batchocr ingest of {job}

[Timer]
{times}
Persistent=true

[Install]
WantedBy=timers.target
"""


def text(entry: Entry) -> str:
    """Gives both unit files with their names, for people."""
    return "\n".join(f"# {name}\n{content}" for name, content in _units(entry).items())


def install(entry: Entry) -> str:
    """Writes the unit files, in place of older ones for this job, and starts the timer; gives what was done, in words.

    Raises:
        SetupError: there is no systemd here.
        StorageError: they cannot be written, or systemd refuses them.
    """
    folder = _folder()
    try:
        entry.log.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in _units(entry).items():
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
    there = [path for name in _units(entry) if (path := _folder() / name).exists()]
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


def _units(entry: Entry) -> dict[str, str]:
    times = "\n".join(f"OnCalendar={time}" for time in calendar(entry.when))
    service = _SERVICE.format(
        job=_percent(entry.job), command=" ".join(_quoted(word) for word in entry.words), log=_percent(entry.log)
    )
    return {
        f"{entry.name}.service": service,
        f"{entry.name}.timer": _TIMER.format(job=_percent(entry.job), times=times),
    }


def _percent(path: Path) -> str:
    return str(path).replace("%", "%%")


def _quoted(word: str) -> str:
    """Gives a word of a command as systemd reads it: no shell, but escapes, specifiers and variables of its own."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _folder() -> Path:
    return Path("/etc/systemd/system") if _is_root() else Path.home() / ".config" / "systemd" / "user"


def _systemctl(*words: str) -> None:
    ask(["systemctl", *([] if _is_root() else ["--user"]), *words])


def _lingering() -> str:
    return "" if _is_root() else "; it runs while you are logged in, and always after `loginctl enable-linger`"
