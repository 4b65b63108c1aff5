"""What `doctor` tells of NVIDIA GPUs: driver, compute capability and free memory, from NVML, else from `nvidia-smi`."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass
from typing import Any

from batchocr.devices.gpus import SMI_TIMEOUT_S

SMI_FIELDS = "uuid,name,driver_version,compute_cap,memory.free,memory.total"
SMI_QUERY = ["nvidia-smi", f"--query-gpu={SMI_FIELDS}", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class GpuFacts:
    """One GPU as its driver describes it.

    Attributes:
        uuid: of the GPU.
        name: the product's name.
        driver: version of the NVIDIA driver, such as `550.54.15`.
        capability: compute capability, such as (7, 5); None if unknown.
        free_bytes: memory that no process holds; None if unknown.
        memory_bytes: in all; None if unknown.
    """

    uuid: str
    name: str
    driver: str
    capability: tuple[int, int] | None = None
    free_bytes: int | None = None
    memory_bytes: int | None = None


def read_gpu_facts() -> tuple[GpuFacts, ...]:
    """Gives all GPUs of this machine in PCI order. May block for seconds; takes no memory on a GPU."""
    found = _ask_nvml()
    return _ask_smi() if found is None else found


def _ask_nvml() -> tuple[GpuFacts, ...] | None:
    """Gives None where nvidia-ml-py or the driver is missing."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(_facts(pynvml, handle, driver) for handle in handles)
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _facts(nvml: Any, handle: Any, driver: str) -> GpuFacts:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    uuid, name = _text(nvml.nvmlDeviceGetUUID(handle)), _text(nvml.nvmlDeviceGetName(handle))
    return GpuFacts(uuid, name, driver, (int(major), int(minor)), int(memory.free), int(memory.total))


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _ask_smi() -> tuple[GpuFacts, ...]:
    try:
        answer = subprocess.run(
            SMI_QUERY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SMI_TIMEOUT_S,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_smi_facts(answer.stdout)


def parse_smi_facts(text: str) -> tuple[GpuFacts, ...]:
    """Gives the GPUs in the answer of `nvidia-smi` (CSV as in `SMI_FIELDS`, MiB); lines that are none are left out."""
    found = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) != len(SMI_FIELDS.split(",")):
            continue
        uuid, name, driver, capability, free, total = (cell.strip() for cell in row)
        major, _, minor = capability.partition(".")
        known = major.isdecimal() and minor.isdecimal()
        found.append(
            GpuFacts(
                uuid,
                name,
                driver,
                (int(major), int(minor)) if known else None,
                int(free) << 20 if free.isdecimal() else None,
                int(total) << 20 if total.isdecimal() else None,
            )
        )
    return tuple(found)
