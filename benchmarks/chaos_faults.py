"""Finds the processes of a run, tells what each is doing, and kills or stops one of them."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from chaos_checks import reading

from batchocr.worker.open_pages import read_open_pages

LOOK_EVERY_S = 0.004
LOOK_AGAIN_FOR_CHILDREN_S = 0.2
GIVE_UP_AFTER_S = 4.0
# In the order in which a run usually comes by them.
PHASES = ("starting", "recovering", "probing", "loading", "rendering", "recognizing", "assembling", "idle")
_MODULES = {
    "batchocr.worker.process": "worker",
    "batchocr.worker.finisher": "finisher",
    "batchocr.documents.child": "document child",
}
# Every process and what it can be met at; None: at a moment that has nothing to do with what it does. Phases that are
# over in a moment, or that many runs have none of, are aimed at twice.
AIMS: tuple[tuple[str, str | None], ...] = (
    *(("coordinator", phase) for phase in (
        "starting", "recovering", "recovering", "probing", "probing", "loading", "rendering", "rendering",
        "recognizing", "assembling", "assembling", "idle", "idle", "idle", None)),
    *(("worker", phase) for phase in (
        "starting", "loading", "loading", "rendering", "rendering", "recognizing", "recognizing",
        "idle", "idle", None)),
    *(("renderer", phase) for phase in ("starting", "starting", *(4 * ("rendering",)), "idle", "idle", "idle", None)),
    *(("prober", phase) for phase in ("starting", "starting", "probing", "probing", "idle", None)),
    *(("finisher", phase) for phase in ("starting", *(3 * ("assembling",)), *(4 * ("idle",)), None)),
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One disturbance that is planned.

    Attributes:
        role: which process: coordinator, worker, renderer, prober or finisher.
        phase: what it should be doing at that moment, or None for any.
        delay_s: how long to wait first: from the start of the process, or from when it is met in that phase.
        action: `kill`, `stop` (it goes on after `hold_s`) or `stop and kill` (it dies after `hold_s`).
        hold_s: how long it stays stopped, s.
    """

    role: str
    phase: str | None
    delay_s: float
    action: str
    hold_s: float


@dataclass(frozen=True)
class Hit:
    """One disturbance that has happened, with what the process was doing then."""

    role: str
    phase: str
    action: str

    @property
    def deadly(self) -> bool:
        """The process did not survive it."""
        return self.action != "stop"

    def __str__(self) -> str:
        return f"{self.action} {self.role} {self.phase}"


def plan_faults(rng: random.Random, *, renders: bool) -> list[Fault]:
    """Gives up to three faults, in the order in which they are to happen; `renders`: there are renderers to disturb."""
    aims = [aim for aim in AIMS if renders or "render" not in f"{aim}"]
    chosen = sorted((rng.choice(aims) for _ in range(rng.choice((1, 2, 2, 3, 3)))), key=_usual_order)
    faults = []
    for role, phase in chosen:
        if phase == "recovering":  # needs a run that died before, best of all while it wrote a folder
            cause = _plan_fault(rng, "coordinator", rng.choice(("recognizing", "assembling", "assembling", None)))
            faults.append(replace(cause, action="kill", hold_s=0.0))
        faults.append(_plan_fault(rng, role, phase))
    return faults[:3]


def _usual_order(aim: tuple[str, str | None]) -> int:
    return PHASES.index(aim[1] or "rendering")


def _plan_fault(rng: random.Random, role: str, phase: str | None) -> Fault:
    brief = phase in {"recovering", "assembling", "probing", "rendering", "starting"}
    delay_s = rng.uniform(0, 1.5) if phase is None else rng.choice((0.0, rng.uniform(0, 0.04 if brief else 0.2)))
    action = rng.choice(("kill", "kill", "kill", "stop", "stop and kill"))
    return Fault(role, phase, delay_s, action, rng.choice((0.2, 0.5, 2.0)) if action != "kill" else 0.0)


class Family:
    """One coordinator and its children.

    Args:
        coordinator: the process of `batchocr run`.
        state_dir: of its output folder.
        resumed: a run on that folder has died before.
    """

    def __init__(self, coordinator: psutil.Popen, state_dir: Path, *, resumed: bool) -> None:
        self._coordinator = psutil.Process(coordinator.pid)
        self._state_dir = state_dir
        self._resumed = resumed
        self._known: dict[str, tuple[float, list[psutil.Process]]] = {}

    def find(self, role: str) -> list[psutil.Process]:
        """Gives the processes with that role, as they were a moment ago: to look for them takes longer than a phase."""
        found_at, found = self._known.get(role, (0.0, []))
        if not found or time.monotonic() - found_at > LOOK_AGAIN_FOR_CHILDREN_S:
            try:
                found = self._look_for(role)
            except psutil.Error:
                found = []  # they have just ended
            self._known[role] = (time.monotonic(), found)
        return found

    def phase(self, role: str, process: psutil.Process, status: str) -> str:
        """Tells what a process is doing; `status` is what the system said of it before it was stopped."""
        if role == "coordinator":
            return self._coordinator_phase()
        if role == "worker":
            return self._worker_phase(process)
        if role == "finisher":
            if self._is_assembling():
                return "assembling"
            return "idle" if _is_connected(process) else "starting"
        if _is_unlimited(process):
            return "starting"
        busy = status in {psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP}
        return ("probing" if role == "prober" else "rendering") if busy else "idle"

    def _look_for(self, role: str) -> list[psutil.Process]:
        if role == "coordinator":
            return [self._coordinator]
        parents = self._children(self._coordinator, "worker") if role == "renderer" else [self._coordinator]
        kind = "document child" if role in {"renderer", "prober"} else role
        return [child for parent in parents for child in self._children(parent, kind)]

    @staticmethod
    def _children(parent: psutil.Process, kind: str) -> list[psutil.Process]:
        return [child for child in parent.children() if _module(child) == kind]

    def _coordinator_phase(self) -> str:
        if not self._holds_lock():
            return "starting"
        workers = self.find("worker")
        if self._is_assembling() and workers:
            return "assembling"
        if not workers:
            if self._has_lent():
                return "idle"  # its workers have left: the run ends
            return "recovering" if self._resumed else "probing"
        phases = {self._worker_phase(worker) for worker in workers}
        return next((phase for phase in ("recognizing", "rendering", "idle") if phase in phases), "loading")

    def _worker_phase(self, process: psutil.Process) -> str:
        try:
            notes = [file.path for file in process.open_files() if file.path.endswith(".open")]
        except psutil.Error:
            return "idle"
        if not notes:  # it opens its note of open pages when the engine is there
            return "loading" if _is_connected(process) else "starting"
        if read_open_pages(notes[0]):
            return "recognizing"
        busy = {psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP}
        return "rendering" if any(_status(child) in busy for child in _children_of(process)) else "idle"

    def _holds_lock(self) -> bool:
        try:
            return bool(json.loads((self._state_dir / "lock.json").read_text())["pid"] == self._coordinator.pid)
        except (OSError, ValueError):
            return False

    def _has_lent(self) -> bool:
        """Tells whether the last run that the ledger knows has lent out a task."""
        with reading(self._state_dir) as db:
            last = "(SELECT id FROM runs ORDER BY started_at DESC, rowid DESC LIMIT 1)"
            return bool(db and db.execute(f"SELECT 1 FROM attempts WHERE run_id = {last} LIMIT 1").fetchone())

    def _is_assembling(self) -> bool:
        staging = self._state_dir / "staging"
        return staging.is_dir() and any(staging.iterdir())


def strike(family: Family, fault: Fault, has_ended: Callable[[], bool], rng: random.Random) -> Hit | None:
    """Waits for the moment that a fault is meant for and lets it happen.

    Returns:
        What happened, or None if the run ended before.
    """
    time.sleep(fault.delay_s if fault.phase is None else 0)
    begun = time.monotonic()
    while not has_ended():
        wanted = fault.phase if time.monotonic() - begun < GIVE_UP_AFTER_S else None
        for process in sorted(family.find(fault.role), key=lambda _: rng.random()):
            hit = _hit(family, fault, process, wanted)
            if hit is not None:
                return hit
        time.sleep(LOOK_EVERY_S)
    return None


def _hit(family: Family, fault: Fault, process: psutil.Process, wanted: str | None) -> Hit | None:
    """Disturbs a process if it does what is wanted; it is stopped first, so that what it did then can be seen."""
    try:
        if wanted is not None:
            if family.phase(fault.role, process, _status(process)) != wanted:
                return None
            time.sleep(fault.delay_s)
        status = _status(process)
        process.send_signal(signal.SIGSTOP)
        if _status(process) in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return None
        hit = Hit(fault.role, family.phase(fault.role, process, status), fault.action)
        time.sleep(fault.hold_s)
        process.send_signal(signal.SIGCONT if fault.action == "stop" else signal.SIGKILL)
    except psutil.Error:
        return None  # it ended by itself
    return hit


def tally(hits: list[Hit]) -> str:
    """Gives the hits in a few words."""
    return ", ".join(f"{count} x {words}" if count > 1 else words for words, count in Counter(map(str, hits)).items())


def _module(process: psutil.Process) -> str:
    """Gives what a child of ours is, by its command line; "" for any other process."""
    try:
        words = " ".join(process.cmdline())
    except psutil.Error:
        return ""
    return next((role for module, role in _MODULES.items() if f"from {module} import" in words), "")


def _children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.Error:
        return psutil.STATUS_DEAD


def _is_connected(process: psutil.Process) -> bool:
    """Tells whether a child has come to the point of connecting to the coordinator's queues."""
    try:
        return any(str(entry.readlink()).startswith("socket:") for entry in Path(f"/proc/{process.pid}/fd").iterdir())
    except OSError:
        return False  # it has just ended


def _is_unlimited(process: psutil.Process) -> bool:
    """Tells whether a document child has not set its limits yet, which it does before its first request."""
    return bool(process.rlimit(psutil.RLIMIT_AS)[0] == psutil.RLIM_INFINITY)
