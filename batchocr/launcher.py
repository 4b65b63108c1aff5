"""How every child process starts: prober, workers, renderers, finisher.

The child gets its whole environment before it starts, leads a session of its own so that its group can be killed, and
reads what it must keep secret from its standard input. End of file there means that its parent is gone.
It works from a script without a guard, from `python -`, `-c`, a notebook and cron alike, which `multiprocessing`'s own
spawn does not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)

# The empty entry of sys.path is the current folder: a `socket.py` that lies among the inputs must never be imported.
# Where a parent dies while its child holds the interpreter lock in C code, nobody reads the end of standard input:
# Linux ends such a child itself (prctl option 1, PR_SET_PDEATHSIG, with signal 9).
BOOT = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
if {parent!r} not in sys.path: sys.path.append({parent!r})
if sys.platform == 'linux':
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
from {module} import main
main()
"""


def boot_command(module: str, arguments: Sequence[str] = ()) -> list[str]:
    """Gives the command line that runs `module.main()` in a fresh interpreter."""
    return [sys.executable, "-c", BOOT.format(parent=PACKAGE_PARENT, module=module), *arguments]


def launch(
    module: str,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a child that runs `module.main()`, with a pipe on its standard input.

    Args:
        module: dotted name of a module of batchocr that has a `main()`.
        environment: added to (and overriding) the parent's environment.
        arguments: become `sys.argv[1:]` of the child.
        stdout: as `subprocess.Popen` takes it; thrown away unless given, since stdout carries results.
        stderr: as `subprocess.Popen` takes it; the parent's unless given.

    Returns:
        The process. The caller closes its `stdin` to tell it to leave.
    """
    return subprocess.Popen(
        boot_command(module, arguments),
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
