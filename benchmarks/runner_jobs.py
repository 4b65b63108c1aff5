"""Documents and runs for the benchmarks of the runner: the scripted engine, no page images, and what a run cost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from batchocr.engines.base import Engine
from batchocr.engines.fake import FakeEngine, FakeOptions

_RUN = """\
import json, resource, sys, time
import psutil
from batchocr import runs
from batchocr.config import build_settings
class Listener:
    samples, found_s = [], 0.0
    def on_plan(self, *plan): self.found_s = time.monotonic() - begun
    def on_progress(self, progress):
        memory = psutil.Process().memory_info().rss
        self.samples.append((progress.documents_ended, memory, progress.pages_done, time.process_time()))
    def on_warning(self, message): print(message, file=sys.stderr)
settings = build_settings(json.loads(sys.argv[1]))
begun, cpu, listener = time.monotonic(), time.process_time(), Listener()
summary = runs.run(settings, listener=listener)
print(json.dumps({
    "wall_s": time.monotonic() - begun, "cpu_s": time.process_time() - cpu, "pages": summary.pages_done,
    "idle": [use.idle_share for use in summary.workers],
    "documents": dict(summary.documents), "exit_code": int(summary.exit_code), "found_s": listener.found_s,
    "peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "samples": listener.samples,
}))
"""


@dataclass(frozen=True)
class RunCost:
    """What one run took.

    Attributes:
        told: what the coordinator's process told; its samples are documents ended, memory, pages done, CPU time.
        first_page_s: from the start of the run until pages were lent first, s.
        reading_s: from then to the end of the last attempt, s.
        ready_s: when each worker was lent its first pages, s after the start of the run.
    """

    told: dict[str, Any]
    first_page_s: float
    reading_s: float
    ready_s: tuple[float, ...]

    @property
    def after_reading_s(self) -> float:
        """From the end of the last attempt to that of the run, s: folders that were still to be written."""
        return float(self.told["wall_s"]) - self.first_page_s - self.reading_s

    @property
    def coordinator_ms_per_page(self) -> float:
        """CPU time of the coordinator for each page while pages are read, start and end apart."""
        samples = [sample for sample in self.told["samples"] if sample[2]]
        (*_, first_pages, first_s), (*_, last_pages, last_s) = samples[0], samples[-1]
        return 1000 * (last_s - first_s) / max(1, last_pages - first_pages)


def run_job(
    inputs: Path, output: Path, workers: int, *, page_s: float = 0.0, needs_image: bool = False, keep: bool = False,
    **settings: Any,
) -> RunCost:  # fmt: skip
    """Runs a job in a process of its own and gives what it took.

    Args:
        inputs: folder of documents.
        output: is emptied first, unless `keep`.
        workers: how many.
        page_s: what a page takes the engine, s.
        needs_image: pages are drawn.
        keep: go on from an earlier run.
        settings: others of the run.
    """
    if not keep:
        shutil.rmtree(output, ignore_errors=True)
    values = {
        "inputs": [str(inputs)], "output": str(output), "engine": "fake", "formats": ["md", "json"], "report": False,
        "engine_options": {"needs_image": needs_image, "page_seconds": page_s},
        "devices": ",".join(f"cpu:{number}" for number in range(workers)), **settings,
    }  # fmt: skip
    command = [sys.executable, "-c", _RUN, json.dumps(values)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    with closing(sqlite3.connect(output / ".batchocr" / "ledger.sqlite3")) as db:
        ((run_id, started),) = db.execute("SELECT id, started_at FROM runs ORDER BY started_at DESC LIMIT 1")
        attempts = db.execute(
            "SELECT worker, MIN(started_at), MAX(ended_at) FROM attempts WHERE run_id = ? GROUP BY worker", (run_id,)
        ).fetchall()
    start = _clock(started)
    ready = tuple(sorted(_clock(first) - start for _, first, _ in attempts))
    end = max((_clock(last) - start for *_, last in attempts), default=0.0)
    return RunCost(json.loads(done.stdout), min(ready, default=0.0), end - min(ready, default=0.0), ready)


def plain_loop(pages: int, page_s: float) -> float:
    """Gives the pages/s of the same engine called in a loop, with nothing around it."""
    import numpy as np

    from batchocr.datatypes import PageImage

    engine: Engine = FakeEngine(FakeOptions(needs_image=False, page_seconds=page_s))
    engine.load("cpu")
    pixels = np.full((1, 1, 3), 255, np.uint8)
    begun = time.perf_counter()
    count = sum(
        1 for _ in engine.recognize(PageImage(number, pixels, 200.0, "a.pdf") for number in range(1, pages + 1))
    )
    return count / (time.perf_counter() - begun)


def write_pdfs(folder: Path, sizes: Sequence[int]) -> None:
    """Writes PDFs of so many empty pages, no two of them equal."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pages in enumerate(sizes):
        (folder / f"{number:05}.pdf").write_bytes(_pdf(pages, number))


def repeat_pdf(sample: Path, path: Path, pages: int) -> None:
    """Writes a PDF of so many pages: those of a sample over and over."""
    import pypdfium2

    with pypdfium2.PdfDocument(sample) as source, pypdfium2.PdfDocument.new() as target:
        while len(target) < pages:
            target.import_pages(source, list(range(min(len(source), pages - len(target)))))
        target.save(path)


def write_pngs(folder: Path, count: int, size_bytes: int) -> None:
    """Writes small PNG files in folders of a thousand, no two equal, each as long as asked for (with a hole)."""
    for number in range(count):
        parent = folder / f"{number // 1000:04}"
        parent.mkdir(parents=True, exist_ok=True)
        with (parent / f"{number:06}.png").open("wb") as file:
            file.write(_png(number))
            file.truncate(size_bytes)


def fsyncs_per_s(folder: Path, count: int = 200) -> float:
    """Gives how many small appends a second this disk makes durable, one after the other."""
    path = folder / "fsync.probe"
    with path.open("wb", buffering=0) as file:
        begun = time.perf_counter()
        for _ in range(count):
            file.write(b"x" * 512)
            os.fsync(file.fileno())
        took = time.perf_counter() - begun
    path.unlink()
    return count / took


def machine() -> str:
    """Gives a line about this machine: others that work on it show in its load."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"


def _clock(utc: str) -> float:
    return datetime.fromisoformat(utc).timestamp()


def _png(number: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + number.to_bytes(3, "big"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _pdf(pages: int, number: int) -> bytes:
    kids = " ".join(f"{3 + page} 0 R" for page in range(pages))
    objects = [f"<</Type/Catalog/Pages 2 0 R/Number {number}>>", f"<</Type/Pages/Count {pages}/Kids[{kids}]>>"]
    objects += ["<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"] * pages
    body, places = bytearray(b"%PDF-1.4\n"), []
    for place, text in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{place} 0 obj\n{text}\nendobj\n".encode()
    xref = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    body += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    return bytes(body) + f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{xref}\n%%EOF\n".encode()
