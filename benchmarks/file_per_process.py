"""The baseline: whole files from a Manager queue to one process per device, as in many a blog.

Kept as simple as these scripts are: no page ranges, no order, no retry, no resume. A process takes a file when it is
done with the last one, and leaves when the queue is empty.
"""

from __future__ import annotations

import multiprocessing
import queue
import random
import time
from collections.abc import Sequence
from typing import Any


def worker(files: Any, results: Any, page_s: float) -> None:
    """Reads files until there is none left."""
    results.put(("ready", time.time()))
    while True:
        try:
            name, pages = files.get_nowait()
        except queue.Empty:
            return
        for page_no in range(1, pages + 1):
            time.sleep(page_s)
            results.put((name, page_no))


def run(
    sizes: Sequence[int], processes: int, page_s: float, *, load_s: float = 0.0, seed: int = 0
) -> tuple[float, list[float]]:
    """Gives how long it took from the start to the last page, and when each process was ready, both in s."""
    begun = time.time()
    with multiprocessing.Manager() as manager:
        files, results = manager.Queue(), manager.Queue()
        names = [(f"{number}.pdf", pages) for number, pages in enumerate(sizes)]
        random.Random(seed).shuffle(names)
        for entry in names:
            files.put(entry)
        pool = [multiprocessing.Process(target=worker, args=(files, results, page_s)) for _ in range(processes)]
        for process in pool:
            process.start()
        ready, left = [], sum(sizes)
        while left:
            kind, value = results.get()
            if kind == "ready":
                ready.append(value - begun)
            else:
                left -= 1
        took = time.time() - begun
        for process in pool:
            process.join()
    return took, ready
