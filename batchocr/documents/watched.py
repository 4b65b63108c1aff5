"""One document child as a process: started, asked, watched and ended. Knows nothing of what the answers mean.

A request is watched by a thread that looks at the clock and at the child's resident memory every 100 ms and kills the
child's process group on a breach; the thread that asked then sees the end of the pipe.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import IO, Any, BinaryIO, cast

import psutil

from batchocr.datatypes import Limits
from batchocr.documents.child import arguments
from batchocr.documents.wire import ByteSink, ByteSource, read_header, write_frame
from batchocr.launcher import launch

LOOK_EVERY_S = 0.1
PIPE_BYTES = 1 << 20


class WatchedChild:
    """A running child. `ask` and `read_payload` belong to one thread at a time; all else is for any thread."""

    def __init__(self, limits: Limits, name: str, log: BinaryIO | None) -> None:
        self._limits = limits
        self._process = launch(
            "batchocr.documents.child", arguments=arguments(limits), stdout=subprocess.PIPE, stderr=log
        )
        self._usage = psutil.Process(self._process.pid)  # a zombie until it is reaped, so it is there
        self._sink = cast("ByteSink", _raw(self._process.stdin))
        self.source = cast("ByteSource", _raw(self._process.stdout))
        _widen(self._process.stdout)
        self._reaping = threading.Lock()
        self._breach = ""
        self._deadline = 0.0
        self._asked = threading.Event()
        self._ended = False
        self._watch = threading.Thread(target=self._look, name=f"watch of {name}", daemon=True)
        self._watch.start()

    @property
    def took_too_long(self) -> bool:
        """It was killed for its time, by the watch or by the operating system."""
        return self._breach == self._time_is_up() or self._died_of("SIGXCPU")

    @property
    def took_too_much_memory(self) -> bool:
        """It was killed for its memory, or gave up, most likely for want of it."""
        return self._breach == self._memory_is_up() or self._died_of("SIGABRT", "SIGTRAP", "SIGILL")

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def rss_bytes(self) -> int:
        """Gives the child's resident memory in bytes, 0 if it is gone."""
        try:
            return int(self._usage.memory_info().rss)
        except psutil.Error:
            return 0

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Sends a request and gives the header of its answer and the length of the payload.

        The watch goes on until `rest`, so that a payload that never ends is seen too.

        Raises:
            OSError, EndOfStreamError, MalformedFrameError: the child is dead or mad; `end` says why.
        """
        self._restart_clock()
        self._asked.set()
        write_frame(self._sink, request)
        while True:
            header, payload_bytes = read_header(self.source)
            if "progress" not in header:
                return header, payload_bytes
            self._restart_clock()

    def rest(self) -> None:
        """Says that the answer has been read."""
        self._asked.clear()

    def kill(self) -> None:
        """Kills the child and all that it started; does not wait."""
        with self._reaping:
            # Not polled yet means not reaped yet: the number still belongs to this child.
            if self._process.poll() is not None:
                return
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> str:
        """Kills the child if it still runs, reaps it, and says why it ended, for a person."""
        # One that is dying gets the moment to do so by itself: its own signal tells more than ours.
        try:
            self._process.wait(timeout=1)
            died_alone = True
        except subprocess.TimeoutExpired:
            died_alone = False
        self.kill()
        status = self._process.wait()
        self._ended = True
        self._asked.set()
        self._watch.join()
        for pipe in (self._process.stdin, self._process.stdout):
            _close(pipe)
        if self._breach:
            return self._breach
        return self._told(status) if died_alone else "the renderer sent what it should not and was ended"

    def _restart_clock(self) -> None:
        self._deadline = time.monotonic() + self._limits.render_timeout_s

    def _look(self) -> None:
        while True:
            self._asked.wait()
            if self._ended:
                return
            breach = self._found_breach()
            # Asked again: what was found must not fall upon the next request.
            if breach and self._asked.is_set():
                self._breach = breach
                self.kill()
                return
            time.sleep(LOOK_EVERY_S)

    def _found_breach(self) -> str:
        if time.monotonic() > self._deadline:
            return self._time_is_up()
        if self.rss_bytes() > self._limits.render_memory_bytes:
            return self._memory_is_up()
        return ""

    def _time_is_up(self) -> str:
        return f"it took longer than render_timeout_s ({self._limits.render_timeout_s:g} s)"

    def _memory_is_up(self) -> str:
        return f"it needs more memory than render_memory_bytes ({self._limits.render_memory_bytes:,}) allows"

    def _died_of(self, *names: str) -> bool:
        return self._process.returncode in {-getattr(signal, name) for name in names if hasattr(signal, name)}

    def _told(self, status: int) -> str:
        """Gives an exit status in words."""
        if status >= 0:
            return f"the renderer ended unexpectedly (exit status {status}); its log says more"
        name = signal.Signals(-status).name
        if name == "SIGXCPU":
            return f"it took more processor time than render_timeout_s ({self._limits.render_timeout_s:g} s)"
        if name == "SIGKILL":
            return "the renderer was killed (SIGKILL), perhaps by the system for want of memory"
        if name in {"SIGABRT", "SIGTRAP", "SIGILL"}:
            memory = f"render_memory_bytes ({self._limits.render_memory_bytes:,})"
            return f"the renderer gave up ({name}), most likely because it needs more memory than {memory} allows"
        return f"the renderer crashed ({name}): the document is damaged or made to do so"


def _raw(pipe: IO[bytes] | None) -> Any:
    """Gives the unbuffered file below a pipe: frames are read in whole, and pixels go straight where they belong."""
    return getattr(pipe, "raw", pipe)


def _widen(pipe: IO[bytes] | None) -> None:
    """Makes a pipe hold more, where the system can: fewer switches between the processes for each page."""
    if sys.platform != "linux" or pipe is None:
        return
    import fcntl

    try:
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        return  # the user's share of pipe memory is spent; the pipe works as it is


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        try:
            pipe.close()
        except OSError:
            return  # unsent bytes to a child that is gone
