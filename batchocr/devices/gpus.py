"""NVIDIA GPUs: asked of NVML, else of `nvidia-smi`; never of CUDA, which would take memory on every one of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchocr.devices.nvidia import ask_smi, nvml_text, smi_bytes, smi_rows, start_nvml

SMI_FIELDS = "index,uuid,name,memory.total"


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
    return parse_smi(ask_smi(SMI_FIELDS)) if found is None else found


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
    pynvml = start_nvml()
    if pynvml is None:
        return None
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            Gpu(
                str(index),
                nvml_text(pynvml.nvmlDeviceGetUUID(handle)),
                nvml_text(pynvml.nvmlDeviceGetName(handle)),
                int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
            )
            for index, handle in enumerate(handles)
        )
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


class GpuMeter:
    """Reads what a GPU does and how much of its memory is taken, through NVML; gives None where NVML cannot be had."""

    def __init__(self) -> None:
        self._nvml = start_nvml()

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


def parse_smi(answer: str) -> tuple[Gpu, ...]:
    """Gives the GPUs in the answer of `nvidia-smi` to `SMI_FIELDS`; lines that are none are left out."""
    rows = smi_rows(answer, SMI_FIELDS)
    return tuple(Gpu(index, uuid, name, smi_bytes(memory)) for index, uuid, name, memory in rows if index.isdecimal())
