"""Which files may be read: not those that are still being written, nor the temporary ones of other programs."""

from __future__ import annotations

from collections.abc import Iterable

from batchocr.datatypes import FileIdentity, SourceFile

# What browsers, copy programs and office programs call files that are not finished.
TEMPORARY_ENDINGS = (
    ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".tmp", ".temp", ".swp", ".lock",
)  # fmt: skip
TEMPORARY_BEGINNINGS = (".", "~$", "~lock")


def is_temporary(name: str) -> bool:
    """Tells whether a file's name says that another program is not done with it."""
    return name.startswith(TEMPORARY_BEGINNINGS) or name.lower().endswith(TEMPORARY_ENDINGS)


class Settling:
    """Watches files until their size and time have stayed the same for long enough.

    Only what is seen here counts, never a file's age: clocks of file servers are wrong, and copies keep old times.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._seen: dict[str, tuple[FileIdentity, float]] = {}

    def look(self, files: Iterable[SourceFile], now: float) -> tuple[list[SourceFile], list[SourceFile]]:
        """Gives those that have settled, and those that have not; files that are not given are forgotten.

        Args:
            files: all that are to be read, as they are now.
            now: a clock that only goes forward, s.
        """
        before, self._seen = self._seen, {}
        settled: list[SourceFile] = []
        waiting: list[SourceFile] = []
        for file in files:
            identity, since = before.get(file.path, (None, now))
            if identity != file.identity:
                since = now
            self._seen[file.path] = (file.identity, since)
            (settled if now - since >= self._settle_s else waiting).append(file)
        return settled, waiting

    def next_s(self, now: float) -> float | None:
        """Gives in how many seconds the next one that waits will have settled, None if none waits."""
        left = [since + self._settle_s - now for _, since in self._seen.values()]
        waiting = [seconds for seconds in left if seconds > 0]
        return min(waiting) if waiting else None
