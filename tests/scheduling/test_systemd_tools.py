"""Unit files and times held against systemd's own tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.missing import missing

from batchocr.errors import ConfigError
from batchocr.scheduling import systemd
from batchocr.scheduling.cron import CronTime, parse
from batchocr.scheduling.entry import Entry

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")
NAMES = [
    "nightly",
    "two  blanks",
    "100% %n %%h",
    "\"quoted\" and 'quoted'",
    "$HOME ${HOME} $$",
    "back\\slash \\x41\\",
    "-; é",
]
BEGIN = datetime(2026, 1, 28, 22, 13, 30)


def analyze(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Gives what systemd-analyze says."""
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze is not installed")
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


def units(folder: Path, name: str) -> Entry:
    """Writes the units of a job in a folder with that name, for a program in a folder whose name is a trap, too."""
    home = folder / name
    home.mkdir()
    program = folder / "a 100% %n $HOME" / "batchocr"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    entry = Entry(home / f"{name}.yaml", parse("0 2 * * *"), home / "logs" / "cron.log", (str(program),))
    for text in systemd.text(entry).split("# batchocr-")[1:]:
        unit, content = text.split("\n", 1)
        (folder / f"batchocr-{unit}").write_text(content)
    return entry


@pytest.mark.parametrize("manager", ["--user", "--system"])
@pytest.mark.parametrize("name", NAMES)
def test_systemd_has_nothing_to_say_against_the_units(tmp_path: Path, name: str, manager: str) -> None:
    entry = units(tmp_path, name)
    files = [str(tmp_path / f"{entry.name}.{kind}") for kind in ("service", "timer")]
    (tmp_path / "runtime").mkdir(mode=0o700)
    done = analyze(manager, "verify", *files, HOME=str(tmp_path), XDG_RUNTIME_DIR=str(tmp_path / "runtime"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_would_miss_a_program_that_is_not_there(tmp_path: Path) -> None:
    entry = units(tmp_path, "100% $HOME")
    Path(entry.program[0]).unlink()
    done = analyze("--system", "verify", str(tmp_path / f"{entry.name}.service"))
    assert done.returncode != 0
    assert entry.program[0] in done.stderr


def starts(when: CronTime, count: int) -> list[datetime]:
    """Gives the next times at which cron would start, found by going through every minute."""
    found: list[datetime] = []
    time = BEGIN.replace(second=0)
    while len(found) < count:
        time += timedelta(minutes=1)
        days = (time.day in when.days, time.isoweekday() % 7 in when.weekdays)
        fits = all(days) if when.any_day or when.any_weekday else any(days)
        if not fits or time.month not in when.months:
            time = time.replace(hour=23, minute=59)
        elif time.hour in when.hours and time.minute in when.minutes:
            found.append(time)
    return found


@pytest.mark.parametrize(
    "when",
    [
        "0 2 * * *", "*/5 * * * *", "*/7 */5 * * *", "15 8-17 * * 1-5", "3,50 0-4/2,22 * * *", "0 0 1,15 * 5",
        "7 3 * * 5-7", "0 6 * jan sun", "30 12 29 2 *", "0 0 31 * *", "5 5 */10 * mon",
        "@hourly", "@daily", "@weekly", "@monthly", "@yearly",
    ],
)  # fmt: skip
def test_systemd_starts_when_cron_would(when: str) -> None:
    count = 3 if when.startswith(("30 12 29", "@yearly")) else 12
    found: set[datetime] = set()
    for time in systemd.calendar(parse(when)):
        done = analyze(
            "calendar", f"--iterations={count}", f"--base-time={BEGIN:%Y-%m-%d %H:%M:%S}", time, TZ="UTC", LC_ALL="C"
        )
        assert done.returncode == 0, done.stderr
        lines = [
            line.split(": ", 1)[1] for line in done.stdout.splitlines() if "Next elapse:" in line or "Iter" in line
        ]
        assert len(lines) == count, done.stdout
        found.update(datetime.strptime(line, "%a %Y-%m-%d %H:%M:%S UTC") for line in lines)
    assert sorted(found)[:count] == starts(parse(when), count)


@pytest.mark.parametrize("name", ["it's", '"q"', "back\\slash"])
def test_program_that_systemd_would_not_start_is_refused(tmp_path: Path, name: str) -> None:
    entry = Entry(tmp_path / "job.yaml", parse("@daily"), tmp_path / "cron.log", (f"/opt/{name}/batchocr",))
    with pytest.raises(ConfigError, match="quote or a backslash"):
        systemd.text(entry)


def test_path_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    entry = Entry(Path(os.fsdecode(b"/srv/\xff.yaml")), parse("@daily"), tmp_path / "cron.log", ("/usr/bin/batchocr",))
    with pytest.raises(ConfigError, match="UTF-8"):
        systemd.text(entry)
