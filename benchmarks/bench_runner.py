"""How much the runner itself costs: overhead, makespan, scale, start-up. With the scripted engine; `busy` with `ppocr`.

    .venv/bin/python benchmarks/bench_runner.py                 all of them; scale with 2,000 documents
    .venv/bin/python benchmarks/bench_runner.py scale --documents 100000 --workers 2 --save

Times without a machine mean nothing, so ratios are printed: against the same engine in a plain loop, against the bound
that no scheduler can beat, against the script that people copy from blogs. docs/performance.md explains the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import file_per_process
import measuring
import runner_jobs
from runner_jobs import plain_loop, run_job

from batchocr import runs
from batchocr.coordinator.simulation import lower_bound_s

MEASURES = ("overhead", "rendering", "makespan", "busy", "scale", "startup", "simulation")
DOCUMENT_BYTES = 1 << 19
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "report.pdf"
CORPUS = Path(os.environ.get("BATCHOCR_CORPUS") or ROOT.parent / "shared" / "corpus")


def overhead(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Pages/s against the same engine in a plain loop, start-up apart."""
    found = []
    for page_s in arguments.page_s:
        loop = plain_loop(2000 if page_s < 0.001 else max(20, int(2 / page_s)), page_s)
        for workers in arguments.workers:
            pages = 12_000 if page_s < 0.001 else int(arguments.seconds / page_s) * workers
            inputs = folder / f"overhead-{pages}"
            if not inputs.exists():
                runner_jobs.write_pdfs(inputs, [pages // 16] * 16)
            cost = run_job(inputs, folder / "out", workers, page_s=page_s)
            done = cost.told["pages"]
            work_s = cost.reading_s - (statistics.mean(cost.ready_s) - cost.first_page_s)  # each from its own start
            found.append({
                "page_s": page_s, "workers": workers, "pages": done, "pages_per_s": round(done / work_s, 1),
                "of_plain_loop": round(done / work_s / (workers * loop), 4),
                "coordinator_ms_per_page": round(cost.coordinator_ms_per_page, 3),
            })  # fmt: skip
            print(json.dumps(found[-1]), flush=True)
    return found


def rendering(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Pages of a real PDF drawn at 200 dpi beside an engine that waits in C, against the engine in a plain loop."""
    found = []
    inputs = folder / "rendering"
    inputs.mkdir()
    runner_jobs.repeat_pdf(SAMPLE, inputs / "a.pdf", 400)
    for page_s in arguments.page_s:
        for workers in arguments.workers:
            cost = run_job(inputs, folder / "out", workers, page_s=page_s, needs_image=True)
            pages = cost.told["pages"]
            work_s = cost.reading_s - (statistics.mean(cost.ready_s) - cost.first_page_s)
            found.append({
                "page_s": page_s, "workers": workers, "pages": pages, "pages_per_s": round(pages / work_s, 2),
                "of_plain_loop": round(pages / work_s / (workers * plain_loop(20, page_s)), 4),
                "idle_share": [round(share, 4) for share in cost.told["idle"]],
            })  # fmt: skip
            print(json.dumps(found[-1]), flush=True)
    return found


def makespan(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One document of 2,000 pages among 200 of 4 on average: time until the last page, against the bound."""
    found = []
    for seed in arguments.seeds:
        sizes = skewed_sizes(seed)
        inputs = folder / f"makespan-{seed}"
        runner_jobs.write_pdfs(inputs, sizes)
        for workers in arguments.workers:
            page_s = arguments.page_s[-1]
            cost = run_job(inputs, folder / "out", workers, page_s=page_s)
            took = cost.first_page_s + cost.reading_s
            bound = lower_bound_s(sum(sizes), [page_s] * workers, cost.ready_s)
            found.append({
                "seed": seed, "workers": workers, "pages": sum(sizes), "page_s": page_s, "batchocr_s": round(took, 2),
                "bound_s": round(bound, 2), "over_bound": round(took / bound - 1, 4),
            })  # fmt: skip
            if arguments.baseline:
                plain_s, ready = file_per_process.run(sizes, workers, page_s, seed=seed)
                plain_bound = lower_bound_s(sum(sizes), [page_s] * workers, ready)
                found[-1]["file_per_process_s"] = round(plain_s, 2)
                found[-1]["file_per_process_ratio"] = round(plain_s / plain_bound, 2)
            print(json.dumps(found[-1]), flush=True)
    return found


def skewed_sizes(seed: int) -> list[int]:
    """Gives 2,000 pages and 200 documents of 1 to 7 pages, shuffled."""
    import random

    dice = random.Random(seed)
    sizes = [2000, *(dice.randint(1, 7) for _ in range(200))]
    dice.shuffle(sizes)
    return sizes


def busy(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The embedded engine on real documents: share of the time after start-up in which it had a page, by telemetry."""
    found: list[dict[str, Any]] = []
    if not arguments.corpus.is_dir():
        print(f"no documents at {arguments.corpus}: name a folder with --corpus", flush=True)
        return found
    for workers in arguments.workers:
        cost = run_job(
            arguments.corpus, folder / "out", workers, engine="ppocr", engine_options={}, mode="ocr",
            formats=["md", "json", "xlsx", "images", "pdf"],
        )  # fmt: skip
        uses = runs.status(folder / "out")["workers"]
        found.append({
            "corpus": arguments.corpus.name, "workers": workers, "pages": cost.told["pages"],
            "wall_s": round(cost.told["wall_s"], 1), "folders_after_last_page_s": round(cost.after_reading_s, 2),
            "busy_share": round(sum(use["busy_s"] for use in uses) / sum(use["ready_s"] for use in uses), 4),
            "each": [
                {
                    "worker": use["worker"], "pages": use["pages"], "busy_share": round(1 - use["idle_share"], 4),
                    **{key: round(use[key], 2) for key in ("ready_s", "busy_s", "render_s", "queue_wait_s", "spool_s")},
                }
                for use in uses
            ],
        })  # fmt: skip
        print(json.dumps(found[-1]), flush=True)
    return found


def scale(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Many one-page documents at 0 ms: pages/s, memory of the coordinator along the way, ledger, resume."""
    inputs, output = folder / "scale", arguments.output or folder / "out"
    runner_jobs.write_pngs(inputs, arguments.documents, DOCUMENT_BYTES)
    cost = run_job(inputs, output, arguments.workers[-1], page_s=0.0, formats=["md"])
    samples = cost.told["samples"]
    rss = {f"rss_mb_at_{share:.0%}": _memory_at(samples, share * arguments.documents) for share in (0.01, 0.5, 1.0)}
    again = run_job(inputs, output, arguments.workers[-1], page_s=0.0, formats=["md"], keep=True)
    found = {
        "documents": arguments.documents, "workers": arguments.workers[-1], "wall_s": round(cost.told["wall_s"], 1),
        "documents_per_s": round(arguments.documents / cost.told["wall_s"], 1), **rss,
        "peak_rss_mb": round(cost.told["peak_rss"] / 1e6, 1), "discovery_s": round(cost.told["found_s"], 1),
        "coordinator_ms_per_document": round(1000 * cost.told["cpu_s"] / arguments.documents, 2),
        "ledger_mb": round((output / ".batchocr" / "ledger.sqlite3").stat().st_size / 1e6, 1),
        "resume_s": round(again.told["wall_s"], 1), "resume_pages": again.told["pages"],
        "resume_peak_rss_mb": round(again.told["peak_rss"] / 1e6, 1),
    }  # fmt: skip
    print(json.dumps(found), flush=True)
    return [found]


def _memory_at(samples: Sequence[Sequence[float]], documents: float) -> float:
    """Gives the coordinator's memory when so many documents had ended, MB."""
    sample = next((sample for sample in samples if sample[0] >= documents), samples[-1])
    return round(sample[1] / 1e6, 1)


def startup(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One page: when the inputs were found, when a page was lent, when the last page was read, when all was over."""
    inputs = folder / "startup"
    runner_jobs.write_pdfs(inputs, [1])
    found = []
    for _ in range(3):
        begun = time.monotonic()
        cost = run_job(inputs, folder / "out", 1, page_s=0.0)
        found.append({
            "inputs_found_s": round(cost.told["found_s"], 2), "first_page_lent_s": round(cost.first_page_s, 2),
            "pages_read_s": round(cost.first_page_s + cost.reading_s, 2), "run_s": round(cost.told["wall_s"], 2),
            "process_s": round(time.monotonic() - begun, 2),
        })  # fmt: skip
        print(json.dumps(found[-1]), flush=True)
    return found


def simulation(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A million pages in documents of very unequal size, in virtual time: how far devices are from the bound."""
    found = []
    for devices in arguments.workers:
        found.append(runs.simulate(devices, speed_spread=0.3, seed=int(arguments.seeds[0])))
        print(json.dumps(found[-1]), flush=True)
    return found


def numbers(text: str) -> list[float]:
    """Gives a list of numbers."""
    return [float(part) for part in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], default=list(MEASURES))
    parser.add_argument("--workers", type=numbers, default=None, metavar="LIST")
    parser.add_argument("--page-s", type=numbers, default=None, metavar="LIST", help="what a page takes, seconds")
    parser.add_argument("--seeds", type=numbers, default=[0.0], metavar="LIST")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each overhead measurement")
    parser.add_argument("--no-baseline", dest="baseline", action="store_false", help="makespan of batchocr alone")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/runner_MEASURE.json")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of documents for busy")
    parser.add_argument("--folder", type=Path, default=None, help="for inputs and outputs; a temporary one by default")
    parser.add_argument("--output", type=Path, default=None, help="output of the scale run, elsewhere than its inputs")
    given = parser.parse_args(arguments)
    usual = {
        "overhead": ([1, 2, 4, 8, 16], [0.0, 0.01, 0.1]), "rendering": ([2], [0.1]),
        "makespan": ([2, 4, 8, 16], [0.05]), "simulation": ([1, 16, 256, 1024], [1.0]),
    }  # fmt: skip
    workers, page_s = given.workers, given.page_s
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        folder = Path(temporary)
        fsyncs = round(runner_jobs.fsyncs_per_s(folder))
        print(f"{runner_jobs.machine()}, {fsyncs} fsyncs/s", flush=True)
        for name in given.measures:
            print(f"== {name}: {globals()[name].__doc__.splitlines()[0]}", flush=True)
            some_workers, some_page_s = usual.get(name, ([2], [0.0]))
            given.workers = [int(count) for count in workers or some_workers]
            given.page_s = page_s or some_page_s
            given.seeds = [int(seed) for seed in given.seeds]
            machine = measuring.machine()
            found = globals()[name](folder, given)
            if given.save and found:
                result = {"command": shlex.join(sys.argv), "machine": machine, "fsyncs_per_s": fsyncs, name: found}
                measuring.write_result(f"runner_{name}", result)
        print(runner_jobs.machine())


if __name__ == "__main__":
    main()
