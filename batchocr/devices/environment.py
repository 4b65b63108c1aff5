"""The environment of a worker: which device it sees, and how many threads it takes."""

from __future__ import annotations

from batchocr.devices.resolve import Device

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def worker_environment(device: Device, threads: int) -> dict[str, str]:
    """Gives the variables that a worker needs beyond its parent's, complete before it starts.

    A worker on a GPU sees that one alone and calls it `gpu:0` (`Device.engine_name`); a CPU worker sees none. Other
    kinds of accelerator are chosen by their name, so nothing is hidden from them.

    Args:
        device: where the worker runs.
        threads: CPU threads for its libraries, at least 1.
    """
    environment = dict.fromkeys(THREAD_VARIABLES, str(max(1, threads)))
    # Tokenizers that were used before a fork print warnings about their threads.
    environment["TOKENIZERS_PARALLELISM"] = "false"
    if device.kind == "gpu":
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        environment["CUDA_VISIBLE_DEVICES"] = device.entry
    elif device.kind == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment
