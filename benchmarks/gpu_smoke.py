"""Answers on a machine with GPUs what machines without cannot tell about `paddleocr-vl`. Some 20 minutes on one GPU.

    python benchmarks/gpu_smoke.py                       # draws pages of its own
    python benchmarks/gpu_smoke.py --input scans/ --report gpu.json

Needs the extras `paddle` and `gpu`, PaddlePaddle for CUDA, and the models (`batchocr doctor --engine paddleocr-vl`).
Each question is one or two real runs; speeds are ratios of runs made one after the other on this machine:

    allocator    naive_best_fit against auto_growth: pages/s, and GPU memory at the end against a third of the way
    release      caches emptied after every page against after every task
    pipeline     page by page, as batchocr does it, against PaddleOCR's own batches over the whole PDF
    memory       a GPU that is nearly full: does the page fail as `engine_out_of_memory`, and does the run go on?
    kill         the worker killed while it reads: how long until the GPU's memory is free, is every page delivered?
    devices      two GPUs against one, if there are two

Exit code 0: all were answered; 1: a run did not come to what it must; 4: nothing can be measured here.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from PIL import Image, ImageDraw, ImageFont

from batchocr.devices.gpus import GpuMeter, list_gpus, visible_gpus

ENGINE = "paddleocr-vl"
PAGES = 24
SAMPLE_EVERY_S = 0.2
FREED_WITHIN_S = 120.0
MIB = 1 << 20
OWN_PIPELINE = """\
import sys, time
from paddleocr import PaddleOCRVL
pipeline = PaddleOCRVL(pipeline_version=sys.argv[2], device="gpu:0")
begun = time.monotonic()
pages = sum(1 for _ in pipeline.predict_iter(sys.argv[1]))
print(pages / (time.monotonic() - begun))
"""


@dataclass
class Measured:
    """One run: its summary, seconds of reading, and the GPU's memory over time, MiB."""

    summary: dict[str, Any]
    exit_code: int
    memory_mib: list[int] = field(default_factory=list)

    @property
    def pages_per_s(self) -> float:
        """Pages by wall time, loading included."""
        return float(self.summary["pages_done"] / self.summary["elapsed_s"])

    @property
    def growth(self) -> float:
        """Memory at the end against a third of the way."""
        third = self.memory_mib[len(self.memory_mib) // 3]
        return self.memory_mib[-1] / max(1, third)


class Smoke:
    """The questions, asked on one input.

    Args:
        inputs: documents to read.
        work: folder for results.
        version: of PaddleOCR-VL.
    """

    def __init__(self, inputs: Path, work: Path, version: str) -> None:
        self.inputs = inputs
        self.work = work
        self.version = version
        self.gpus = visible_gpus(list_gpus())
        self.faults: list[str] = []
        self._memory = GpuMeter()
        self._runs = 0

    def used_mib(self) -> int:
        """Gives the memory in use on the first GPU, MiB."""
        return (self._memory.used_bytes(self.gpus[0].uuid) or 0) // MIB

    def run(self, *options: str, devices: str = "gpu:0", meanwhile: Callable[[], None] | None = None) -> Measured:
        """Runs the command once into a folder of its own."""
        self._runs += 1
        command = [
            sys.executable, "-m", "batchocr", "run", str(self.inputs), "-o", str(self.work / f"out-{self._runs}"),
            "--engine", ENGINE, "--engine-option", f"pipeline_version={self.version}", "--devices", devices, "--json",
            *(part for option in options for part in ("--engine-option", option)),
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, self._sampled() as memory:
            if meanwhile is not None:
                meanwhile()
            out, _ = process.communicate()
        summary = json.loads(out) if out else {"pages_done": 0, "elapsed_s": 1.0}
        return Measured(summary, process.returncode, memory)

    def expect(self, true: bool, words: str) -> None:
        """Notes a promise that was not kept."""
        if not true:
            self.faults.append(words)

    @contextmanager
    def _sampled(self) -> Iterator[list[int]]:
        samples = [self.used_mib()]
        over = threading.Event()

        def sample() -> None:
            while not over.wait(SAMPLE_EVERY_S):
                samples.append(self.used_mib())

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        yield samples
        over.set()
        thread.join()

    def allocator(self) -> dict[str, Any]:
        """Compares the two ways to take memory."""
        runs = {name: self.run(f"flags={{allocator_strategy: {name}}}") for name in ("naive_best_fit", "auto_growth")}
        ours = runs["naive_best_fit"]
        self.expect(ours.exit_code == 0, f"the plain run ended with {ours.exit_code}")
        return {
            name: {
                "exit_code": run.exit_code,
                "pages_per_s": run.pages_per_s,
                "peak_mib": max(run.memory_mib),
                "growth": run.growth,
            }
            for name, run in runs.items()
        }

    def release(self) -> dict[str, Any]:
        """Compares how often caches are emptied."""
        each, seldom = self.run("release_every_pages=1"), self.run()
        return {"speed_ratio": each.pages_per_s / seldom.pages_per_s, "peak_mib_each_page": max(each.memory_mib),
                "peak_mib_each_task": max(seldom.memory_mib)}  # fmt: skip

    def pipeline(self) -> dict[str, Any]:
        """Compares with PaddleOCR's own batches, loading left out on its side and counted on ours."""
        document = next(path for path in sorted(self.inputs.rglob("*.pdf")))
        done = subprocess.run(
            [sys.executable, "-c", OWN_PIPELINE, str(document), self.version],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        ours = self.run()
        self.expect(done.returncode == 0, f"PaddleOCR itself ended with {done.returncode}: {done.stderr[-500:]}")
        own = float(done.stdout.split()[-1]) if done.returncode == 0 else None
        return {"own_pages_per_s": own, "batchocr_pages_per_s": ours.pages_per_s}

    def memory(self) -> dict[str, Any]:
        """Leaves the engine too little memory."""
        run = self.run("flags={fraction_of_gpu_memory_to_use: '0.02', gpu_memory_limit_mb: '1500'}")
        kinds = sorted({
            failure["kind"] for report in run.summary.get("failures", ()) for failure in report["failures"]
        })  # fmt: skip
        self.expect(run.exit_code in {0, 4, 6}, f"a GPU that is nearly full ended the run with {run.exit_code}")
        return {"exit_code": run.exit_code, "kinds": kinds}

    def kill(self) -> dict[str, Any]:
        """Kills the worker while it reads."""
        before = self.used_mib()
        freed: list[float] = []

        def strike() -> None:
            worker = _wait_for_worker()
            time.sleep(20)
            worker.kill()
            begun = time.monotonic()
            while self.used_mib() > before + 500 and time.monotonic() - begun < FREED_WITHIN_S:
                time.sleep(0.05)
            freed.append(time.monotonic() - begun)

        run = self.run(meanwhile=strike)
        self.expect(run.exit_code == 0, f"the run whose worker was killed ended with {run.exit_code}")
        return {"exit_code": run.exit_code, "memory_freed_after_s": freed[0], "pages_done": run.summary["pages_done"]}

    def devices(self) -> dict[str, Any]:
        """Compares two GPUs with one."""
        if len(self.gpus) < 2:
            return {"skipped": "one GPU"}
        both, one = self.run(devices="gpu:0,gpu:1"), self.run()
        return {"speed_ratio": both.pages_per_s / one.pages_per_s, "exit_code": both.exit_code}


def _wait_for_worker() -> psutil.Process:
    """Waits for the worker's process among the children of this one."""
    while True:
        for child in psutil.Process().children(recursive=True):
            try:
                if any("batchocr.worker.process" in part for part in child.cmdline()):
                    return child
            except psutil.Error:
                continue
        time.sleep(0.1)


def draw_pages(path: Path) -> None:
    """Draws a PDF of text and tables; what it says does not matter here, that it is read does."""
    font = ImageFont.load_default(28)
    pages = []
    for number in range(1, PAGES + 1):
        page = Image.new("RGB", (1240, 1754), "white")
        draw = ImageDraw.Draw(page)
        for row in range(30):
            draw.text((90, 90 + 40 * row), f"Page {number}, line {row}: the quick brown fox counts {number * row}.",
                      font=font, fill="black")  # fmt: skip
        for row in range(6):
            for column in range(4):
                box = (90 + 260 * column, 1340 + 50 * row, 350 + 260 * column, 1390 + 50 * row)
                draw.rectangle(box, outline="black", width=2)
                draw.text((box[0] + 12, box[1] + 8), str(number * (row + 1) * (column + 7)), font=font, fill="black")
        pages.append(page)
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=150)


def main() -> int:
    """Asks every question and prints the answers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, help="folder with at least one PDF, in place of drawn pages")
    parser.add_argument("--version", default="v1.6", help="of PaddleOCR-VL  [default: v1.6]")
    parser.add_argument("--report", type=Path, help="write the answers there too")
    arguments = parser.parse_args()
    doctor = subprocess.run(
        [sys.executable, "-m", "batchocr", "doctor", "--engine", ENGINE, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if doctor.returncode or not visible_gpus(list_gpus(), os.environ):
        print(doctor.stdout or doctor.stderr, "\nNothing can be measured here: no GPU, or the engine cannot run.")
        return 4
    work = Path(tempfile.mkdtemp(prefix="batchocr-gpu-"))
    try:
        inputs = arguments.input or work / "in"
        if arguments.input is None:
            inputs.mkdir()
            draw_pages(inputs / "pages.pdf")
        smoke = Smoke(inputs, work, arguments.version)
        answers: dict[str, Any] = {"doctor": json.loads(doctor.stdout)["findings"]}
        for question in (
            smoke.allocator, smoke.release, smoke.pipeline, smoke.memory, smoke.kill, smoke.devices
        ):  # fmt: skip
            print(f"{question.__name__} ...", file=sys.stderr)
            answers[question.__name__] = question()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    answers["faults"] = smoke.faults
    text = json.dumps(answers, indent=2)
    print(text)
    if arguments.report:
        arguments.report.write_text(text + "\n")
    return 1 if smoke.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
