"""Opens documents and renders pages in a child of its own, and outlives whatever they do to it.

Used by a worker for its renderer and by the prober. Errors name neither document nor page: the caller knows both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from batchocr.datatypes import DocumentRef, Limits, PageImage, Probe
from batchocr.documents.watched import WatchedChild
from batchocr.documents.wire import (
    EndOfStreamError,
    MalformedFrameError,
    probe_from_json,
    read_into,
    text_layer_from_json,
)
from batchocr.errors import Cancelled, DocumentError, FailureKind

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

# An image may be two pixels over, a PDF page is rounded up; anything beyond is a child that lies.
ROUNDING = 1.1
# Of render_memory_bytes, held after a page is done.
RECYCLE_SHARE = 0.3
# Of render_memory_bytes, held before a page is begun: too little to blame for a page that lacks memory.
CLEAN_SHARE = 0.05


_Answer: TypeAlias = "tuple[Any, Pixels | None]"


class _AskAgainError(DocumentError):
    """Perhaps it was not the document's fault: the child crashed, was killed, or had used up memory before."""


class DocumentChild:
    """A child that opens documents, started by `start` or when first needed, and again after it died.

    `probe` and `render` are one at a time: a second caller waits. `kill` and `close` may come from any thread at any
    moment and end the call in hand with `Cancelled`.

    Args:
        limits: what a document may cost.
        name: for thread names and messages, for example `renderer of gpu:0`.
        log: file that takes the child's standard error; the parent's own unless given.
    """

    def __init__(self, limits: Limits, name: str, log: BinaryIO | None = None) -> None:
        self._limits = limits
        self._name = name
        self._log = log
        self._call = threading.Lock()
        self._state = threading.Lock()
        self._child: WatchedChild | None = None
        self._open: DocumentRef | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        child = self._child
        return None if child is None else child.pid

    def rss_bytes(self) -> int:
        """Gives the resident memory of the child in bytes, 0 while there is none."""
        child = self._child
        return 0 if child is None else child.rss_bytes()

    def start(self) -> None:
        """Starts the child now, so that the first call need not wait for that.

        Raises:
            Cancelled: `kill` or `close` was called.
        """
        with self._call:
            self._running_child()

    def probe(self, path: str, password: str | None = None) -> Probe:
        """Gives hash, format and page count of one file. Blocks; a hang ends after `render_timeout_s`.

        Raises:
            DocumentError: `document_unreadable`, `document_encrypted`, `document_too_large` or `document_changed`.
            Cancelled: `kill` or `close` was called.
        """
        request = {"do": "probe", "path": path, "password": password}
        with self._call:
            answer, _ = self._insist(lambda: self._ask(request, FailureKind.DOCUMENT_UNREADABLE))
            return probe_from_json(answer)

    def render(
        self, document: DocumentRef, page_no: int, dpi: int, want_text: bool, thumbnail_dpi: int | None = None
    ) -> PageImage:
        """Gives one page; its pixels belong to the caller. Blocks; a hang ends after `render_timeout_s`.

        With `thumbnail_dpi`, a page that draws nothing but text and rules comes as a thumbnail of that resolution, a
        single pixel if it is 0.

        Raises:
            DocumentError: `page_render_failed` of this page, or of the whole document `document_unreadable`,
                `document_encrypted`, `document_too_large` or `document_changed`.
            Cancelled: `kill` or `close` was called.
        """
        with self._call:
            wish = {"page_no": page_no, "dpi": dpi, "text": want_text, "thumbnail_dpi": thumbnail_dpi}
            request = {"do": "render", **wish}
            answer, pixels = self._insist(lambda: self._ask_about(document, request))
            if pixels is None:
                raise DocumentError("the renderer sent no pixels", FailureKind.PAGE_RENDER_FAILED)
            self._recycle_if_swollen()
            text, page_size = answer["text"], answer["thumbnail_of"]
            return PageImage(
                page_no=page_no,
                pixels=pixels,
                dpi=float(answer["dpi"]),
                source=document.source,
                text_layer=None if text is None else text_layer_from_json(text),
                warnings=tuple(answer["warnings"]),
                thumbnail_of=None if page_size is None else (int(page_size[0]), int(page_size[1])),
            )

    def kill(self) -> None:
        """Kills the child at once and lets no other start; does not wait."""
        with self._state:
            self._closed = True
            if self._child is not None:
                self._child.kill()

    def close(self) -> None:
        """Ends the child and waits until it is gone. The child writes no file, so a kill loses nothing."""
        self.kill()
        with self._call:
            self._end_child()

    def _insist(self, question: Callable[[], _Answer]) -> _Answer:
        """Asks again, once and a new child, if that may help; a limit broken by the document itself is final."""
        try:
            return question()
        except _AskAgainError:
            return question()

    def _ask_about(self, document: DocumentRef, request: dict[str, Any]) -> _Answer:
        """Asks about a document, which is opened first if it is not."""
        if self._child is None or self._open != document:
            self._open = None
            # The prober could open it: a child that dies or hangs at it now costs the page, not the document.
            self._ask({"do": "open", "document": asdict(document)}, FailureKind.PAGE_RENDER_FAILED)
            self._open = document
        return self._ask(request, FailureKind.PAGE_RENDER_FAILED)

    def _ask(self, request: dict[str, Any], kind: FailureKind) -> _Answer:
        """Gives the answer to a request, and its pixels if it has any; a dead child becomes an error of this `kind`."""
        child = self._running_child()
        clean = child.rss_bytes() <= CLEAN_SHARE * self._limits.render_memory_bytes
        try:
            header, payload_bytes = child.ask(request)
            pixels = self._read_pixels(child, header, payload_bytes)
        except (OSError, EndOfStreamError, MalformedFrameError) as err:
            reason = self._end_child()
            if self._closed:
                raise Cancelled(f"{self._name} was closed") from err
            final = child.took_too_long or (child.took_too_much_memory and clean)
            raise (DocumentError if final else _AskAgainError)(reason, kind) from err
        finally:
            child.rest()
        if "error" in header:
            error = header["error"]
            if error.get("short_of_memory") and not clean:
                self._end_child()
                raise _AskAgainError(error["message"], FailureKind(error["kind"]))
            raise DocumentError(error["message"], FailureKind(error["kind"]))
        return header["ok"], pixels

    def _running_child(self) -> WatchedChild:
        with self._state:
            if self._closed:
                raise Cancelled(f"{self._name} was closed")
            if self._child is None:
                self._child = WatchedChild(self._limits, self._name, self._log)
            return self._child

    def _recycle_if_swollen(self) -> None:
        """Ends a child that holds on to much of its memory, so that the next page is not failed for its past."""
        child = self._child
        if child is not None and child.rss_bytes() > RECYCLE_SHARE * self._limits.render_memory_bytes:
            child.kill()
            self._end_child()

    def _end_child(self) -> str:
        """Ends the child, if there is one, and gives the reason for its end."""
        child = self._child
        if child is None:
            return ""
        reason = child.end()
        with self._state:
            self._child = None
            self._open = None
        return reason

    def _read_pixels(self, child: WatchedChild, header: dict[str, Any], payload_bytes: int) -> Pixels | None:
        if not payload_bytes:
            return None
        try:
            height, width = int(header["ok"]["height"]), int(header["ok"]["width"])
        except (LookupError, TypeError, ValueError) as err:
            raise MalformedFrameError("pixels without a size") from err
        if payload_bytes != height * width * 3 or height * width > ROUNDING * self._limits.max_page_pixels + 1e6:
            raise MalformedFrameError("pixels of another size than said")
        pixels: Pixels = np.empty((height, width, 3), np.uint8)
        read_into(child.source, pixels.data.cast("B"))
        return pixels
