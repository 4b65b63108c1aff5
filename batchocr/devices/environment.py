"""The environment of a worker: which device it sees, and how many threads it takes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from batchocr.devices.resolve import Device

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# Left alone, glibc takes ever bigger blocks from heaps that each thread keeps for itself, and page images that pass
# from thread to thread leave holes there: a worker of `ppocr` took 1,522 MB on 36 pages of A4 at 200 dpi. Blocks from
# this size on go back at once.
MALLOC_VARIABLE, LARGE_BLOCK_BYTES = "MALLOC_MMAP_THRESHOLD_", 4 << 20


def worker_environment(
    device: Device, threads: int, engine: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Gives the variables that a worker needs beyond its parent's, complete before it starts.

    A worker on a GPU sees that one alone and calls it `gpu:0` (`Device.engine_name`); a CPU worker sees none. Other
    kinds of accelerator are chosen by their name, so nothing is hidden from them.

    Args:
        device: where the worker runs.
        threads: CPU threads for its libraries, at least 1.
        engine: what its engine wants set (`EngineInfo.environment`); a variable that the user has set stays.
        environ: of this process.
    """
    environment = {name: value for name, value in (engine or {}).items() if name not in environ}
    environment.update(dict.fromkeys(THREAD_VARIABLES, str(max(1, threads))))
    if MALLOC_VARIABLE not in environ:
        environment[MALLOC_VARIABLE] = str(LARGE_BLOCK_BYTES)
    # Tokenizers that were used before a fork print warnings about their threads.
    environment["TOKENIZERS_PARALLELISM"] = "false"
    if device.kind == "gpu":
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        environment["CUDA_VISIBLE_DEVICES"] = device.entry
    elif device.kind == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment
