"""Measures the memory of a `ppocr` worker over a long scanned document: how much at most, and whether it grows.

    python benchmarks/bench_memory.py [--pages 500]

One worker reads scans of A4 at 200 dpi into all output formats; its resident memory is looked at twice a second. Told
are the peaks of each tenth of the time in which it worked, start-up included in the first.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from measuring import batchocr_command, machine, write_result
from pages import make_pages

TENTHS = 10
WORKER = "batchocr.worker.process"


def worker_memory(command: Sequence[str]) -> list[int]:
    """Runs a command and gives the resident memory of its worker, bytes, every half second; or ends the program."""
    found = []
    child = psutil.Popen(command, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        for process in child.children(recursive=True):
            try:
                if any(WORKER in word for word in process.cmdline()):
                    found.append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.5)
    if child.returncode:
        sys.exit(f"{' '.join(command)}\nended with {child.returncode}")
    return found


def peaks_mb(samples: Sequence[int]) -> list[float]:
    """Gives the peak of each tenth of the samples, MB (10^6 bytes)."""
    count = len(samples)
    parts = (samples[part * count // TENTHS : (part + 1) * count // TENTHS] for part in range(TENTHS))
    return [round(max(part) / 1e6, 1) for part in parts if part]


def main() -> None:
    """Measures, prints and keeps the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500)
    arguments = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory(prefix="batchocr-bench-") as name:
        folder = Path(name)
        make_pages(folder, arguments.pages, seed=5)
        command = batchocr_command(folder / "scan.pdf", folder / "out", "--mode", "ocr", "--devices", "cpu:0")
        begun = time.monotonic()
        peaks = peaks_mb(worker_memory(command))
        took = time.monotonic() - begun
    print(f"{arguments.pages} pages, {took / arguments.pages:.2f} s each; peak of each tenth, MB: {peaks}")
    result = {
        "command": " ".join(["python", "benchmarks/bench_memory.py", *sys.argv[1:]]),
        "machine": about,
        "pages": arguments.pages,
        "s_per_page": round(took / arguments.pages, 2),
        "peak_mb": max(peaks),
        "peak_mb_of_each_tenth": peaks,
    }
    write_result("memory", result)


if __name__ == "__main__":
    main()
