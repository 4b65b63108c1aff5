"""How fast a run is, and how long it will take: from its pages so far, told as a range."""

from __future__ import annotations

from collections import deque

# Signs of progress that count as recent.
RECENT = 64
# Fewer pages say nothing about the next ones.
ENOUGH_PAGES = 4


class Pace:
    """Learns when pages come to their end. Loading an engine says nothing about speed, so the clock starts after it."""

    def __init__(self) -> None:
        self._begun_s = 0.0
        self._now_s = 0.0
        self._ended = 0
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT)

    def learn(self, now_s: float, ended: int) -> None:
        """Takes note of how many pages have come to their end by now.

        Args:
            now_s: seconds since the run began.
            ended: pages done or failed.
        """
        if ended == 0:
            self._begun_s = now_s
        if ended != self._ended or not self._recent:
            self._recent.append((self._now_s, self._ended))
        self._now_s, self._ended = now_s, ended

    @property
    def pages_per_s(self) -> float | None:
        """Pages a second since reading began; None before the first page."""
        return _rate(self._ended, self._now_s - self._begun_s)

    def left_s(self, pages: int) -> tuple[float, float] | None:
        """Gives the time that so many more pages will take, s: at best and at worst; None while that is a guess.

        The range spans the speed of the whole run and that of its last pages, and is wider the fewer pages there were.
        """
        then_s, ended = self._recent[0] if self._recent else (0.0, 0)
        whole = self.pages_per_s
        recent = _rate(self._ended - ended, self._now_s - max(then_s, self._begun_s))
        if self._ended < ENOUGH_PAGES or whole is None or recent is None:
            return None
        doubt = 1 / self._ended**0.5
        return pages / (max(whole, recent) * (1 + doubt)), pages / (min(whole, recent) * max(1 - doubt, 0.5))


def _rate(pages: int, seconds: float) -> float | None:
    return pages / seconds if pages > 0 and seconds > 0 else None
