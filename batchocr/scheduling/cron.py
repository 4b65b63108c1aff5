"""Times as crontabs write them: five fields, or `@daily` and the like."""

from __future__ import annotations

import re
from dataclasses import dataclass

from batchocr.errors import ConfigError

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))


@dataclass(frozen=True)
class CronTime:
    """When to start.

    Attributes:
        text: as it was written, one blank between fields.
        minutes, hours, days, months, weekdays: ascending; Sunday is 0.
        any_day, any_weekday: that field is `*`: if neither is, cron starts on days that fit one of them.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    any_day: bool
    any_weekday: bool


def parse(text: str) -> CronTime:
    """Gives the time that a text stands for.

    Raises:
        ConfigError: it is none; names the field.
    """
    fields = MACROS.get(text.strip().lower(), text).split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            f"--cron {text!r} must have five fields: minute, hour, day of month, month, day of week ('0 2 * * *' is "
            "two o'clock every night), or be one of " + ", ".join(MACROS) + "."
        )
    numbers = [_numbers(field, *bounds, text) for field, bounds in zip(fields, _FIELDS, strict=True)]
    weekdays = tuple(sorted({day % 7 for day in numbers[4]}))
    return CronTime(
        " ".join(fields), numbers[0], numbers[1], numbers[2], numbers[3], weekdays,
        any_day=fields[2].startswith("*"), any_weekday=fields[4].startswith("*"),
    )  # fmt: skip


def _numbers(field: str, name: str, lowest: int, highest: int, text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in field.lower().split(","):
        match = re.fullmatch(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?", part)
        ends = (None, None) if match is None else (match[2], match[3] or match[2])
        first, last = (lowest, highest) if match and match[1] else (_number(end, name) for end in ends)
        step = int(match[4]) if match and match[4] else 1
        if match is None or first is None or last is None or not lowest <= first <= last <= highest or step < 1:
            raise ConfigError(
                f"--cron {text!r}: {part!r} is no {name}: numbers from {lowest} to {highest}, ranges such as "
                f"{lowest}-{highest}, steps such as */5, with commas between them."
            )
        if match[4] and not match[1] and match[3] is None:
            last = highest  # `5/15` is from five on
        found.update(range(first, last + 1, step))
    return tuple(sorted(found))


def _number(word: str | None, name: str) -> int | None:
    if word is None:
        return None
    if word.isascii() and word.isdigit():
        return int(word)
    if name == "month" and word in MONTHS:
        return MONTHS.index(word) + 1
    return DAYS.index(word) if name == "day of week" and word in DAYS else None
