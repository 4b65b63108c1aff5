"""`batchocr engines`: which engines there are, and which run here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import click

from batchocr.cli.options import emit, emit_json
from batchocr.cli.summary import wrapped
from batchocr.devices import Gpu, list_gpus, resolve_devices
from batchocr.engines.registry import engine_entry_points
from batchocr.errors import BatchOcrError, ExitCode


@dataclass(frozen=True)
class EngineStatus:
    """One engine on this machine.

    Attributes:
        name: what `--engine` takes.
        origin: the package that provides it, with its version.
        runs: it can run here.
        message: where it would run, or what it lacks and the remedy.
    """

    name: str
    origin: str
    runs: bool
    message: str


@click.command("engines")
@click.option("--json", "as_json", is_flag=True, help="write one JSON object")
def command(as_json: bool) -> int:
    """Lists the engines: where each comes from, whether it runs here, and if not what it lacks.

    Asks each engine in a process of its own, which takes seconds.
    """
    gpus = list_gpus()
    found = [engine_status(name, gpus=lambda: gpus) for name in engine_entry_points()]
    if as_json:
        emit_json({"schema": 1, "engines": [asdict(entry) for entry in found]})
    else:
        emit(engines_text(found))
    return int(ExitCode.OK)


def engine_status(name: str, devices: str = "auto", *, gpus: Callable[[], tuple[Gpu, ...]] = list_gpus) -> EngineStatus:
    """Asks one engine whether it runs here. Blocks while its libraries are imported in a child.

    Args:
        name: of the engine.
        devices: where it would run.
        gpus: lists the GPUs of this machine.
    """
    from batchocr import runs

    point = engine_entry_points().get(name)
    origin = f"{point.dist.name} {point.dist.version}" if point and point.dist else "?"
    try:
        info = runs.describe_engine(name)
        choice = resolve_devices(devices, info.devices, engine=name, gpus=gpus)
    except BatchOcrError as err:
        return EngineStatus(name, origin, False, str(err))
    where = ", ".join(device.name for device in choice.devices)
    return EngineStatus(name, origin, True, f"on {where}" + (f" ({choice.note})" if choice.note else ""))


def engines_text(found: list[EngineStatus]) -> str:
    """Gives the engines as a table for people."""
    width = max([6, *(len(entry.name) for entry in found)])
    lines = [f"{'engine':<{width}}  runs here  from"]
    for entry in found:
        lines.append(f"{entry.name:<{width}}  {'yes' if entry.runs else 'no':<9}  {entry.origin}")
        lines += wrapped(entry.message, " " * (width + 2), " " * (width + 2))
    return "\n".join(lines)
