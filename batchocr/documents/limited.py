"""What the operating system itself may be told about a child's limits; does nothing where it may not.

Only Linux enforces these as meant, and Windows has no `resource` at all, so they stand beside the client's watch
of the clock and of resident memory, not in its place: they are at once where the watch looks every 100 ms.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from batchocr.datatypes import Limits

# Address space that is reserved rather than used: arenas of malloc, libraries that are loaded late.
SLACK_BYTES = 512 << 20
# Code and tables of libraries that are loaded later: resident, but no data of this process.
LIBRARY_BYTES = 24 << 20


def limit_memory(limits: Limits) -> None:
    """Bounds what this process may map, so that its resident memory stays below `render_memory_bytes`.

    The watch is too slow for that: an image fills more than 100 MB between two looks. What counts is private data; the
    bound of the whole address space is for kernels before 4.7, which count only a part of that.
    """
    if sys.platform != "linux":
        return
    import resource

    lines = Path("/proc/self/status").read_text("utf-8", "replace").splitlines()
    # As in `VmRSS:     12620 kB`.
    names = ("VmSize", "VmRSS:", "VmData")
    used_bytes = {line[:6]: int(line.split()[1]) << 10 for line in lines if line.startswith(names)}
    growth_bytes = max(0, limits.render_memory_bytes - used_bytes["VmRSS:"] - LIBRARY_BYTES)
    _lower(resource.RLIMIT_DATA, used_bytes["VmData"] + growth_bytes)
    spare_bytes = limits.render_memory_bytes + 3 * limits.max_page_pixels + SLACK_BYTES
    _lower(resource.RLIMIT_AS, used_bytes["VmSize"] + spare_bytes)
    _lower(resource.RLIMIT_CORE, 0)


def limit_processor_time(limits: Limits) -> None:
    """Gives this process `render_timeout_s` seconds of processor time from now on; the kernel counts from the start."""
    if sys.platform != "linux":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    # A second on top: the client's clock comes first and says it better.
    _lower(resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime + limits.render_timeout_s) + 1)


def _lower(which: int, wanted: int) -> None:
    """Sets a soft limit, never above what this process may have."""
    import resource

    hard = resource.getrlimit(which)[1]
    resource.setrlimit(which, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
