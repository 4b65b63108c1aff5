"""The contract of an engine: something that recognizes pages.

An engine is built and used in a worker process, by one thread. It writes no files, starts no processes, picks no
device, reads no environment and needs no network.
`tests/contract/test_engines.py` passes on every engine that is registered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from batchocr.datatypes import EngineInfo, PageImage, PageOutcome


class EngineOptions(BaseModel):
    """Base of every engine's options: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Engine(ABC):
    """One engine, registered by the entry point group `batchocr.engines`.

    Constructing is cheap and imports nothing heavy. The order of calls is `load`, then any number of `recognize` and
    `release_memory`, then `close`.
    """

    name: ClassVar[str]
    Options: ClassVar[type[EngineOptions]]

    @classmethod
    @abstractmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        """Gives what the engine is with these options. Called once, in a child of its own, before planning.

        Raises:
            SetupError: a library or weights are missing; names the extra to install.
        """

    @abstractmethod
    def __init__(self, options: EngineOptions) -> None:
        """Keeps the options; loads nothing."""

    @abstractmethod
    def load(self, device: str) -> None:
        """Loads weights and builds all that recognition needs on `device` (as Paddle spells it: `cpu`, `gpu:0`).

        May block for minutes. Called once, in the worker.

        Raises:
            SetupError: a library, weights or the device is missing.
        """

    @abstractmethod
    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        """Gives one outcome for every page it takes, each naming its page.

        Takes the next page when it has answered the last. May block per page; never called twice at once.

        Raises:
            EngineError: the pages that were taken and not answered have failed.
        """

    def recognize_many(self, pages: Iterable[PageImage | None]) -> Iterator[PageOutcome]:
        """Gives one outcome for every page it takes, in any order; for engines that work on several pages at once.

        Takes the next page while it has room (`EngineInfo.in_flight`). Pages are of several documents, so outcomes name
        theirs in `source`. None means that no page is ready yet: give what is finished, and ask again.

        Raises:
            EngineError: as `recognize`.
        """
        return self.recognize(page for page in pages if page is not None)

    @classmethod
    def needs_pixels(cls, page: PageImage) -> bool:
        """Tells whether a page that draws nothing but text and rules must be drawn in full.

        Asked of a thumbnail with its text layer, if the engine wants text layers; in another thread than `recognize`.
        If not, `recognize` gets that thumbnail: boxes refer to `PageImage.size_px`, and there are no crops.
        """
        return True

    def release_memory(self) -> None:  # noqa: B027 - an optional hook
        """Gives back what caches hold. Called between tasks and under memory pressure."""

    def close(self) -> None:  # noqa: B027 - an optional hook
        """Lets go of everything. The worker process ends soon after."""
