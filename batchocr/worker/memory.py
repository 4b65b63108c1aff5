"""Watches how large a process of ours grows, so that it can be replaced before the machine suffers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import psutil

logger = logging.getLogger(__name__)

_WINDOW = 8
_HEADROOM = 1.25


class MemoryWatch:
    """The resident memory of this process against a budget.

    Args:
        budget_bytes: memory at which the process should be replaced. A process that starts out larger gets a quarter
            more than it starts with, or it would be replaced after every page.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._process = psutil.Process()
        start = self._measure()
        self._budget = max(budget_bytes, int(_HEADROOM * start))
        if self._budget > budget_bytes:
            logger.warning(
                "%d MiB in use at the start leave no room in a budget of %d MiB", start >> 20, budget_bytes >> 20
            )
        self._seen: deque[int] = deque([start], maxlen=_WINDOW)

    def is_full(self, release: Callable[[], object]) -> bool:
        """Tells whether the process is over its budget, or has been growing steadily and will be after one more page.

        Called at a page boundary.

        Args:
            release: gives back what caches hold; called first when memory is short, and may make room.
        """
        rss = self._measure()
        self._seen.append(rss)
        steps = [after - before for before, after in zip(self._seen, list(self._seen)[1:], strict=False)]
        rising = len(self._seen) == _WINDOW and min(steps) > 0
        growth = sum(steps) // len(steps) if rising else 0
        if rss + growth <= self._budget:
            return False
        release()
        left = self._measure()
        if left < rss and left + growth <= self._budget:
            self._seen[-1] = left
            return False
        logger.info("%d MiB of %d MiB in use: this process is replaced", left >> 20, self._budget >> 20)
        return True

    def _measure(self) -> int:
        return int(self._process.memory_info().rss)
