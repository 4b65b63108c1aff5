"""Stopping the installed command, by Ctrl-C in a terminal or while an engine loads or hangs, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from support.documents import many_page_pdf
from support.jobs import Directed, children, eventually

from batchocr import runs
from batchocr.errors import ExitCode
from batchocr.worker.open_pages import read_open_pages

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to stop a run in order"),
]

COMMAND = Path(sys.executable).with_name("batchocr")
PAGES = 6
WORKER = "batchocr.worker.process"
IN_A_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    for name in ("in", "tmp"):
        (tmp_path / name).mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return Directed(tmp_path / "orders", monkeypatch)


def arguments(tmp_path: Path, *options: str, engine: str = "fake") -> list[str]:
    return [
        str(COMMAND), "run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--engine", engine, "--devices", "cpu",
        "--engine-option", "needs_image=false", *options,
    ]  # fmt: skip


def directed_arguments(tmp_path: Path, directed: Directed) -> list[str]:
    return arguments(tmp_path, "--engine-option", f"folder={directed.folder}", engine="directed")


@contextmanager
def command(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def check_nothing_is_left(tmp_path: Path, descendants: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(descendants, timeout=5)
    assert alive == []
    state = tmp_path / "out" / ".batchocr"
    for folder in (tmp_path / "tmp", state / "workers", state / "staging", state / "trash"):
        assert not folder.exists() or list(folder.iterdir()) == []
    assert runs.status(tmp_path / "out")["run"]["state"] == "interrupted"


def run_again(tmp_path: Path, words: list[str]) -> None:
    with command([*words, "--json"]) as process:
        out, err = process.communicate(timeout=50)
    assert process.returncode == ExitCode.OK, err
    assert runs.status(tmp_path / "out")["totals"]["pages_done"] == PAGES, out


def test_terminated_command_leaves_no_process_and_no_file_and_goes_on(tmp_path: Path, directed: Directed) -> None:
    words = directed_arguments(tmp_path, directed)
    directed.tell("hold-3")
    with command(words) as process:
        directed.wait_at(3)
        descendants = family(process)
        process.terminate()
        directed.recall("hold-3")
        _, err = process.communicate(timeout=40)
        assert process.returncode == ExitCode.TERMINATED, err
    assert "Traceback" not in err
    check_nothing_is_left(tmp_path, descendants)
    run_again(tmp_path, words)
    assert len(directed.pages_read()) == PAGES


def test_engine_that_is_loading_is_ended_when_the_time_to_drain_is_over(tmp_path: Path, directed: Directed) -> None:
    with command(arguments(tmp_path, "--engine-option", "load_seconds=3600", "--drain-timeout-s", "1")) as process:
        eventually(lambda: children(WORKER, process.pid), "the worker to start")
        eventually((tmp_path / "out" / ".batchocr" / "logs" / "cpu.jsonl").exists, "the engine to load")
        descendants = family(process)
        process.terminate()
        _, err = process.communicate(timeout=40)
        assert process.returncode == ExitCode.TERMINATED, err
    check_nothing_is_left(tmp_path, descendants)
    run_again(tmp_path, arguments(tmp_path))


def test_second_signal_ends_even_an_engine_that_hangs_in_c_code(tmp_path: Path, directed: Directed) -> None:
    script = ("--engine-option", 'script=[{pages: "3", do: hang_hard}]', "--drain-timeout-s", "3600")
    with command(arguments(tmp_path, *script)) as process:
        note = tmp_path / "out" / ".batchocr" / "workers" / "cpu.1.open"
        eventually(lambda: [page_no for _, page_no in read_open_pages(str(note))] == [3], "the engine to hang")
        descendants = family(process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)  # two signals of one kind at once are one
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == ExitCode.INTERRUPTED, err
    check_nothing_is_left(tmp_path, descendants)


def test_ctrl_c_in_a_terminal_stops_the_run_in_order_and_leaves_the_terminal_as_it_was(
    tmp_path: Path, directed: Directed
) -> None:
    import pty
    import termios

    words = directed_arguments(tmp_path, directed)
    directed.tell("hold-3")
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, *words], stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    try:
        directed.wait_at(3)
        descendants = psutil.Process(process.pid).children(recursive=True)
        os.write(ours, b"\x03")
        directed.recall("hold-3")
        told = read_until_the_end(process, ours)
        assert process.returncode == ExitCode.INTERRUPTED, told
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
    assert "Traceback" not in told
    assert told.endswith("\n")
    assert told.rfind("\x1b[?25h") > told.rfind("\x1b[?25l") > -1  # the hidden cursor is shown again
    check_nothing_is_left(tmp_path, descendants)
    run_again(tmp_path, words)


def read_until_the_end(process: subprocess.Popen[bytes], terminal: int) -> str:
    """Gives what a process writes to a terminal until it ends; a terminal that nobody reads would block it."""
    told = b""
    os.set_blocking(terminal, False)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        try:
            told += os.read(terminal, 1 << 16)
        except BlockingIOError:
            if ended:
                break
            time.sleep(0.05)
    return told.decode("utf-8", "replace")
