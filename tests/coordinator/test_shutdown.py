from __future__ import annotations

import os
import signal
import threading

import pytest

from batchocr.coordinator.shutdown import StopWish, stop_on_signals
from batchocr.errors import ExitCode


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HANGUP),
    ],
)
def test_first_signal_drains_and_the_second_aborts(number: signal.Signals, code: ExitCode) -> None:
    wish = StopWish()
    with stop_on_signals(wish, enabled=True):
        os.kill(os.getpid(), number)
        assert (wish.drain, wish.abort, wish.exit_code) == (True, False, code)
        os.kill(os.getpid(), number)
        assert wish.abort


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
