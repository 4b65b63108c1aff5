"""How many cores and how much memory this process may use: affinity and cgroup limits count, not just the machine."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUP_ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores(root: Path = CGROUP_ROOT, membership: Path = MEMBERSHIP) -> int:
    """Gives the CPU cores that this process may use, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    for folder in _groups(root, membership, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
            cores = min(cores, math.ceil(int(quota) / int(period)))
    return max(1, cores)


def available_memory_bytes(root: Path = CGROUP_ROOT, membership: Path = MEMBERSHIP) -> int:
    """Gives the memory that this process and its children may still take, bytes."""
    available = int(psutil.virtual_memory().available)
    for folder in _groups(root, membership, "memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        used = _read(folder / "memory.current") or _read(folder / "memory.usage_in_bytes")
        if limit.isdecimal() and used.isdecimal():
            # The page cache counts as used, but is given back when asked for.
            available = min(available, int(limit) - int(used) + _page_cache(folder))
    return max(0, available)


def _page_cache(folder: Path) -> int:
    fields = (line.split() for line in _read(folder / "memory.stat").splitlines())
    return next((int(field[1]) for field in fields if len(field) == 2 and field[0] == "inactive_file"), 0)


def _groups(root: Path, membership: Path, controller: str) -> Iterator[Path]:
    """Gives the cgroup folders from this process's own up to the root, version 2 and the controller of version 1."""
    for line in _read(membership).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        base = root / controllers if controllers else root
        folder = base / path.lstrip("/")
        yield from (place for place in (folder, *folder.parents) if place == base or base in place.parents)


def _read(file: Path) -> str:
    """Gives a small file's text, or "" where there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
