"""What the user's word for devices means on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from batchocr.devices.capacity import available_memory_bytes, usable_cores
from batchocr.devices.gpus import Gpu, list_gpus, visible_gpus
from batchocr.errors import ConfigError, SetupError

# As Paddle spells them.
KINDS = ("cpu", "gpu", "npu", "xpu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu")
# An embedded engine with a 200 dpi page in hand, its renderer beside it, and room for a large page.
CPU_WORKER_BYTES = 3 << 29


@dataclass(frozen=True)
class Device:
    """One device that a worker runs on.

    Attributes:
        name: as the user calls it, such as `gpu:0` or `cpu`; logs and ledger say this.
        kind: one of `KINDS`.
        index: the number in the name, 0 if it has none.
        uuid: of an NVIDIA GPU, None if unknown.
        memory_bytes: the device's own memory in all, None if unknown.
        entry: what a GPU is called in CUDA_VISIBLE_DEVICES, else "".
    """

    name: str
    kind: str
    index: int
    uuid: str | None = None
    memory_bytes: int | None = None
    entry: str = ""

    @property
    def engine_name(self) -> str:
        """What the engine in the worker calls it: the one visible GPU is `gpu:0`."""
        return {"cpu": "cpu", "gpu": "gpu:0"}.get(self.kind, self.name)

    @property
    def memory_name(self) -> str:
        """Whose memory it works in: all CPU workers share the machine's."""
        return "cpu" if self.kind == "cpu" else self.name


@dataclass(frozen=True)
class Choice:
    """The devices of a run, and why these if the user did not name them."""

    devices: tuple[Device, ...]
    note: str = ""


def parse_devices(spec: str) -> tuple[str, ...]:
    """Gives the names in a user's word for devices: `gpu:0,1` is `gpu:0` and `gpu:1`, `auto` and `gpu` stay.

    Raises:
        ConfigError: a word that is no device, or one that is there twice.
    """
    names: list[str] = []
    for part in (part.strip().lower() for part in spec.split(",")):
        kind = names[-1].partition(":")[0] if names and ":" in names[-1] and part.isdecimal() else ""
        name = f"{kind}:{part}" if kind else part
        if name != "auto" and not re.fullmatch(rf"({'|'.join(KINDS)})(:\d{{1,4}})?", name):
            hint = " Paddle's word for CUDA devices is gpu." if name.startswith("cuda") else ""
            raise ConfigError(
                f"devices {spec!r}: {part!r} is no device.{hint} Write auto, gpu, gpu:0,gpu:1, cpu, cpu:0,cpu:1, or "
                f"another of Paddle's kinds ({', '.join(KINDS[2:])}) with a number."
            )
        if name == "cpu" and "cpu:0" in names:
            name = "cpu:0"
        if name in names or (name == "cpu:0" and "cpu" in names):
            raise ConfigError(f"devices {spec!r}: {name} is there twice; for two workers on it use workers_per_device.")
        names.append(name)
    if len(names) > 1 and "auto" in names:
        raise ConfigError(f"devices {spec!r}: auto stands alone.")
    if "gpu" in names and any(name.startswith("gpu:") for name in names):
        raise ConfigError(f"devices {spec!r}: gpu means all GPUs; name them one by one, or write gpu alone.")
    return tuple(names)


def resolve_devices(
    spec: str,
    engine_devices: Sequence[str],
    *,
    engine: str = "the engine",
    environ: Mapping[str, str] = os.environ,
    gpus: Callable[[], tuple[Gpu, ...]] = list_gpus,
    cores: Callable[[], int] = usable_cores,
    memory_bytes: Callable[[], int] = available_memory_bytes,
) -> Choice:
    """Gives the devices that `spec` means. May block for seconds while GPUs are listed.

    Args:
        spec: the user's words.
        engine_devices: kinds that the engine runs on, best first.
        engine: its name, for messages.
        environ: where CUDA_VISIBLE_DEVICES is looked for.
        gpus: lists the GPUs of the machine.
        cores: tells the CPU cores that may be used.
        memory_bytes: tells the memory that is available.

    Raises:
        ConfigError: `spec` is no list of devices.
        SetupError: a device asked for by name is not there, or the engine does not run on it.
    """
    names = parse_devices(spec)
    if names == ("auto",):
        return _choose(engine_devices, engine, visible_gpus(gpus(), environ), cores(), memory_bytes())
    kinds = dict.fromkeys(name.partition(":")[0] for name in names)
    for kind in kinds:
        if kind not in engine_devices:
            raise SetupError(
                f"Engine {engine} does not run on {kind}; it runs on: {', '.join(engine_devices)}. "
                "Choose other devices or another engine (`batchocr engines`)."
            )
    there = visible_gpus(gpus(), environ) if "gpu" in kinds else ()
    return Choice(tuple(device for name in names for device in _named(name, there)))


def _choose(engine_devices: Sequence[str], engine: str, there: Sequence[Gpu], cores: int, memory_bytes: int) -> Choice:
    """Chooses for `auto`: all GPUs if the engine runs on them, else CPU workers."""
    if "gpu" in engine_devices and there:
        devices = tuple(_gpu(index, gpu) for index, gpu in enumerate(there))
        return Choice(devices, f"{len(devices)} GPU{'s' if len(devices) > 1 else ''} found")
    if "cpu" not in engine_devices:
        raise SetupError(
            f"Engine {engine} runs on {', '.join(engine_devices)}, and {_gpus_there(there)}. "
            "Name its devices with --devices, or choose another engine (`batchocr engines`)."
        )
    count = max(1, min(cores, memory_bytes // CPU_WORKER_BYTES))
    why = "no GPU found" if not there else f"{engine} does not use GPUs"
    limit = f"{cores} CPU core{'s' if cores > 1 else ''}"
    if count < cores:
        limit += f" but memory for {count} ({memory_bytes / (1 << 30):.1f} GiB available, 1.5 GiB each)"
    return Choice(
        tuple(Device(f"cpu:{index}", "cpu", index) for index in range(count)),
        f"{why}; {count} CPU worker{'s' if count > 1 else ''} ({limit})",
    )


def _named(name: str, there: Sequence[Gpu]) -> tuple[Device, ...]:
    kind, _, number = name.partition(":")
    index = int(number or 0)
    if kind != "gpu":
        return (Device(name, kind, index),)
    if not number and there:
        return tuple(_gpu(position, gpu) for position, gpu in enumerate(there))
    if index >= len(there):
        raise SetupError(f"There is no device {name}: {_gpus_there(there)}. Name other devices, or --devices auto.")
    return (_gpu(index, there[index]),)


def _gpu(index: int, gpu: Gpu) -> Device:
    return Device(f"gpu:{index}", "gpu", index, gpu.uuid, gpu.memory_bytes, gpu.entry)


def _gpus_there(there: Sequence[Gpu]) -> str:
    if not there:
        return "no GPU is visible here (NVIDIA's driver lists none, or CUDA_VISIBLE_DEVICES hides them)"
    return "there is " + ", ".join(f"gpu:{index} ({gpu.name or gpu.uuid})" for index, gpu in enumerate(there))
