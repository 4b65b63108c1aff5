"""What `doctor` tells of NVIDIA GPUs: driver, compute capability and free memory, from NVML, else from `nvidia-smi`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchocr.devices.nvidia import ask_smi, nvml_text, smi_bytes, smi_rows, start_nvml

SMI_FIELDS = "uuid,name,driver_version,compute_cap,memory.free,memory.total"


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
    return parse_smi_facts(ask_smi(SMI_FIELDS)) if found is None else found


def _ask_nvml() -> tuple[GpuFacts, ...] | None:
    """Gives None where nvidia-ml-py or the driver is missing."""
    pynvml = start_nvml()
    if pynvml is None:
        return None
    try:
        driver = nvml_text(pynvml.nvmlSystemGetDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(_facts(pynvml, handle, driver) for handle in handles)
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _facts(nvml: Any, handle: Any, driver: str) -> GpuFacts:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    uuid, name = nvml_text(nvml.nvmlDeviceGetUUID(handle)), nvml_text(nvml.nvmlDeviceGetName(handle))
    return GpuFacts(uuid, name, driver, (int(major), int(minor)), int(memory.free), int(memory.total))


def parse_smi_facts(answer: str) -> tuple[GpuFacts, ...]:
    """Gives the GPUs in the answer of `nvidia-smi` to `SMI_FIELDS`; lines that are none are left out."""
    return tuple(
        GpuFacts(uuid, name, driver, _capability(capability), smi_bytes(free), smi_bytes(total))
        for uuid, name, driver, capability, free, total in smi_rows(answer, SMI_FIELDS)
    )


def _capability(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None
