"""One run of the chaos program: the job in peace, the job disturbed and resumed to its end, and the two compared."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from chaos_checks import (
    Recorded,
    check_delivery,
    check_ledger,
    check_leftovers,
    differing_files,
    failures,
)
from chaos_faults import Family, Fault, Hit, plan_faults, strike
from chaos_scenario import Scenario, build_scenario
from support.jobs import tree

from batchocr import runs

COMMAND_LIMIT_S = 90.0
LEAVE_LIMIT_S = 10.0
MAX_COMMANDS = 8
ENDS = (0, 6)
RESUMABLE = (-9, 7)
MARK = "CHAOS_MARK"
# What a hit may cost, by failure kind: which processes must have been hit, and how often at least. Everything is tried
# again once; but a page that the script makes fail anyway has a single try to lose.
PAGE_LOSSES = {
    "worker_lost": ({"worker"}, 1),
    "timeout": ({"worker", "renderer", "coordinator"}, 1),
    "page_render_failed": ({"renderer"}, 2),
}
DOCUMENT_LOSSES = {"document_unreadable": ({"prober", "renderer"}, 2), "internal": ({"finisher"}, 2)}


@dataclass
class Command:
    """How the commands of one run are given: in which folder, and with which mark to find every process by."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def temporary(self) -> Path:
        """The folder for temporary files of every process."""
        return self.folder / "tmp"

    def start(self, arguments: list[str]) -> psutil.Popen:
        """Starts `batchocr ARGUMENTS`; what it says goes to a file."""
        self.temporary.mkdir(exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BATCHOCR_")}
        with (self.folder / "told.log").open("ab") as told:
            return psutil.Popen(
                [sys.executable, "-m", "batchocr", *arguments],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=told, stderr=told,
                env={**environment, MARK: self.mark, "TMPDIR": str(self.temporary)},
            )  # fmt: skip

    def finish(self, arguments: list[str]) -> int:
        """Gives the exit code of `batchocr ARGUMENTS`, left in peace."""
        return int(self.start(arguments).wait(COMMAND_LIMIT_S))

    def processes(self) -> list[psutil.Process]:
        """Gives every living process that comes from these commands, whoever its parent is now."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue  # it has just ended, or is not ours
        return found

    def wait_until_gone(self, limit_s: float = LEAVE_LIMIT_S) -> list[str]:
        """Waits for every process to leave; names those that do not, and kills them."""
        deadline = time.monotonic() + limit_s
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        orphans = []
        for process in left:
            try:
                orphans.append(f"orphan {process.pid}: {' '.join(process.cmdline())[-120:]!r}")
                process.kill()
            except psutil.Error:
                continue  # it left in the end
        return orphans


@dataclass(frozen=True)
class Reference:
    """A scenario, its documents, and what an undisturbed run makes of them."""

    scenario: Scenario
    inputs: Path
    files: dict[str, bytes]
    status: dict[str, Any]

    @classmethod
    def make(cls, number: int, folder: Path) -> Reference:
        """Builds the documents and runs the job in peace.

        Raises:
            SystemExit: even that does not work.
        """
        inputs, output = folder / "in", folder / "out"
        scenario = build_scenario(number, inputs)
        command = Command(folder)
        code = command.finish([*scenario.arguments(inputs, output), "--devices", "cpu"])
        if code not in ENDS:
            raise SystemExit(f"scenario {number}: an undisturbed run ended with {code}, see {folder / 'told.log'}")
        return cls(scenario, inputs, tree(output), runs.status(output))

    def losses(self, status: dict[str, Any]) -> dict[tuple[str, int | None], tuple[str, str]]:
        """Gives the failures of a status that the undisturbed run has not, or for another reason."""
        mine = failures(self.status)
        return {place: reason for place, reason in failures(status).items() if mine.get(place) != reason}


@dataclass
class Outcome:
    """What became of one run.

    Attributes:
        workers: how many it had.
        codes: exit code of each command.
        hits: what was done to it.
        missed: faults for which no moment came.
        losses: pages (and, with None, documents) that failed through the hits, and were mended by `retry`.
        violations: what must not be.
    """

    workers: int
    codes: list[int] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    missed: int = 0
    losses: dict[tuple[str, int | None], tuple[str, str]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def allowed_losses(self) -> int:
        """Gives how many pages and documents may have failed: one a hit; a stopped coordinator blames workers."""
        blamed = sum(self.workers for hit in self.hits if hit.role == "coordinator" and not hit.deadly)
        return blamed + sum(hit.role != "coordinator" for hit in self.hits)


def disturb(reference: Reference, folder: Path, rng: random.Random) -> Outcome:
    """Runs a scenario through its faults to its end, and gives what happened."""
    command, outcome, recorded = Command(folder), Outcome(rng.choice((1, 2, 2, 3))), Recorded()
    output = folder / "out"
    arguments = [
        *reference.scenario.arguments(reference.inputs, output),
        "--devices", ",".join(f"cpu:{number}" for number in range(outcome.workers)),
        "--task-pages", str(rng.choice((1, 2, 3, 16))),
    ]  # fmt: skip
    faults = plan_faults(rng, renders=bool(reference.scenario.options["needs_image"]))
    while not outcome.violations and (not outcome.codes or outcome.codes[-1] not in ENDS):
        if len(outcome.codes) == MAX_COMMANDS:
            outcome.violations.append(f"not finished after {MAX_COMMANDS} commands")
        else:
            faults = _give_once(command, arguments, faults, outcome, recorded, rng)
    outcome.missed = len(faults)
    outcome.violations += command.wait_until_gone(0.0 if outcome.violations else LEAVE_LIMIT_S)
    if not outcome.violations:
        outcome.violations += _compare(reference, command, outcome, recorded)
    return outcome


def _give_once(
    command: Command,
    arguments: list[str],
    faults: list[Fault],
    outcome: Outcome,
    recorded: Recorded,
    rng: random.Random,
) -> list[Fault]:
    """Gives the command once and disturbs it; returns the faults that are left for the next."""
    state_dir = command.folder / "out" / ".batchocr"
    process = command.start(arguments)
    family = Family(process, state_dir, resumed=bool(outcome.codes))
    while faults and process.poll() is None:
        hit = strike(family, faults[0], lambda: process.poll() is not None, rng)
        if hit is not None:
            outcome.hits.append(hit)
            faults = faults[1:]
            recorded.look(state_dir)
    try:
        code = int(process.wait(COMMAND_LIMIT_S))
    except psutil.TimeoutExpired:
        outcome.violations.append(f"a command did not end within {COMMAND_LIMIT_S:g} s")
        return faults
    outcome.codes.append(code)
    if code not in (*ENDS, *RESUMABLE):
        outcome.violations.append(f"a command ended with exit code {code}")
    elif rng.random() < 0.5:  # otherwise the next command meets the children of this one
        outcome.violations += command.wait_until_gone()
        recorded.look(state_dir, with_spool=True)
    return faults


def _compare(reference: Reference, command: Command, outcome: Outcome, recorded: Recorded) -> list[str]:
    """Checks everything at the end of a run; what failed through the hits is retried, and must be whole then."""
    output = command.folder / "out"
    status = runs.status(output)
    outcome.losses = reference.losses(status)
    lost = {source for source, _ in outcome.losses}
    folders = tuple(entry["folder"] + "/" for entry in status["documents"] if entry["source"] in lost)
    found = check_delivery(output, status) + check_leftovers(output, command.temporary, status) + check_ledger(output)
    found += _check_losses(outcome) + recorded.violations(output / ".batchocr")
    found += [f"differs: {name}" for name in _differing(reference, output, outcome) if not name.startswith(folders)]
    if found or not lost:
        return found
    code = command.finish(["retry", str(output), "--quiet"])
    status = runs.status(output)
    found = check_delivery(output, status) + check_leftovers(output, command.temporary, status) + check_ledger(output)
    found += [f"ended with exit code {code}"] if code not in ENDS else []
    found += [f"still fails: {place}" for place in reference.losses(status)]
    found += [f"differs: {name}" for name in _differing(reference, output, outcome)]
    if all(page_no is not None for _, page_no in outcome.losses):
        # The spool of a document that failed as a whole is gone: where a twin was delivered, its pages are read again.
        found += recorded.violations(output / ".batchocr")
    return [f"after retry: {what}" for what in found + command.wait_until_gone()]


def _check_losses(outcome: Outcome) -> list[str]:
    """Checks that no hit cost more than itself."""
    found = []
    if len(outcome.losses) > outcome.allowed_losses():
        found.append(f"{len(outcome.losses)} failures through {len(outcome.hits)} hits: {outcome.losses}")
    for (source, page_no), (kind, message) in outcome.losses.items():
        roles, least = (DOCUMENT_LOSSES if page_no is None else PAGE_LOSSES).get(kind, (set(), 1))
        if sum(hit.role in roles for hit in outcome.hits) < least:
            found.append(f"{source} page {page_no} failed, and no hit explains it: {kind}: {message}")
    return found


def _differing(reference: Reference, output: Path, outcome: Outcome) -> list[str]:
    """Gives files unlike the undisturbed run's; once the prober was hit, twins may have been read through either."""
    twins = reference.scenario.twins if any(hit.role == "prober" for hit in outcome.hits) else ()
    return differing_files(tree(output), reference.files, twins)
