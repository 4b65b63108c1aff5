"""Runs random jobs, disturbs them at random, resumes them, and checks that nothing was lost.

    python benchmarks/chaos.py --runs 60 --seed 1

Each run is the real command with real processes and the scripted engine. Its coordinator, workers, renderers, prober
and finisher are killed (SIGKILL) or stopped (SIGSTOP) whatever they are doing; the same command is given again until it
ends with 0 or 6. Then it must have come to what an undisturbed run of the same job comes to. Exit code 1 if anything
was violated. Run number k of seed S is run number 0 of seed S + k. Needs Linux.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from itertools import groupby
from pathlib import Path

# The builders of documents are the tests'.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from chaos_faults import PHASES, tally
from chaos_run import Outcome, Reference, disturb
from chaos_scenario import Scenario

RUNS_PER_SCENARIO = 3
ROLES = ("coordinator", "worker", "renderer", "prober", "finisher")


def main() -> int:
    """Runs the program; gives its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="how many runs (default: 20)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the first run (default: 0)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the folders of all runs there")
    options = parser.parse_args()
    folder = options.keep.absolute() if options.keep else Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    violated = run_all(options.seed, options.runs, folder, keep=options.keep is not None)
    if not violated and options.keep is None:
        folder.rmdir()
    for seed in violated:
        print(f"violated: see {folder / f'run-{seed}'}, or do it again: benchmarks/chaos.py --runs 1 --seed {seed}")
    return 1 if violated else 0


def run_all(first_seed: int, runs: int, folder: Path, *, keep: bool) -> list[int]:
    """Does the runs and prints what came of them; gives the seeds of those that violated anything."""
    outcomes: dict[int, Outcome] = {}
    scripted: Counter[str] = Counter()
    for number, seeds in groupby(range(first_seed, first_seed + runs), key=lambda seed: seed // RUNS_PER_SCENARIO):
        scenario_folder = _empty(folder / f"scenario-{number}")
        reference = Reference.make(number, scenario_folder)
        wanted = keep
        for seed in seeds:
            run_folder = _empty(folder / f"run-{seed}")
            outcome = outcomes[seed] = _run_one(seed, reference, run_folder)
            scripted.update(rule["do"] for rule in reference.scenario.script)
            wanted = wanted or bool(outcome.violations)
            if not (keep or outcome.violations):
                shutil.rmtree(run_folder)
        if not wanted:
            shutil.rmtree(scenario_folder)
    _print_histogram(list(outcomes.values()), scripted)
    return [seed for seed, outcome in outcomes.items() if outcome.violations]


def _run_one(seed: int, reference: Reference, folder: Path) -> Outcome:
    """Does one run and prints its line."""
    begun = time.monotonic()
    outcome = disturb(reference, folder, random.Random(f"run {seed}"))
    print(_line(seed, reference.scenario, outcome, time.monotonic() - begun), flush=True)
    for violation in outcome.violations:
        print(f"    VIOLATED {violation}", flush=True)
    return outcome


def _empty(folder: Path) -> Path:
    """Gives that folder without anything in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _line(seed: int, scenario: Scenario, outcome: Outcome, seconds: float) -> str:
    codes = " ".join(map(str, outcome.codes))
    missed = f", {outcome.missed} not reached" if outcome.missed else ""
    lost = f", {len(outcome.losses)} lost to it and mended by retry" if outcome.losses else ""
    verdict = "VIOLATED" if outcome.violations else "ok"
    return (
        f"run {seed}: {scenario.pages} pages, {outcome.workers} workers, ended {codes}, "
        f"{tally(outcome.hits) or 'in peace'}{missed}{lost}, {seconds:.1f} s: {verdict}"
    )


def _print_histogram(outcomes: list[Outcome], scripted: Counter[str]) -> None:
    hits = [hit for outcome in outcomes for hit in outcome.hits]
    print(f"\n{len(outcomes)} runs, {len(hits)} hits by process and phase:\n")
    print("".join(f"{word:>12}" for word in ("", *PHASES, "sum")))
    for role in ROLES:
        counts = [sum(hit.role == role and hit.phase == phase for hit in hits) for phase in PHASES]
        print("".join(f"{cell:>12}" for cell in (role, *(count or "." for count in counts), sum(counts))))
    _print_counts("actions", Counter(hit.action for hit in hits))
    _print_counts("scripted faults", scripted)
    _print_counts("exit codes", Counter(str(code) for outcome in outcomes for code in outcome.codes))
    print(f"failures through hits, mended by retry: {sum(len(outcome.losses) for outcome in outcomes)}")
    print(f"runs with violations: {sum(bool(outcome.violations) for outcome in outcomes)}")


def _print_counts(what: str, counts: Counter[str]) -> None:
    print(f"{what}: " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))


if __name__ == "__main__":
    sys.exit(main())
