"""One process per device on this machine, fed by Manager queues whose server is a thread of the coordinator.

No Manager process exists that could die, hang or be left behind. Every worker generation has an inbox of its own: a
client that is killed while it waits in `get` makes the server swallow an item, so a dead worker's inbox is thrown away.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Client
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any

import psutil

from batchocr.datatypes import Assembly, Limits, Task
from batchocr.devices import Device, worker_environment
from batchocr.documents.client import DocumentChild
from batchocr.errors import Cancelled, DocumentError, FailureKind, StorageError
from batchocr.executors.base import Executor
from batchocr.launcher import launch
from batchocr.logs import get_logger
from batchocr.outputs.commit import finish_commit
from batchocr.worker.child import DRAIN, STACK_SIGNAL
from batchocr.worker.messages import (
    EXIT_RECYCLED,
    Assembled,
    AssemblyFailed,
    Event,
    GiveBack,
    Order,
    Probed,
    ProbeFailed,
    ProbeOrder,
    WorkerLost,
    WorkPlan,
)
from batchocr.worker.open_pages import read_note
from batchocr.worker.printed import read_printed

logger = logging.getLogger(__name__)

POLL_S = 0.1
GATHER_S = 0.05  # after an event, for others to come: one look at all workers does for many pages
MAX_ASSEMBLY_TRIES = 2
FINISHER = "finisher"
FINISHER_RSS_BYTES = 1 << 30  # it is replaced after the document with which it passes this
DUMP_S = 0.5  # for a hung worker to write its stack
GRACE_S = 1.0  # for it to leave by itself


class _QueueServer:
    """A Manager server on a thread: inboxes by worker and generation, and one outbox for all events."""

    def __init__(self) -> None:
        self.inboxes: dict[tuple[str, int], queue.Queue[WorkPlan | Order]] = {}
        self.events: queue.Queue[list[Event]] = queue.Queue()

        class Manager(BaseManager):
            """Has a registry of its own, so that runs in one process do not meet."""

        Manager.register("inbox", callable=lambda name, generation: self.inboxes[name, generation])
        Manager.register("outbox", callable=lambda: self.events)
        self.key = secrets.token_bytes(32)
        # An abstract socket on Linux: nothing on disk to leave behind, and it works without a loopback interface.
        linux = sys.platform == "linux"
        place: Any = f"\0batchocr-{os.getpid()}-{secrets.token_hex(8)}" if linux else ("127.0.0.1", 0)
        server: Any = Manager(address=place, authkey=self.key).get_server()
        self._server = server
        self._server.stop_event = threading.Event()
        self._closing = False
        self._accepter = threading.Thread(target=self._accept, name="queue-server", daemon=True)
        self._accepter.start()
        self.address = place if linux else server.address  # Linux gives an abstract name back as bytes

    def close(self) -> None:
        """Takes no further clients and ends the thread."""
        self._closing = True
        Client(self.address).close()  # the one that wakes it
        self._accepter.join()
        self._server.listener.close()

    def _accept(self) -> None:
        """Serves each client on a thread of its own; the server's own loop would never end."""
        while True:
            try:
                client = self._server.listener.accept()
            except OSError:
                continue  # a client that was gone before it was let in
            if self._closing:
                client.close()
                return
            threading.Thread(target=self._server.handle_request, args=(client,), daemon=True).start()


@dataclass
class _Child:
    """A worker or the finisher as the executor sees it."""

    name: str
    generation: int
    process: subprocess.Popen[bytes]
    usage: psutil.Process
    open_pages: Path
    printed_from: int
    kill_reason: str = ""
    released: bool = False

    def tell(self, line: bytes) -> None:
        """Writes a line to the child's standard input."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except BrokenPipeError:
            logger.warning("%s has ended and takes no orders", self.name)

    def wait(self, timeout_s: float) -> None:
        """Waits until the process has ended, or the time is over."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_s)

    def signal_group(self, number: int) -> None:
        """Signals the child's whole process group."""
        try:
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, number)
            else:
                self.process.kill()
        except ProcessLookupError:
            pass  # it has just ended


class LocalExecutor(Executor):
    """Prober, workers and finisher as processes of their own."""

    def __init__(self, state_dir: Path) -> None:
        self._scratch = state_dir / "workers"
        self._server = _QueueServer()
        self._plan: WorkPlan | None = None
        self._workers: dict[str, _Child] = {}
        self._generations: dict[str, int] = {}
        self._prober: _Prober | None = None
        self._finisher: _Child | None = None
        self._look_at = 0.0
        self._orders: dict[str, tuple[Assembly, int]] = {}  # commit id to order and number of the try, oldest first

    def start(self, plan: WorkPlan) -> None:
        """Starts the prober; the finisher starts with its first document."""
        self._plan = plan
        # The notes of workers whose coordinator was killed: one that still leaves must not write into ours.
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._prober = _Prober(plan.limits, self._server.events, self._chatter("prober"))

    def start_worker(self, worker: str, device: Device) -> int:
        """Starts a worker's process with its whole environment."""
        assert self._plan is not None
        environment = worker_environment(device, self._plan.engine.threads, self._plan.engine.environment)
        child = self._spawn("batchocr.worker.process", worker, environment, device, self._plan.max_rss_bytes)
        self._workers[worker] = child
        self._server.inboxes[worker, child.generation].put(self._plan)
        return child.generation

    def probe(self, order: ProbeOrder) -> None:
        """Hands the order to the prober's thread."""
        assert self._prober is not None
        self._prober.orders.put(order)

    def lend(self, worker: str, task: Task) -> None:
        """Puts the task into the worker's inbox."""
        child = self._workers[worker]
        self._server.inboxes[worker, child.generation].put(task)

    def take_back(self, worker: str, pages: int) -> None:
        """Puts the order into the worker's inbox, behind the tasks that it is about."""
        child = self._workers[worker]
        self._server.inboxes[worker, child.generation].put(GiveBack(pages))

    def assemble(self, order: Assembly) -> None:
        """Puts the order into the finisher's inbox, and remembers it until it is answered."""
        if self._finisher is None:
            self._finisher = self._spawn_finisher()
        self._orders[order.commit_id] = (order, 1)
        self._server.inboxes[FINISHER, self._finisher.generation].put(order)

    def poll(self, timeout_s: float) -> Sequence[Event]:
        """Gathers events, and looks for children that have ended."""
        events = self._take_events(min(timeout_s, POLL_S))
        if events and time.monotonic() < self._look_at:
            self._note_answers(events)
            return events
        self._look_at = time.monotonic() + POLL_S
        ended = [child for child in self._workers.values() if child.process.poll() is not None]
        finisher_ended = self._finisher is not None and self._finisher.process.poll() is not None
        if ended or finisher_ended:
            # What they sent last may still be on its way through the server's threads.
            time.sleep(POLL_S / 2)
            events += self._take_events(0)
        for child in ended:
            events += self._bury(child)
        self._note_answers(events)
        if finisher_ended:
            events += self._replace_finisher()
        return events

    def _note_answers(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, (Assembled, AssemblyFailed)):
                self._orders.pop(event.commit_id, None)

    def kill_worker(self, worker: str, reason: str) -> None:
        """Ends a worker that hangs, after it has written its stack to its log; blocks for a second or two."""
        child = self._workers[worker]
        child.kill_reason = reason
        words = "worker %s is ended (%s); its stack is in %s"
        get_logger(__name__, worker=worker).info(words, worker, reason, self._chatter(worker))
        if STACK_SIGNAL is not None:
            child.process.send_signal(STACK_SIGNAL)
            child.wait(DUMP_S)
        child.signal_group(signal.SIGTERM)
        child.wait(GRACE_S)
        child.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))

    def drain(self) -> None:
        """Tells every worker through its standard input, which is read even while the engine is at work."""
        for child in self._workers.values():
            child.released = True
            child.tell(DRAIN)
            self._server.inboxes[child.name, child.generation].put(None)  # one that waits for a task leaves at once

    @property
    def busy(self) -> bool:
        """Workers that were told to leave are still there, or documents wait for their folder."""
        return bool(self._workers or self._orders)

    def rss_bytes(self, worker: str) -> int:
        """Asks the operating system."""
        child = self._workers.get(worker)
        try:
            return int(child.usage.memory_info().rss) if child else 0
        except psutil.Error:
            return 0

    def close(self, grace_s: float) -> None:
        """Asks every child to leave, waits, kills the rest."""
        if self._prober is not None:
            self._prober.close()
        children = [*self._workers.values(), *([self._finisher] if self._finisher else [])]
        for child in children:
            self._server.inboxes[child.name, child.generation].put(None)
        deadline = time.monotonic() + grace_s
        for child in children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.info("%s did not leave in time and is killed", child.name)
            child.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
            child.process.wait()
            self._clear(child)
        self._workers.clear()
        self._server.close()

    # --- children ---

    def _spawn_finisher(self) -> _Child:
        return self._spawn("batchocr.worker.finisher", FINISHER, {}, None, FINISHER_RSS_BYTES)

    def _chatter(self, name: str) -> Path:
        """Gives the file that takes all that a child prints."""
        assert self._plan is not None
        return Path(self._plan.log_dir) / f"{_stem(name)}.stderr.log"

    def _spawn(
        self, module: str, name: str, environment: dict[str, str], device: Device | None, max_rss_bytes: int
    ) -> _Child:
        generation = self._generations[name] = self._generations.get(name, 0) + 1
        self._server.inboxes[name, generation] = queue.Queue()
        note = self._scratch / f"{_stem(name)}.{generation}.open"
        with self._chatter(name).open("ab") as chatter:
            printed_from = chatter.tell()
            process = launch(module, environment=environment, stdout=chatter, stderr=chatter)
        message = {
            "name": name, "generation": generation, "device": device.engine_name if device else "",
            "device_name": device.name if device else "",
            "open_pages": str(note), "address": self._server.address, "key": self._server.key.hex(),
            "max_rss_bytes": max_rss_bytes, "printed": str(self._chatter(name)), "printed_from": printed_from,
        }  # fmt: skip
        child = _Child(name, generation, process, psutil.Process(process.pid), note, printed_from)
        child.tell(json.dumps(message).encode() + b"\n")
        return child

    def _take_events(self, timeout_s: float) -> list[Event]:
        events: list[Event] = []
        try:
            events += self._server.events.get(timeout=timeout_s) if timeout_s else self._server.events.get_nowait()
            time.sleep(GATHER_S)
            while True:
                events += self._server.events.get_nowait()
        except queue.Empty:
            return events

    def _bury(self, child: _Child) -> list[Event]:
        del self._workers[child.name]
        pages, printed_to = read_note(str(child.open_pages))
        code = child.process.returncode
        child.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))  # whatever it has left behind
        self._clear(child)
        if child.released:
            return []
        lines, _ = read_printed(self._chatter(child.name), child.printed_from if printed_to is None else printed_to)
        return [WorkerLost(child.name, child.generation, code, child.kill_reason or _say(code), pages, tuple(lines))]

    def _clear(self, child: _Child) -> None:
        self._server.inboxes.pop((child.name, child.generation), None)
        child.open_pages.unlink(missing_ok=True)
        if child.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                child.process.stdin.close()

    def _replace_finisher(self) -> list[Event]:
        """Starts another finisher with the orders that are not answered; the first of them is suspected."""
        assert self._finisher is not None
        code = self._finisher.process.returncode
        self._finisher.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._clear(self._finisher)
        self._finisher = None
        events: list[Event] = []
        orders = self._orders
        if code == EXIT_RECYCLED:
            logger.info("the finisher is replaced: it had used up its memory budget")
        elif orders:
            suspect, tries = next(iter(orders.values()))
            event = _salvage(suspect, code, last_try=tries >= MAX_ASSEMBLY_TRIES)
            if event is None:
                orders[suspect.commit_id] = (suspect, tries + 1)  # stays the first
            else:
                del orders[suspect.commit_id]
                events.append(event)
        if orders:
            self._finisher = self._spawn_finisher()
            for order, _ in orders.values():
                self._server.inboxes[FINISHER, self._finisher.generation].put(order)
        return events


class _Prober:
    """The thread that asks the prober's process, one document after the other."""

    def __init__(self, limits: Limits, events: queue.Queue[list[Event]], chatter: Path) -> None:
        self.orders: queue.Queue[ProbeOrder | None] = queue.Queue()
        self._chatter = chatter.open("ab")
        self._child = DocumentChild(limits, "prober", self._chatter)
        self._events = events
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the prober's process at once."""
        self.orders.put(None)
        self._child.close()
        self._thread.join(5.0)
        self._chatter.close()

    def _run(self) -> None:
        try:
            while (order := self.orders.get()) is not None:
                self._events.put([probe_document(self._child, order)])
        except Cancelled:
            return


def _salvage(order: Assembly, code: int, *, last_try: bool) -> Event | None:
    """Gives what became of the order that a finisher left unanswered; None if it is to be tried again."""
    try:
        committed = finish_commit(Path(order.output), Path(order.state_dir), order.folder, order.commit_id)
    except DocumentError as err:
        return AssemblyFailed(order.document_id, order.commit_id, err.kind, str(err))
    except StorageError as err:
        return AssemblyFailed(order.document_id, order.commit_id, FailureKind.OUTPUT_ERROR, str(err))
    if committed:
        return Assembled(order.document_id, order.commit_id)
    message = f"the finisher died while it wrote this document ({_say(code)})"
    failed = AssemblyFailed(order.document_id, order.commit_id, FailureKind.INTERNAL, message)
    return failed if last_try else None


def probe_document(child: DocumentChild, order: ProbeOrder) -> Event:
    """Gives what the prober's child says of one document."""
    try:
        return Probed(order.document_id, child.probe(order.path, order.password))
    except DocumentError as err:
        return ProbeFailed(order.document_id, err.kind, str(err))


def _stem(name: str) -> str:
    """Gives a child's name as a part of file names."""
    return name.replace(":", "-").replace("/", "-")


def _say(code: int) -> str:
    """Gives words for the way a process ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (out of memory?)" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"
