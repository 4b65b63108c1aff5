"""Runs the installed command and Python snippets as a user would: another process, another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("batchocr")


def batchocr(*arguments: str | Path, cwd: Path, timeout_s: float = 50, **env: str) -> subprocess.CompletedProcess[str]:
    """Gives what `batchocr ARGUMENTS` did."""
    return execute([str(COMMAND), *map(str, arguments)], cwd, timeout_s, env=env)


def execute(
    command: Sequence[str],
    cwd: Path,
    timeout_s: float = 50,
    *,
    stdin: str | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Gives what a command did, run in a folder."""
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, input=stdin, capture_output=True, encoding="utf-8",
        timeout=timeout_s, check=False,
    )  # fmt: skip


def status(output: Path) -> dict[str, Any]:
    """Gives what `batchocr status --json` says of an output folder."""
    done = batchocr("status", output, "--json", cwd=output.parent)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def states(output: Path) -> dict[str, str]:
    """Gives source to state of every document of an output folder's last run."""
    return {entry["source"]: entry["state"] for entry in status(output)["documents"]}
