"""Tasks of the Windows Task Scheduler, in the form that its schema wants.

https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema (within a trigger, elements have an order).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from batchocr.errors import ConfigError
from batchocr.scheduling.commands import ask
from batchocr.scheduling.cron import CronTime
from batchocr.scheduling.entry import Entry

# What the Task Scheduler allows one task to have.
MAX_TRIGGERS = 48
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>batchocr ingest of {job}</Description></RegistrationInfo>
  <Triggers>
{triggers}
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
  </Settings>
  <Principals>
    <Principal id="Author"><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Actions Context="Author">
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def text(entry: Entry) -> str:
    """Gives the task as XML, for `schtasks /Create /XML FILE`.

    Raises:
        ConfigError: the Task Scheduler cannot start at such times, or cmd.exe cannot be given such a path.
    """
    paths = [*entry.words, str(entry.log)]
    if bad := [path for path in paths if "%" in path or '"' in path]:
        raise ConfigError(f"{bad[0]!r} cannot stand in a Windows task: take a path without % and quotation marks.")
    command = " ".join(f'"{word}"' for word in entry.words)
    arguments = escape(f'/d /c "{command} >> "{entry.log}" 2>&1"')
    return _TASK.format(job=escape(str(entry.job)), triggers="\n".join(_triggers(entry.when)), arguments=arguments)


def install(entry: Entry) -> str:
    """Makes the task, in place of an older one for this job; gives what was done, in words.

    Raises:
        ConfigError: as `text`.
        SetupError: there is no Task Scheduler here.
        StorageError: it refuses the task.
    """
    content = text(entry)
    entry.log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.xml"
        file.write_text(content, encoding="utf-16")
        ask(["schtasks", "/Create", "/F", "/TN", entry.name, "/XML", str(file)])
    return f"the task {entry.name} is in the Task Scheduler; it runs while you are logged in"


def remove(entry: Entry) -> str:
    """Deletes the task; gives what was done, in words.

    Raises:
        SetupError, StorageError: as `install`.
    """
    if ask(["schtasks", "/Query", "/TN", entry.name], may_fail=True).returncode:
        return f"there is no task {entry.name}"
    ask(["schtasks", "/Delete", "/F", "/TN", entry.name])
    return f"the task {entry.name} is gone"


def _triggers(when: CronTime) -> list[str]:
    triggers = [
        f"    <CalendarTrigger><StartBoundary>2020-01-01T{start}:00</StartBoundary>{repetition}{days}</CalendarTrigger>"
        for start, repetition in _starts(when)
        for days in _days(when)
    ]
    if len(triggers) > MAX_TRIGGERS:
        raise ConfigError(
            f"--cron {when.text!r} means {len(triggers)} times a day, and a Windows task has at most {MAX_TRIGGERS}. "
            "Every few minutes of all hours works (*/5 * * * *), and so do fewer times."
        )
    return triggers


def _starts(when: CronTime) -> Iterator[tuple[str, str]]:
    """Gives each time of day, with the repetition that starts then."""
    step = 60 // len(when.minutes)
    if len(when.hours) == 24 and when.minutes == tuple(range(when.minutes[0], 60, step)) and 60 % step == 0:
        repetition = f"<Repetition><Interval>PT{step}M</Interval><Duration>P1D</Duration></Repetition>"
        yield f"00:{when.minutes[0]:02}", repetition
        return
    for hour in when.hours:
        for minute in when.minutes:
            yield f"{hour:02}:{minute:02}", ""


def _days(when: CronTime) -> Iterator[str]:
    """Gives on which days: cron wants day of month or day of week to fit where both are given."""
    all_months = len(when.months) == 12
    months = "".join(f"<{MONTHS[number - 1]} />" for number in when.months)
    days = "".join(f"<Day>{day}</Day>" for day in when.days)
    if not when.any_weekday:
        if not all_months:
            raise ConfigError(f"--cron {when.text!r}: a Windows task takes days of the week in all months only.")
        weekdays = "".join(f"<{DAYS[day]} />" for day in when.weekdays)
        yield (f"<ScheduleByWeek><DaysOfWeek>{weekdays}</DaysOfWeek><WeeksInterval>1</WeeksInterval></ScheduleByWeek>")
    if not when.any_day or (when.any_weekday and not (all_months and len(when.days) == 31)):
        yield f"<ScheduleByMonth><DaysOfMonth>{days}</DaysOfMonth><Months>{months}</Months></ScheduleByMonth>"
    elif when.any_weekday:
        yield "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"
