"""Commits and recovers folders in children that die before any step of theirs; run as a script, prints what went wrong.

Every file system call that Python makes on the way (open, mkdir, rename, unlink, rmdir) is a step. A child dies just
before the step it was told, so all states between two steps are met, the one between exchange and tidying up included.
"""

from __future__ import annotations

import os
import shutil
import sys
from itertools import chain, count
from pathlib import Path

from batchocr.outputs import commit as commit_module
from batchocr.outputs.commit import FolderCommit, file_sha256, recover
from batchocr.outputs.manifest import write_manifest

DIED = 77
STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree")


def die_before_step(number: int | None) -> None:
    """Arms this process; None lets it live."""
    seen = count(1)

    def hook(event: str, _: object) -> None:
        if event in STEPS and next(seen) == number:
            os._exit(DIED)

    sys.addaudithook(hook)


def commit(out: Path, commit_id: str, text: str) -> None:
    folder = FolderCommit(out, out / ".batchocr", "r/x", commit_id)
    (folder.staging / "images").mkdir()
    names = ("x.md", "images/p0001_a.jpg")
    for name in names:
        (folder.staging / name).write_text(text)
    files = {name: file_sha256(folder.staging / name) for name in names}
    manifest = {"schema": 1, "commit_id": commit_id, "folder": "r/x", "source": "x.pdf", "files": files}
    write_manifest(folder.staging, manifest)
    folder.commit(force=False)


def in_child(step: int | None, action: object, *arguments: object) -> int:
    pid = os.fork()
    if pid == 0:
        die_before_step(step)
        action(*arguments)  # type: ignore[operator]
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def state(out: Path) -> tuple[str, ...] | None:
    folder = out / "r/x"
    if not folder.exists():
        return None
    return tuple(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".json")


def leftovers(out: Path) -> list[str]:
    return [str(path) for path in (out / ".batchocr").rglob("*") if path.name not in ("staging", "kept")]


def check(root: Path, every: int, *, exchanges: bool, replaces: bool) -> tuple[int, list[str]]:
    """Crashes a commit at every step, its recovery at `every`-th ones; gives how many, and the faults."""
    faults = []
    combinations = 0
    if not exchanges:
        commit_module.exchange = lambda one, other: False
    old, new = ("old", "old") if replaces else None, ("new", "new")
    for first in count(1):
        for second in chain([None], count(1 + first % every, every)):
            out = root / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            if replaces:
                commit(out, "c1", "old")
            died = in_child(first, commit, out, "c2", "new") == DIED
            between = state(out)
            recovery_died = in_child(second, recover, out, out / ".batchocr") == DIED
            recover(out, out / ".batchocr")
            combinations += 1
            if state(out) not in (old, new) or leftovers(out) or (exchanges and between not in (old, new)):
                faults.append(f"{exchanges=} {replaces=} {first=} {second=} {between} {state(out)} {leftovers(out)}")
            if second is not None and not recovery_died:
                break
        if not died:
            return combinations, faults
    raise AssertionError("unreachable")


def main() -> None:
    total = 0
    for exchanges in (True, False):
        for replaces in (True, False):
            combinations, faults = check(Path(sys.argv[1]), int(sys.argv[2]), exchanges=exchanges, replaces=replaces)
            total += combinations
            print("\n".join(faults), end="\n" if faults else "")
    print(f"{total} combinations")


if __name__ == "__main__":
    main()
