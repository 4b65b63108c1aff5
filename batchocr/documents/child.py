"""The prober's and the renderer's process: one code that opens documents for somebody who must not die of them.

Talks over its standard input and output in frames (wire.py). Settings are its first argument, the limits as JSON.
It leaves at once when its standard input ends, even in the middle of a page.

Requests:   {"do": "probe", "path", "password"}
            {"do": "open", "document"}, then any number of {"do": "render", "page_no", "dpi", "text", "thumbnail_dpi"}
Answers:    {"ok": …}, for a page with its pixels as payload; {"error": {"kind", "message"}};
            {"progress": true} in front of an answer that takes long.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from dataclasses import asdict
from typing import Any

from batchocr.datatypes import Limits
from batchocr.documents.limited import limit_memory, limit_processor_time
from batchocr.documents.probe import probe_document
from batchocr.documents.reader import DocumentReader, open_document
from batchocr.documents.wire import (
    ByteSink,
    ByteSource,
    EndOfStreamError,
    document_from_json,
    probe_to_json,
    read_header,
    text_layer_to_json,
    write_frame,
)
from batchocr.errors import DocumentError, FailureKind


def main() -> None:
    """Serves requests until standard input ends; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits = Limits(**json.loads(sys.argv[1]))
    requests = os.fdopen(0, "rb", buffering=0, closefd=False)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    # Whatever a native library prints goes to the log, not between the frames.
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_take_requests, args=(requests, inbox), daemon=True).start()
    session = Session(limits, replies)
    limit_memory(limits)
    while True:
        session.answer(inbox.get())


def _take_requests(requests: ByteSource, inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Passes requests on. Runs beside PDFium, so that the end of the parent ends a page that never ends."""
    try:
        while True:
            inbox.put(read_header(requests)[0])
    except (EndOfStreamError, OSError):
        os._exit(0)


class Session:
    """One child's side of the talk; keeps one document open between pages."""

    def __init__(self, limits: Limits, replies: ByteSink) -> None:
        self._limits = limits
        self._replies = replies
        self._reader: DocumentReader | None = None

    def answer(self, request: dict[str, Any]) -> None:
        """Does what one request asks for and sends the answer."""
        limit_processor_time(self._limits)
        try:
            if request["do"] == "probe":
                self._probe(request)
            elif request["do"] == "open":
                self._open(request)
            else:
                self._render(request)
        except DocumentError as err:
            self._send({"error": {"kind": err.kind.value, "message": str(err)}})
        except MemoryError:
            kind = FailureKind.PAGE_RENDER_FAILED if request["do"] == "render" else FailureKind.DOCUMENT_UNREADABLE
            memory = f"render_memory_bytes ({self._limits.render_memory_bytes:,})"
            message = f"it needs more memory than {memory} allows"
            self._send({"error": {"kind": kind.value, "message": message, "short_of_memory": True}})

    def _probe(self, request: dict[str, Any]) -> None:
        probe = probe_document(request["path"], request["password"], self._limits, self._send_progress)
        self._send({"ok": probe_to_json(probe)})

    def _open(self, request: dict[str, Any]) -> None:
        self._close()
        document = document_from_json(request["document"])
        reader = open_document(document.path, document.password, self._limits)
        if reader.identity != document.identity:
            reader.close()
            raise DocumentError(
                "the file changed since it was counted and hashed; run again when it is complete",
                FailureKind.DOCUMENT_CHANGED,
            )
        self._reader = reader
        self._send({"ok": True})

    def _render(self, request: dict[str, Any]) -> None:
        if self._reader is None:
            raise DocumentError("no document is open")
        page = self._reader.render(request["page_no"], request["dpi"], request["text"], request["thumbnail_dpi"])
        height, width = page.pixels.shape[:2]
        header = {
            "width": width,
            "height": height,
            "dpi": page.dpi,
            "warnings": page.warnings,
            "thumbnail_of": page.thumbnail_of,
            "text": None if page.text_layer is None else text_layer_to_json(page.text_layer),
        }
        write_frame(self._replies, {"ok": header}, page.pixels.data.cast("B"))

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _send(self, header: dict[str, Any]) -> None:
        write_frame(self._replies, header)

    def _send_progress(self) -> None:
        limit_processor_time(self._limits)
        self._send({"progress": True})


def arguments(limits: Limits) -> list[str]:
    """Gives the child's command-line arguments."""
    return [json.dumps(asdict(limits))]
