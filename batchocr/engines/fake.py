"""The scripted engine: known text at once, and on request every kind of misbehaviour, page by page.

A real engine that anyone can run, to try an installation or to see what a fault does:

    batchocr run input/ --engine fake --engine-option 'script=[{pages: "3", do: crash}]'
"""

from __future__ import annotations

import ctypes
import fnmatch
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from batchocr.datatypes import Block, EngineInfo, PageImage, PageOutcome, PageResult
from batchocr.engines.base import Engine, EngineOptions
from batchocr.errors import EngineError, FailureKind

# Options that change when pages are answered, not how.
_NO_OUTPUT = {"page_timeout_s", "load_seconds", "page_seconds", "in_flight"}
Behaviour = Literal[
    "text", "blank", "slow", "garbage", "error", "flaky", "fatal", "silent", "out_of_memory", "leak", "hang",
    "hang_hard", "crash", "abort", "exit", "kill",
]  # fmt: skip


class Rule(BaseModel):
    """What happens on some pages. The first rule that fits a page decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Behaviour = Field(description="the behaviour")
    pages: str = Field(
        default="*",
        description="page numbers such as '3', '5-7' or '3,9'; '*' is every page",
        coerce_numbers_to_str=True,
        pattern=r"^(\*|\s*\d+\s*(-\s*\d+\s*)?(,\s*\d+\s*(-\s*\d+\s*)?)*)$",
    )
    source: str = Field(default="*", description="glob that the document's name must match")
    seconds: float = Field(default=1.0, ge=0, description="how long `slow` takes, s")
    bytes: int = Field(default=50_000_000, ge=0, description="how much `leak` keeps on each page, bytes")
    pixels: int = Field(default=0, ge=0, description="`out_of_memory` strikes pages of more than so many pixels")

    def fits(self, page: PageImage) -> bool:
        """Tells whether this rule is about that page."""
        if not fnmatch.fnmatchcase(page.source, self.source):
            return False
        if self.pages == "*":
            return True
        for part in self.pages.split(","):
            first, _, last = part.partition("-")
            if int(first) <= page.page_no <= int(last or first):
                return True
        return False


class FakeOptions(EngineOptions):
    """Options of the scripted engine."""

    script: tuple[Rule, ...] = Field(
        default=(), description="rules; the first that fits a page decides, otherwise `text`"
    )
    content: Literal["text", "rich"] = Field(
        default="text", description="`rich` adds a heading, a table and a picture to each page"
    )
    page_seconds: float = Field(default=0.0, ge=0, description="time that every page takes, s")
    load_seconds: float = Field(default=0.0, ge=0, description="time that loading takes, s")
    load_error: str = Field(default="", description="loading fails with these words")
    in_flight: int = Field(
        default=1, ge=1, description="pages, of several documents, that it holds at once; it answers the newest first"
    )
    needs_image: bool = Field(default=True, description="let pages be rendered")
    page_timeout_s: float = Field(default=60.0, gt=0, description="time without a finished page that counts as hung, s")


class FakeEngine(Engine):
    """Answers every page with a text that names it, unless the script says otherwise."""

    name: ClassVar[str] = "fake"
    Options: ClassVar[type[EngineOptions]] = FakeOptions

    def __init__(self, options: EngineOptions) -> None:
        assert isinstance(options, FakeOptions)
        self._options = options
        self._leaked: list[bytes] = []
        self._pages_since_load = 0

    @classmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        """Gives what the engine is; every device will do, since it uses none."""
        assert isinstance(options, FakeOptions)
        return EngineInfo(
            name=cls.name,
            output_version=1,
            weights={},
            batch_invariant=True,
            needs_image=options.needs_image,
            wants_text_layer=False,
            devices=("cpu", "gpu", "npu", "xpu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu"),
            in_flight=options.in_flight,
            page_timeout_s=options.page_timeout_s,
            load_timeout_s=600.0,
            options=options.model_dump(mode="json", exclude=_NO_OUTPUT),
            threads=1,
        )

    def load(self, device: str) -> None:
        """Waits as long as it was told to.

        Raises:
            EngineError: the options ask for a failing load.
        """
        time.sleep(self._options.load_seconds)
        if self._options.load_error:
            raise EngineError(self._options.load_error, fatal=True)
        self._pages_since_load = 0

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        """Gives one outcome per page, in order, as the script says."""
        for page in pages:
            yield from self._read(page)

    def recognize_many(self, pages: Iterable[PageImage | None]) -> Iterator[PageOutcome]:
        """Gives one outcome per page as the script says, the newest page first."""
        held: list[PageImage] = []
        for page in pages:
            if page is not None:
                held.append(page)
            if held and (page is None or len(held) == self._options.in_flight):
                yield from self._read(held.pop())
        while held:
            yield from self._read(held.pop())

    def _read(self, page: PageImage) -> Iterator[PageOutcome]:
        rule = next((rule for rule in self._options.script if rule.fits(page)), None)
        time.sleep(self._options.page_seconds)
        answer = self._play(rule, page) if rule else self._text(page)
        self._pages_since_load += 1
        if answer is not None:
            yield replace(answer, source=page.source)

    def release_memory(self) -> None:
        """Does nothing: what it leaks stays leaked, as in the engines that it imitates."""

    def _play(self, rule: Rule, page: PageImage) -> PageOutcome | None:
        self._end_process(rule)
        if rule.do in {"hang", "hang_hard"}:
            _hang(hard=rule.do == "hang_hard")
        if rule.do == "error" or (rule.do == "flaky" and self._pages_since_load > 0):
            raise EngineError(f"scripted error on page {page.page_no}")
        if rule.do == "fatal":
            raise EngineError(f"scripted loss of the device on page {page.page_no}", fatal=True)
        height, width = page.pixels.shape[:2]
        if rule.do == "out_of_memory" and height * width > rule.pixels:
            raise EngineError(f"scripted out of memory on page {page.page_no}", FailureKind.ENGINE_OUT_OF_MEMORY)
        if rule.do == "silent":
            return None
        if rule.do == "slow":
            time.sleep(rule.seconds)
        if rule.do == "leak":
            self._leaked.append(os.urandom(1) * rule.bytes)  # as many bytes, all of them written to
        if rule.do == "blank":
            return PageResult(page.page_no, width, height, ())
        return self._garbage(page) if rule.do == "garbage" else self._text(page)

    @staticmethod
    def _end_process(rule: Rule) -> None:
        if rule.do == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if rule.do == "abort":
            os.abort()
        if rule.do == "exit":
            os._exit(3)
        if rule.do == "kill":
            os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    def _text(self, page: PageImage) -> PageResult:
        height, width = page.pixels.shape[:2]
        text = f"Page {page.page_no} of {page.source}"
        if self._options.content == "text":
            blocks: tuple[Block, ...] = (Block("text", (0.0, 0.0, float(width), height / 2), 1, text, score=1.0),)
            return PageResult(page.page_no, width, height, blocks)
        rows = f"<tr><td>page</td><td>{page.page_no}</td></tr><tr><td>width</td><td>{width}</td></tr>"
        blocks = (
            Block("doc_title", (0.1 * width, 0.05 * height, 0.9 * width, 0.1 * height), 1, text, level=1, score=1.0),
            Block("text", (0.1 * width, 0.15 * height, 0.9 * width, 0.4 * height), 2, "Nothing was read.", score=1.0),
            Block("table", (0.1 * width, 0.45 * height, 0.9 * width, 0.6 * height), 3, f"page\t{page.page_no}",
                  html=f"<table>{rows}</table>", score=1.0),
            Block("image", (0.1 * width, 0.65 * height, 0.9 * width, 0.9 * height), 4, image="image_1"),
        )  # fmt: skip
        crop = np.ascontiguousarray(page.pixels[: max(1, height // 4), : max(1, width // 4)])
        return PageResult(page.page_no, width, height, blocks, images={"image_1": crop})

    @staticmethod
    def _garbage(page: PageImage) -> PageResult:
        """What a broken or hostile engine might answer: nothing of it may harm the outputs."""
        blocks = (
            Block(
                "text",
                (float("nan"), -5.0, float("inf"), 1e12),
                1,
                "=1+1 \x00\ud800 <script>alert(1)</script> ](x) |",
                score=7.0,
            ),
            Block("table", (5.0, 5.0, 1.0, 1.0), 2, html="<table><tr><td colspan=999999999>=cmd|' /C calc'!A0<td>"),
            Block("image", (0.0, 0.0, 1.0, 1.0), 3, image="../../../etc/passwd"),
            Block("no such label", (0.0, 0.0, 0.0, 0.0), -4, "\u202e" * 10, image="missing"),
        )
        crop = np.zeros((2, 2, 3), np.uint8)
        return PageResult(page.page_no, -1, 0, blocks, images={"../../../etc/passwd": crop}, warnings=("garbage",))


def _hang(*, hard: bool) -> None:
    """Never comes back. Hard: holds the interpreter lock meanwhile, as stuck C code does."""
    if hard:
        ctypes.PyDLL(None).sleep(10_000_000)  # a PyDLL call keeps the lock
    while True:
        time.sleep(3600)
