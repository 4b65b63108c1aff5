from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from batchocr.devices import GpuMeter


class NvmlError(Exception):
    """What NVML raises."""


def no_such_gpu(uuid: str) -> str:
    if uuid != "GPU-1":
        raise NvmlError
    return uuid


# There is no GPU where these tests run: the library's answers are stood in for.
NVML = SimpleNamespace(
    NVMLError=NvmlError,
    nvmlInit=lambda: None,
    nvmlDeviceGetHandleByUUID=no_such_gpu,
    nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=5 << 30),
    nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=87),
)


def test_memory_in_use_is_read_by_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", NVML)
    memory = GpuMeter()
    assert memory.used_bytes("GPU-1") == 5 << 30
    assert memory.used_bytes("GPU-2") is None
    assert memory.used_bytes(None) is None
    assert memory.busy_share("GPU-1") == 0.87
    assert memory.busy_share("GPU-2") is None


def test_memory_is_unknown_without_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert GpuMeter().used_bytes("GPU-1") is None
    assert GpuMeter().busy_share("GPU-1") is None
