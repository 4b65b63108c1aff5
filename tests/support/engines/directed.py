"""An engine that does what files in a folder tell it, so that a test can direct it while a run is going.

Its behaviour is no option, hence not part of the fingerprint: what failed in one run can succeed in the next.
It comes in by the entry point of a package of its own: put the folder of this file on PYTHONPATH.

    fail-3     page 3 fails as long as the file is there
    hold-3     page 3 waits as long as the file is there, and says so with the file `at-3`
    talk-3     at page 3 it prints a line on every way there is
    print-3    at page 3 it prints a line
    die-3      at page 3 it prints a last line from C, and aborts
    hold-describe  it does not say what it is as long as the file is there, and says so with the file `at-describe`
    one-load   the first load of all succeeds, every other fails and leaves the file `refused`
    pages.log  what it was given to read: one line `source page_no` for each page
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from batchocr.datatypes import Block, EngineInfo, PageImage, PageOutcome, PageResult
from batchocr.engines.base import Engine, EngineOptions
from batchocr.errors import EngineError


class DirectedOptions(EngineOptions):
    """Where the files are, and whether pages are rendered."""

    folder: Path
    needs_image: bool = False


class DirectedEngine(Engine):
    """Answers every page with its name, unless a file says otherwise."""

    name: ClassVar[str] = "directed"
    Options: ClassVar[type[EngineOptions]] = DirectedOptions

    def __init__(self, options: EngineOptions) -> None:
        assert isinstance(options, DirectedOptions)
        self._folder = options.folder

    @classmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        assert isinstance(options, DirectedOptions)
        while (options.folder / "hold-describe").exists():
            (options.folder / "at-describe").touch()
            time.sleep(0.02)
        return EngineInfo(
            name=cls.name,
            output_version=1,
            weights={},
            batch_invariant=True,
            needs_image=options.needs_image,
            wants_text_layer=False,
            devices=("cpu",),
            in_flight=1,
            page_timeout_s=60.0,
            load_timeout_s=60.0,
            options={},
            threads=1,
        )

    def load(self, device: str) -> None:
        loaded = self._folder / "loaded"
        if (self._folder / "one-load").exists() and loaded.exists():
            (self._folder / "refused").touch()
            raise EngineError("no second load")
        loaded.touch()

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        for page in pages:
            log = os.open(self._folder / "pages.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(log, f"{page.source} {page.page_no}\n".encode())
            os.close(log)
            if (self._folder / f"fail-{page.page_no}").exists():
                raise EngineError(f"told to fail on page {page.page_no}")
            while (self._folder / f"hold-{page.page_no}").exists():
                (self._folder / f"at-{page.page_no}").touch()
                time.sleep(0.02)
            if (self._folder / f"talk-{page.page_no}").exists():
                talk(f"{page.source} {page.page_no}")
            if (self._folder / f"print-{page.page_no}").exists():
                print(f"print {page.source} {page.page_no}")
            if (self._folder / f"die-{page.page_no}").exists():
                ctypes.CDLL(None).puts(b"last words")
                os.abort()
            height, width = page.pixels.shape[:2]
            text = f"Page {page.page_no} of {page.source}"
            block = Block("text", (0.0, 0.0, float(width), float(height)), 1, text, score=1.0)
            yield PageResult(page.page_no, width, height, (block,))


def talk(words: str) -> None:
    """Says something from Python and from C, on both streams, and through `logging` and `warnings`."""
    print(f"print {words}")
    print(f"stderr {words}", file=sys.stderr)
    os.write(1, f"fd1 {words}\n".encode())
    os.write(2, f"fd2 {words}\n".encode())
    ctypes.CDLL(None).puts(f"puts {words}".encode())
    logging.getLogger("library").warning("logging %s", words)
    warnings.warn(f"warnings {words}", stacklevel=1)
