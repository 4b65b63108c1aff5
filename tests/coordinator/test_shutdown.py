from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from batchocr.coordinator.shutdown import StopWish, stop_on_signals
from batchocr.errors import ExitCode

# In a process of its own, since a signal that is not caught would end the tests.
SIGNALLED = """
import os, signal, sys
from batchocr.coordinator.shutdown import StopWish, stop_on_signals
wish = StopWish()
with stop_on_signals(wish, enabled=True):
    os.kill(os.getpid(), int(sys.argv[1]))
    print(wish.drain, wish.abort, int(wish.exit_code))
    os.kill(os.getpid(), int(sys.argv[1]))
    print(wish.abort)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HANGUP),
    ],
)
def test_first_signal_drains_and_the_second_aborts(number: signal.Signals, code: ExitCode) -> None:
    command = [sys.executable, "-c", SIGNALLED, str(int(number))]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False)
    assert done.stdout.splitlines() == [f"True False {int(code)}", "True"], done.stderr


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signals(StopWish(), enabled=True):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_nothing_changes_if_not_wanted_or_on_another_thread() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def look(enabled: bool) -> None:
        with stop_on_signals(StopWish(), enabled=enabled):
            seen.append(signal.getsignal(signal.SIGINT))

    look(False)
    thread = threading.Thread(target=look, args=(True,))
    thread.start()
    thread.join()
    assert seen == [before, before]
