"""What the operating system itself may be told about a child's limits; does nothing where it may not.

Only Linux enforces RLIMIT_AS as meant, and Windows has no `resource` at all, so these stand beside the client's watch
of the clock and of resident memory, not in its place: they are at once where the watch looks every 100 ms.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from batchocr.datatypes import Limits

# Address space that is reserved rather than used: arenas of malloc, libraries that are loaded late.
SLACK_BYTES = 512 << 20


def limit_memory(limits: Limits) -> None:
    """Bounds the address space of this process by what is mapped now, what a page may take, and its pixels."""
    if sys.platform != "linux":
        return
    import resource

    mapped_bytes = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    allowed_bytes = mapped_bytes + limits.render_memory_bytes + 3 * limits.max_page_pixels + SLACK_BYTES
    _lower(resource.RLIMIT_AS, allowed_bytes)
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
