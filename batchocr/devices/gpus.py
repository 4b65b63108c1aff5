"""NVIDIA GPUs: asked of NVML, else of `nvidia-smi`; never of CUDA, which would take memory on every one of them."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SMI_TIMEOUT_S = 20
SMI_QUERY = ["nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        entry: what CUDA_VISIBLE_DEVICES calls it: its index in PCI order, or the UUID or MIG id that the user gave.
        uuid: as NVML says it, None if unknown.
        name: the product's name, "" if unknown.
        memory_bytes: in all, None if unknown.
    """

    entry: str
    uuid: str | None = None
    name: str = ""
    memory_bytes: int | None = None


def list_gpus() -> tuple[Gpu, ...]:
    """Gives all GPUs of this machine in PCI order, whatever CUDA_VISIBLE_DEVICES says. May block for seconds."""
    found = _ask_nvml()
    return _ask_smi() if found is None else found


def visible_gpus(gpus: Sequence[Gpu], environ: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """Gives the GPUs that CUDA_VISIBLE_DEVICES leaves, in its order: `gpu:N` is the N-th of them.

    As CUDA does, an entry that names no GPU hides all that come after it, and a UUID may be shortened.
    A MIG id is taken as it is.
    """
    listed = environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None or not gpus:
        return tuple(gpus)
    seen: list[Gpu] = []
    for entry in (part.strip() for part in listed.split(",")):
        gpu = _find(entry, gpus)
        if gpu is None:
            break
        seen.append(gpu)
    return tuple(seen)


def _find(entry: str, gpus: Sequence[Gpu]) -> Gpu | None:
    if entry.startswith("MIG-"):
        return Gpu(entry, uuid=entry, name="MIG slice")
    if entry.isdecimal():
        return gpus[int(entry)] if int(entry) < len(gpus) else None
    named = [gpu for gpu in gpus if gpu.uuid and entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
    return Gpu(entry, named[0].uuid, named[0].name, named[0].memory_bytes) if len(named) == 1 else None


def _ask_nvml() -> tuple[Gpu, ...] | None:
    """Gives the GPUs as NVML lists them, or None where nvidia-ml-py or the driver is missing."""
    pynvml = _start_nvml()
    if pynvml is None:
        return None
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            Gpu(
                str(index),
                _text(pynvml.nvmlDeviceGetUUID(handle)),
                _text(pynvml.nvmlDeviceGetName(handle)),
                int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
            )
            for index, handle in enumerate(handles)
        )
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _start_nvml() -> Any:
    """Gives the NVML module, initialised, or None where nvidia-ml-py or the driver is missing."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


class GpuMeter:
    """Reads what a GPU does and how much of its memory is taken, through NVML; gives None where NVML cannot be had."""

    def __init__(self) -> None:
        self._nvml = _start_nvml()

    def used_bytes(self, uuid: str | None) -> int | None:
        """Gives the memory in use on the GPU with this UUID by all processes, bytes."""
        if self._nvml is None or uuid is None:
            return None
        try:
            handle = self._nvml.nvmlDeviceGetHandleByUUID(uuid)
            return int(self._nvml.nvmlDeviceGetMemoryInfo(handle).used)
        except self._nvml.NVMLError:
            return None

    def busy_share(self, uuid: str | None) -> float | None:
        """Gives the share of the last moment in which that GPU was at work for any process, 0 to 1."""
        if self._nvml is None or uuid is None:
            return None
        try:
            handle = self._nvml.nvmlDeviceGetHandleByUUID(uuid)
            return float(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
        except self._nvml.NVMLError:
            return None


def _text(value: str | bytes) -> str:
    """Older releases of nvidia-ml-py give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _ask_smi() -> tuple[Gpu, ...]:
    hide_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # there on Windows alone
    try:
        answer = subprocess.run(
            SMI_QUERY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SMI_TIMEOUT_S,
            check=True,
            creationflags=hide_window,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_smi(answer.stdout)


def parse_smi(text: str) -> tuple[Gpu, ...]:
    """Gives the GPUs in the answer of `nvidia-smi` (CSV: index, uuid, name, MiB); lines that are none are left out."""
    gpus = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) == 4 and row[0].isdecimal():
            index, uuid, name, mebibytes = (cell.strip() for cell in row)
            gpus.append(Gpu(index, uuid, name, int(mebibytes) << 20 if mebibytes.isdecimal() else None))
    return tuple(gpus)
