"""What every child of the coordinator does first: take its boot message, watch for the coordinator's end, connect."""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.managers import BaseManager
from typing import Any, Protocol

from batchocr.worker.messages import EXIT_ORPHANED, Event, Order, WorkPlan
from batchocr.worker.printed import show_lines_at_once

DRAIN = b"drain\n"  # on standard input: finish the page in hand, then leave
# Makes a child write the stack of every thread to its standard error; Windows has nothing like it.
STACK_SIGNAL: int | None = getattr(signal, "SIGUSR1", None)


class Inbox(Protocol):
    """The receiving end of a Manager queue."""

    def get(self, block: bool, timeout: float) -> WorkPlan | Order:
        """Gives the next order.

        Raises:
            queue.Empty: none came in time.
        """


class Outbox(Protocol):
    """The sending end of a Manager queue."""

    def put(self, events: list[Event]) -> None:
        """Sends a group of events."""


class QueueManager(BaseManager):
    """The Manager whose server lives on a thread of the coordinator."""


QueueManager.register("inbox")
QueueManager.register("outbox")


class Boot:
    """The boot message, and the connection to the coordinator."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self.name: str = message["name"]
        self.generation: int = message["generation"]
        self.device: str = message["device"]  # as the engine is to call it
        self.device_name: str = message["device_name"]  # as the user calls it
        self.open_pages: str = message["open_pages"]
        self.printed: str = message["printed"]
        self.printed_from: int = message["printed_from"]
        self.max_rss_bytes: int = message["max_rss_bytes"]
        self.draining = threading.Event()
        address = message["address"]
        manager = QueueManager(
            address=tuple(address) if isinstance(address, list) else address, authkey=bytes.fromhex(message["key"])
        )
        manager.connect()
        self.inbox: Inbox = manager.inbox(self.name, self.generation)  # type: ignore[attr-defined]
        self.outbox: Outbox = manager.outbox()  # type: ignore[attr-defined]

    def next_order(self, timeout_s: float = 5.0) -> WorkPlan | Order:
        """Waits for the next order."""
        while True:
            try:
                return self.inbox.get(True, timeout_s)
            except queue.Empty:
                continue


def boot() -> Boot:
    """Takes the boot message from standard input and connects.

    From now on the process ends when its coordinator is gone, and Ctrl-C in the terminal is left to the coordinator.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    show_lines_at_once()
    faulthandler.enable()
    if STACK_SIGNAL is not None:  # answered in C, hence also while C code holds the interpreter lock
        faulthandler.register(STACK_SIGNAL, all_threads=True)
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(EXIT_ORPHANED)
    link = Boot(json.loads(line))
    threading.Thread(target=_watch_coordinator, args=(link,), name="orphan-watch", daemon=True).start()
    return link


def _watch_coordinator(link: Boot) -> None:
    for line in sys.stdin.buffer:
        if line == DRAIN:
            link.draining.set()
    os._exit(EXIT_ORPHANED)
