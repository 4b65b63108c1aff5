"""Crontab lines, timers and tasks, read back by the programs that they are for where these can be asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from batchocr.errors import ConfigError, SetupError
from batchocr.scheduling import crontab, systemd, windows
from batchocr.scheduling.cron import parse
from batchocr.scheduling.entry import Entry, make_entry

HOSTILE = 'it\'s 100% $HOME "q" & ;x'
_FAKE = """\
#!/bin/sh
if [ "$1" = -l ]; then
    [ -f "$STORE" ] || { echo "no crontab for me" >&2; exit 1; }
    cat "$STORE"
else
    cat > "$STORE"
fi
"""


def entry(folder: Path, name: str = "nightly", when: str = "0 2 * * *") -> Entry:
    return Entry(folder / f"{name}.yaml", parse(when), folder / "logs" / "cron.log", (str(folder / "batchocr"),))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a `crontab` in front that keeps its table in a file of the test."""
    if sys.platform == "win32":
        pytest.skip("Windows has no crontab")
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(_FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STORE", str(tmp_path / "table"))
    return tmp_path / "table"


@pytest.mark.skipif(sys.platform == "win32", reason="crontabs are for sh")
@pytest.mark.parametrize("name", ["nightly", HOSTILE])
def test_shell_reads_the_line_as_it_was_meant(tmp_path: Path, name: str) -> None:
    program = tmp_path / "batchocr"
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\necho oops >&2\n')
    program.chmod(0o755)
    (tmp_path / "logs").mkdir()
    one = entry(tmp_path, name)
    fields = crontab.text(one).rstrip("\n").split(" ", 5)
    assert " ".join(fields[:5]) == "0 2 * * *"
    command = fields[5].replace("\\%", "%")  # as cron does
    said = subprocess.run(["/bin/sh", "-c", command], cwd="/", env={}, capture_output=True, text=True, check=True)
    assert said.stdout == f"<ingest>\n<--job>\n<{one.job}>\noops\n"
    assert one.log.read_text() == said.stdout


def test_installing_twice_replaces_the_line_of_this_job_and_nothing_else(tmp_path: Path, store: Path) -> None:
    store.write_text("MAILTO=me\n# my own\n5 4 * * * mine")
    crontab.install(entry(tmp_path))
    crontab.install(entry(tmp_path, "other"))
    crontab.install(entry(tmp_path, when="30 3 * * *"))
    others = "MAILTO=me\n# my own\n5 4 * * * mine\n" + crontab.text(entry(tmp_path, "other"))
    assert store.read_text() == others + crontab.text(entry(tmp_path, when="30 3 * * *"))
    assert "out of" in crontab.remove(entry(tmp_path))
    assert store.read_text() == others
    assert "no line" in crontab.remove(entry(tmp_path))


def test_first_line_of_a_user_makes_a_crontab(tmp_path: Path, store: Path) -> None:
    crontab.install(entry(tmp_path))
    assert store.read_text() == crontab.text(entry(tmp_path))
    assert (tmp_path / "logs").is_dir()


def test_machine_without_crontab_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="no crontab on this machine"):
        crontab.install(entry(tmp_path))


def test_both_day_fields_mean_either_as_in_cron() -> None:
    assert systemd.calendar(parse("0 2 1 * 5")) == ["*-*-01 02:00:00", "Fri *-*-* 02:00:00"]


def test_task_is_xml_with_the_command_and_its_times(tmp_path: Path) -> None:
    task = ET.fromstring(windows.text(entry(tmp_path, "a & b")).replace('encoding="UTF-16"', ""))
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    arguments = task.findtext(".//t:Arguments", namespaces=space)
    assert arguments is not None
    assert arguments.startswith(f'/d /c ""{tmp_path}')
    assert arguments.endswith('cron.log" 2>&1"')
    assert f'"{tmp_path / "a & b.yaml"}"' in arguments
    assert [start.text for start in task.findall(".//t:StartBoundary", space)] == ["2020-01-01T02:00:00"]
    assert task.find(".//t:ScheduleByDay", space) is not None


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("*/5 * * * *", "<Interval>PT5M</Interval>"),
        ("30 * * * *", "<Interval>PT60M</Interval>"),
        ("0 2 * * 1,5", "<DaysOfWeek><Monday /><Friday /></DaysOfWeek>"),
        ("0 2 1 jan *", "<DaysOfMonth><Day>1</Day></DaysOfMonth><Months><January /></Months>"),
    ],
)
def test_task_starts_when_cron_would(tmp_path: Path, when: str, words: str) -> None:
    assert words in windows.text(entry(tmp_path, when=when))


SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
# Microsoft's schema, as far as these tasks go: the children that an element may have. In a tuple they have that order
# (xs:sequence), in a set any (xs:all). `!` marks what must be there, `*` what may come more than once. A string is a
# pattern for the text.
DAY = r"[1-9]|[12]\d|3[01]|Last"
DURATION = r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?"
TASK_SCHEMA: dict[str, tuple[str, ...] | set[str] | str] = {
    "Task": {"RegistrationInfo", "Triggers", "Settings", "Data", "Principals", "Actions!"},
    "RegistrationInfo": {"URI", "SecurityDescriptor", "Source", "Date", "Author", "Version", "Description"},
    "Description": ".*",
    "Triggers": ("CalendarTrigger*",),
    "CalendarTrigger": (
        "Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit", "RandomDelay",
        "ScheduleByDay|ScheduleByWeek|ScheduleByMonth|ScheduleByMonthDayOfWeek!",
    ),
    "StartBoundary": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "Repetition": {"Interval!", "Duration", "StopAtDurationEnd"},
    "Interval": DURATION, "Duration": DURATION, "ExecutionTimeLimit": DURATION,
    "ScheduleByDay": {"DaysInterval"}, "DaysInterval": r"[1-9]\d{0,2}",
    "ScheduleByWeek": {"WeeksInterval", "DaysOfWeek"}, "WeeksInterval": r"[1-9]|[1-4]\d|5[0-2]",
    "DaysOfWeek": set(windows.DAYS),
    "ScheduleByMonth": {"DaysOfMonth", "Months"},
    "DaysOfMonth": ("Day*",), "Day": DAY, "Months": set(windows.MONTHS),
    **dict.fromkeys((*windows.DAYS, *windows.MONTHS), ""),
    "Settings": {
        "MultipleInstancesPolicy", "StartWhenAvailable", "ExecutionTimeLimit", "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries",
    },
    "MultipleInstancesPolicy": "Parallel|Queue|IgnoreNew|StopExisting",
    "StartWhenAvailable": "true|false", "DisallowStartIfOnBatteries": "true|false",
    "StopIfGoingOnBatteries": "true|false",
    "Principals": {"Principal"}, "Principal": {"UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"},
    "LogonType": "S4U|Password|InteractiveToken|InteractiveTokenOrPassword",
    "RunLevel": "LeastPrivilege|HighestAvailable",
    "Actions": ("Exec!*",), "Exec": {"Command!", "Arguments", "WorkingDirectory"}, "Command": ".+", "Arguments": ".*",
}  # fmt: skip


def check(element: ET.Element) -> None:
    """Holds an element and all below it against the schema."""
    name = element.tag.removeprefix(SPACE)
    rule = TASK_SCHEMA[name]
    children = [child.tag.removeprefix(SPACE) for child in element]
    if isinstance(rule, str):
        assert re.fullmatch(rule, element.text or "", re.DOTALL), f"{name}: {element.text!r}"
        assert children == []
        return
    assert not (element.text or "").strip(), name
    places = [(entry, set(entry.rstrip("!*").rstrip("!").split("|"))) for entry in rule]
    for entry, names in places:
        count = sum(child in names for child in children)
        assert count >= ("!" in entry), f"{name} lacks {entry}"
        assert count <= 1 or "*" in entry, f"{name} has {count} of {entry}"
    where = [next(number for number, (_, names) in enumerate(places) if child in names) for child in children]
    if isinstance(rule, tuple):
        assert where == sorted(where), f"{name}: {children}"
    for child in element:
        check(child)


@pytest.mark.parametrize(
    "when",
    ["0 2 * * *", "*/5 * * * *", "30 * * * *", "15 8-17 * * 1-5", "0 0 1,15 * 5", "0 6 31 jan,dec *", "@weekly"],
)
def test_task_has_the_elements_of_the_schema_in_their_order(tmp_path: Path, when: str) -> None:
    text = windows.text(entry(tmp_path, "a & <b>", when))
    assert text.startswith('<?xml version="1.0" encoding="UTF-16"?>\n<Task version="1.2" ')
    task = ET.fromstring(text.encode("utf-16"))
    check(task)
    assert len(task.findall(f".//{SPACE}CalendarTrigger")) >= 1
    (principal,), (actions,) = task.iter(f"{SPACE}Principal"), task.iter(f"{SPACE}Actions")
    assert actions.get("Context") == principal.get("id")


def test_schema_of_this_test_knows_a_wrong_order(tmp_path: Path) -> None:
    text = windows.text(entry(tmp_path, when="*/5 * * * *"))
    trigger = ET.fromstring(text.encode("utf-16")).find(f".//{SPACE}CalendarTrigger")
    assert trigger is not None
    trigger[:] = [trigger[1], trigger[0], trigger[2]]
    with pytest.raises(AssertionError, match="CalendarTrigger"):
        check(trigger)


@pytest.mark.parametrize(("name", "when"), [("nightly", "*/7 * * * *"), ("100%", "0 2 * * *"), ("x", "0 2 * jan mon")])
def test_what_windows_cannot_do_is_refused(tmp_path: Path, name: str, when: str) -> None:
    with pytest.raises(ConfigError):
        windows.text(entry(tmp_path, name, when))


def test_entry_has_absolute_paths_and_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = make_entry(Path("a b.yaml"), parse("@daily"), Path("cron.log"))
    assert Path(one.program[0]).is_absolute()
    assert (one.job, one.log) == (tmp_path / "a b.yaml", tmp_path / "cron.log")
    other = make_entry(Path("a-b.yaml"), parse("@daily"), Path("cron.log"))
    assert one.name != other.name


def test_path_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="control character"):
        make_entry(tmp_path / "a\n* * * * * rm.yaml", parse("@daily"), tmp_path / "log")
