"""The wish to stop: signals set a flag here, and nothing more happens in their handlers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from batchocr.errors import ExitCode

_EXIT_CODES = {"SIGINT": ExitCode.INTERRUPTED, "SIGTERM": ExitCode.TERMINATED, "SIGHUP": ExitCode.HANGUP}


class StopWish:
    """How often, and by what, the run was asked to stop: once means drain, twice means now."""

    def __init__(self) -> None:
        self.count = 0
        self.exit_code = ExitCode.INTERRUPTED

    @property
    def drain(self) -> bool:
        """Finish the pages in hand, then stop."""
        return self.count >= 1

    @property
    def abort(self) -> bool:
        """Stop now."""
        return self.count >= 2

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Counts one request; a signal handler."""
        self.count += 1
        self.exit_code = _EXIT_CODES[signal.Signals(number).name]


@contextmanager
def stop_on_signals(wish: StopWish, *, enabled: bool) -> Iterator[None]:
    """Turns Ctrl-C, SIGTERM and SIGHUP into a wish for as long as the context lasts.

    Only the main thread may set handlers; elsewhere, or if not enabled, nothing is changed.
    """
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _EXIT_CODES if hasattr(signal, name)]
    before = {number: signal.signal(number, wish.ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
