"""Clears the spools that nothing needs any more: beside the loop, and never before the ledger is on the disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from batchocr.coordinator.context import RunContext
from batchocr.ledger.ledger import Ledger

# Deletions under way at most: they wait for the disk, in memory.
UNDER_WAY = 256
# Spools are looked for in steps, so that nobody waits for that, s.
LOOK_S = 0.05


class Spools:
    """The spools of one run's contents, and those that earlier runs have left behind."""

    def __init__(self, context: RunContext, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger
        self._candidates: dict[int, str] = {}
        self._stored = self._list_stored()
        self._all_found = False
        self._deleter = ThreadPoolExecutor(1, "spools")
        self._under_way: list[Future[None]] = []

    def note(self, content_id: int, sha256: str) -> None:
        """Takes note of a content of which a folder was committed."""
        self._candidates[content_id] = sha256

    def clear(self) -> None:
        """Deletes the pages of contents whose folders are all in place; a retry wants the others.

        Called once every document is known: otherwise an equal file might still turn up.
        """
        self._under_way = [future for future in self._under_way if not future.done()]
        room = UNDER_WAY - len(self._under_way)
        self._look(time.monotonic() + LOOK_S, room)
        needless = self._take_needless(room)
        if needless:
            self._ledger.flush()  # first the ledger, then what cannot be taken back
        for sha256 in needless:
            self._under_way.append(self._deleter.submit(self._delete, sha256))

    def clear_all(self) -> None:
        """Deletes all of them, and waits for that."""
        while not self._all_found or self._candidates:
            self.clear()
            wait(self._under_way)
        wait(self._under_way)

    def close(self) -> None:
        """Ends the deletions; those that were ordered are done first."""
        self._deleter.shutdown()

    def _delete(self, sha256: str) -> None:
        shutil.rmtree(self._context.spool(sha256), ignore_errors=True)

    def _look(self, until: float, room: int) -> None:
        """Finds spools on the disk: whoever left them, the folder itself is the list."""
        while not self._all_found and len(self._candidates) < room and time.monotonic() < until:
            found = next(self._stored, None)
            if found is None:
                self._all_found = True
            else:
                self._candidates.setdefault(*found)

    def _take_needless(self, room: int) -> list[str]:
        """Gives the hashes of contents that need no spool; the others come up again with their next folder."""
        taken = [self._candidates.popitem() for _ in range(min(room, len(self._candidates)))]
        return [sha256 for content_id, sha256 in taken if self._ledger.is_whole(content_id, self._context.run_id)]

    def _list_stored(self) -> Iterator[tuple[int, str]]:
        """Gives number and start of the sha256 of each content that has a spool."""
        folder = self._context.state_dir / "spool"
        end = self._context.spool("").name
        if not folder.is_dir():
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                sha256 = entry.name.removesuffix(end)
                content_id = self._ledger.content_named(sha256, self._context.fingerprint) if sha256 else None
                if entry.name.endswith(end) and content_id is not None:
                    yield content_id, sha256
