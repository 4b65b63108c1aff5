"""systemd starts an ingest that `batchocr schedule` has installed: a user's own instance, in namespaces of the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e_commands import COMMAND, execute
from support.documents import text_pdf
from support.jobs import eventually
from support.missing import missing

RUNTIME = "/run/user/1000"
PROGRAM = "/usr/lib/systemd/systemd"
# Nobody outside sees any of it: /run and the control groups are the test's own, and root goes by the number 1000, so
# that batchocr and systemd take it for a user. It ends with the end of its input, and nothing of it stays.
MACHINE = f"""
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/system /run/cgroup {RUNTIME}
chmod 700 {RUNTIME}
mount -t cgroup2 none /run/cgroup
own=/run/cgroup/batchocr-test-$$
mkdir $own
mount -t tmpfs none /sys/fs/cgroup
mount --bind $own /sys/fs/cgroup
(
    echo $BASHPID > $own/cgroup.procs
    exec unshare --user --map-user=1000 --map-group=1000 --cgroup {PROGRAM} --user
) < /dev/null &
echo $!
read -r || true
echo 1 > $own/cgroup.kill
wait $! 2> /dev/null || true
find $own -depth -type d -exec rmdir {{}} +
"""
SHOW = """\
#!/bin/sh
for word in "$0" "$@"; do echo "<$word>"; done
echo oops >&2
"""
INSTALL = """
import sys
from pathlib import Path
from batchocr.scheduling import systemd
from batchocr.scheduling.cron import parse
from batchocr.scheduling.entry import Entry

job, log, program = sys.argv[1:]
systemd.install(Entry(Path(job), parse("@yearly"), Path(log), (program,)))
"""
Inside = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    """Runs commands as a user who has a systemd; gives what they did."""
    if not Path(PROGRAM).exists() or shutil.which("nsenter") is None or os.geteuid() != 0:
        missing("systemd or util-linux is not installed, or this is not root")
    environment = {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": RUNTIME}
    machine = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", MACHINE], env={**os.environ, **environment},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert machine.stdin is not None
    assert machine.stdout is not None
    manager = machine.stdout.readline().strip()

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        entering = ["nsenter", "--target", manager, "--user", "--mount", "--cgroup", "--preserve-credentials"]
        return execute([*entering, *map(str, words)], tmp_path, env=environment)

    try:
        if not manager:
            pytest.skip(f"this container may not make namespaces: {machine.communicate()[1].strip()}")
        eventually(lambda: run("systemctl", "--user", "is-system-running").stdout == "running\n", "systemd to be there")
        yield run
    finally:
        rest = machine.communicate()[1]
    assert (machine.returncode, rest) == (0, "")


def make_job(folder: Path) -> Path:
    """Writes a job that reads one document, under a name full of traps."""
    (folder / "in").mkdir()
    text_pdf(folder / "in" / "a.pdf", "one")
    job = folder / 'job 100% %n it\'s "q" ${HOME} $HOME\\.yaml'
    job.write_text(json.dumps({
        "inputs": "in", "output": "out 100% %n $HOME", "engine": "fake", "devices": "cpu", "executor": "serial",
        "formats": "md", "ingest": {"settle_s": 0, "on_success": "move", "done": "done"},
    }))  # fmt: skip
    return job


def installed(folder: Path) -> list[str]:
    """Gives the names of the unit files there are."""
    return sorted(
        path.name for path in (folder / "home" / ".config" / "systemd" / "user").glob("*.*") if path.is_file()
    )


def done(answer: subprocess.CompletedProcess[str]) -> str:
    """Gives what a command said that went well."""
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.timeout(200)
def test_timer_starts_an_ingest_and_it_does_its_work(tmp_path: Path, inside: Inside) -> None:
    job = make_job(tmp_path)
    words = [COMMAND.absolute(), "schedule", "--job", job, "--kind", "systemd"]
    assert "is enabled" in done(inside(*words, "--cron", "1 1 1 1 *", "--install"))
    service, timer = installed(tmp_path)
    assert "-01-01 01:01:00 UTC" in done(inside("env", "TZ=UTC", "systemctl", "--user", "list-timers", timer))
    done(inside(*words, "--cron", "* * * * *", "--install"))
    assert installed(tmp_path) == [service, timer]
    log = tmp_path / "out 100% %n $HOME" / ".batchocr" / "logs" / "cron.log"
    eventually(lambda: log.exists() and "1 moved" in log.read_text(), "the timer to start the ingest", timeout_s=120)
    assert log.read_text() == f"batchocr ingest {job.stem}: 1 read (1 page), 1 moved\n"
    assert (tmp_path / "done" / "a.pdf").exists()
    assert "is gone" in done(inside(*words, "--remove"))
    assert installed(tmp_path) == []
    assert "0 timers listed" in done(inside("systemctl", "--user", "list-timers", "--all"))


def test_run_that_was_missed_is_made_up_for(tmp_path: Path, inside: Inside) -> None:
    job = make_job(tmp_path)
    words = [COMMAND.absolute(), "schedule", "--job", job, "--kind", "systemd", "--cron", "@yearly", "--install"]
    done(inside(*words))
    (_, timer) = installed(tmp_path)
    assert not (tmp_path / "done").exists()
    done(inside("systemctl", "--user", "stop", timer))
    stamp = tmp_path / "home" / ".local" / "share" / "systemd" / "timers" / f"stamp-{timer}"
    long_ago = time.time() - 400 * 86_400
    os.utime(stamp, (long_ago, long_ago))
    done(inside("systemctl", "--user", "start", timer))
    eventually((tmp_path / "done" / "a.pdf").exists, "the missed ingest")


def test_program_gets_the_very_words_of_the_command(tmp_path: Path, inside: Inside) -> None:
    job = make_job(tmp_path)
    program = tmp_path / "a 100% %n $HOME ${HOME}" / "batchocr"
    program.parent.mkdir()
    program.write_text(SHOW)
    program.chmod(0o755)
    log = tmp_path / 'log 100% %n $HOME "q"'
    done(inside(COMMAND.with_name("python"), "-c", INSTALL, job, log, program))
    (service, _) = installed(tmp_path)
    done(inside("systemctl", "--user", "start", service))
    assert log.read_text() == f"<{program}>\n<ingest>\n<--job>\n<{job}>\noops\n"
