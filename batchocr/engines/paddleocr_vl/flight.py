"""Many pages in flight at once, with no barrier between them: what a server needs to be busy all the time.

Each page is read on a thread of its own, which mostly waits for the server. What is not made for several threads, the
layout model and the document preprocessor, takes one page at a time.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from batchocr.datatypes import PageFailure, PageImage, PageOutcome
from batchocr.errors import EngineError, FailureKind


class OneAtATime:
    """A model, or a pipeline of models, that only one thread uses at any time; its answers are complete at once."""

    def __init__(self, model: Any, lock: threading.Lock) -> None:
        self._model = model
        self._lock = lock

    def __call__(self, *arguments: Any, **settings: Any) -> list[Any]:
        """Gives the model's answers; waits for its turn."""
        with self._lock:
            return list(self._model(*arguments, **settings))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def fly(
    pages: Iterable[PageImage | None],
    read: Callable[[PageImage], PageOutcome],
    at_once: int,
    cancel: Callable[[], None],
) -> Iterator[PageOutcome]:
    """Gives one outcome per page, as pages are finished; takes the next page as soon as there is room.

    Whatever a page raises is that page's failure. A fatal `EngineError` is raised in the end: no further page is taken,
    and those in flight end as they can, since their own requests may still be answered. Closing the generator breaks
    off what is in flight. No thread is left behind.

    Args:
        pages: asked for the next one in the caller's thread; None: there is none yet.
        read: reads one page; called in many threads at once.
        at_once: pages in flight.
        cancel: breaks off what `read` is waiting for.

    Raises:
        EngineError: fatal; it stands for the pages that were taken and not answered.
    """
    flight = _Flight()
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="page")
    try:
        for page in pages:
            if page is not None:
                flight.running[pool.submit(read, page)] = (page.page_no, page.source)
                del page  # the thread lets go of it when it is done
            yield from flight.land(block=len(flight.running) >= at_once)
            if flight.fault is not None:
                break
        while flight.running:
            yield from flight.land(block=True)
        if flight.fault is not None:
            raise flight.fault
    finally:
        cancel()
        pool.shutdown(cancel_futures=True)


class _Flight:
    """The pages in flight, and the fatal error that one of them has met, if any."""

    def __init__(self) -> None:
        self.running: dict[Future[PageOutcome], tuple[int, str]] = {}
        self.fault: EngineError | None = None

    def land(self, *, block: bool) -> Iterator[PageOutcome]:
        """Gives the outcomes of the pages that are finished; waits for one of them if told to."""
        done = wait(self.running, timeout=None if block else 0, return_when=FIRST_COMPLETED).done
        for future in done:
            outcome = self._outcome(future, *self.running.pop(future))
            if outcome is not None:
                yield outcome

    def _outcome(self, future: Future[PageOutcome], page_no: int, source: str) -> PageOutcome | None:
        name = f"{source} page {page_no}"
        error = future.exception()
        if error is None:
            return replace(future.result(), source=source)
        if isinstance(error, EngineError) and error.fatal:
            self.fault = self.fault or error
            return None
        if isinstance(error, EngineError):
            words = str(error).removeprefix(f"{name}: ")
            return PageFailure(page_no, error.kind, f"{name}: {words}", source=source)
        if isinstance(error, MemoryError):
            words = f"{name}: out of memory ({error})"
            return PageFailure(page_no, FailureKind.ENGINE_OUT_OF_MEMORY, words, source=source)
        if not isinstance(error, Exception):
            raise error
        detail = "".join(traceback.format_exception(error))
        words = f"{name}: {type(error).__name__}: {error}"
        return PageFailure(page_no, FailureKind.ENGINE_ERROR, words, detail=detail, source=source)
