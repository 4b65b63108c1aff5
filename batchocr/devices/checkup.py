"""What `doctor` finds out about the machine, each finding with its remedy. Engines are asked elsewhere."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from batchocr.devices.capacity import available_memory_bytes, usable_cores
from batchocr.devices.gpu_facts import GpuFacts
from batchocr.devices.gpus import list_gpus, visible_gpus
from batchocr.devices.resolve import CPU_WORKER_BYTES

GIB = 1 << 30
LOW_DISK_BYTES = 2 * GIB
FEW_FILES = 1024
# What the smallest model of use on a GPU takes with its pages, roughly.
LOW_GPU_BYTES = 4 * GIB


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        state: `ok`, `note` (works, with less) or `problem` (a run would fail).
        message: what was found.
        remedy: what to do, "" if nothing.
    """

    name: str
    state: Literal["ok", "note", "problem"]
    message: str
    remedy: str = ""


def check_machine(output: Path, environ: Mapping[str, str] = os.environ) -> tuple[Finding, ...]:
    """Gives the findings about interpreter, cores, memory, GPUs, open files and the output folder.

    Makes a small file where the output would go and removes it. May block for seconds while GPUs are listed.
    """
    return (
        Finding("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)} ({sys.executable})"),
        Finding("cpu", "ok", f"{usable_cores()} of {os.cpu_count()} cores may be used"),
        _memory(),
        _gpus(environ),
        _open_files(),
        *_output(output),
    )


def check_gpus(gpus: Sequence[GpuFacts]) -> tuple[Finding, ...]:
    """Gives a finding for each GPU of this machine, hidden or not: driver, compute capability and free memory."""
    return tuple(_gpu(gpu) for gpu in gpus)


def _gpu(gpu: GpuFacts) -> Finding:
    words = [f"driver {gpu.driver}"]
    if gpu.capability is not None:
        words.append("compute capability {}.{}".format(*gpu.capability))
    if gpu.free_bytes is not None and gpu.memory_bytes is not None:
        words.append(f"{gpu.free_bytes / GIB:.1f} of {gpu.memory_bytes / GIB:.1f} GiB free")
    name, message = f"{gpu.name} {gpu.uuid[:12]}", ", ".join(words)
    if gpu.free_bytes is not None and gpu.free_bytes < LOW_GPU_BYTES:
        return Finding(name, "note", message, "End what holds its memory; `nvidia-smi` lists who does.")
    return Finding(name, "ok", message)


def _memory() -> Finding:
    available = available_memory_bytes()
    words = f"{available / GIB:.1f} GiB available"
    if available < CPU_WORKER_BYTES:
        return Finding("memory", "note", words, "Close other programs: a worker wants 1.5 GiB.")
    return Finding("memory", "ok", words)


def _gpus(environ: Mapping[str, str]) -> Finding:
    gpus = list_gpus()
    seen = visible_gpus(gpus, environ)
    if gpus and not seen:
        hidden = f"{len(gpus)} hidden by CUDA_VISIBLE_DEVICES={environ.get('CUDA_VISIBLE_DEVICES', '')!r}"
        return Finding("gpu", "note", hidden, "Unset CUDA_VISIBLE_DEVICES to use them.")
    if not seen:
        return Finding(
            "gpu", "note", "none found", "On a machine with NVIDIA GPUs see to it that `nvidia-smi` lists them."
        )
    words = (
        f"gpu:{index} {gpu.name or gpu.entry}" + (f" ({gpu.memory_bytes / GIB:.0f} GiB)" if gpu.memory_bytes else "")
        for index, gpu in enumerate(seen)
    )
    return Finding("gpu", "ok", ", ".join(words))


def _open_files() -> Finding:
    if sys.platform == "win32":
        return Finding("open files", "ok", "no limit to set on this system")
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEW_FILES:
        return Finding("open files", "note", f"at most {soft}", f"Type `ulimit -n {FEW_FILES}` before the run.")
    return Finding("open files", "ok", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft}")


def _output(output: Path) -> tuple[Finding, ...]:
    """Looks at the nearest folder that exists, and leaves nothing behind."""
    folder = output.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".batchocr-write-test-") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as err:
        remedy = "Choose another folder with -o, or give yourself the right to write there."
        return (Finding("output", "problem", f"{folder} cannot be written ({err.strerror or err})", remedy),)
    written = Finding("output", "ok", f"{folder} can be written")
    words = f"{free / GIB:.1f} GiB free at {folder}"
    if free < LOW_DISK_BYTES:
        return (written, Finding("disk", "note", words, "Make room, or choose another disk with -o."))
    return (written, Finding("disk", "ok", words))
