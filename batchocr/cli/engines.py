"""`batchocr engines`: which engines there are, and which run here; the configuration of a pipeline to edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click

from batchocr.cli.options import emit, emit_json, wrapped
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


EPILOG = """\b
Examples:
  batchocr engines                        which run here, and what others lack
  batchocr engines config OCR > my.yaml   a pipeline's configuration, to edit
  batchocr run scans/ --engine paddlex --engine-option config=my.yaml
"""
CONFIG_EPILOG = """\b
Examples:
  batchocr engines config PP-StructureV3 > my.yaml
  batchocr engines config paddleocr-vl > my.yaml

NAME is what PaddleX or PaddleOCR calls the pipeline (docs/paddlex.md lists them), an engine that runs pipelines, or a
release of PaddleOCR-VL (v1, v1.5, v1.6).
Document unwarping and the like are switched off in it; fine-tuned models go into `model_dir`.
"""


@click.group("engines", invoke_without_command=True, epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="write one JSON object")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """Lists the engines: where each comes from, whether it runs here, and if not what it lacks.

    Asks each engine in a process of its own, which takes seconds.
    """
    if context.invoked_subcommand is not None:
        return int(ExitCode.OK)
    gpus = list_gpus()
    found = [engine_status(name, gpus=lambda: gpus) for name in engine_entry_points()]
    if as_json:
        emit_json({"schema": 1, "engines": [asdict(entry) for entry in found]})
    else:
        emit(engines_text(found))
    return int(ExitCode.OK)


@command.command("config", epilog=CONFIG_EPILOG, short_help="Write the configuration of a pipeline, to edit.")
@click.argument("name", metavar="NAME")
def config(name: str) -> int:
    """Writes the configuration of a PaddleX pipeline to stdout, to save and edit."""
    from batchocr.engines.paddlex.configuration import editable_yaml

    emit(editable_yaml(name))
    return int(ExitCode.OK)


def engine_status(
    name: str,
    devices: str = "auto",
    options: Mapping[str, Any] | None = None,
    *,
    gpus: Callable[[], tuple[Gpu, ...]] = list_gpus,
) -> EngineStatus:
    """Asks one engine whether it runs here. Blocks while its libraries are imported in a child.

    Args:
        name: of the engine.
        devices: where it would run.
        options: of the engine.
        gpus: lists the GPUs of this machine.
    """
    from batchocr import runs

    point = engine_entry_points().get(name)
    origin = f"{point.dist.name} {point.dist.version}" if point and point.dist else "?"
    try:
        info = runs.describe_engine(name, options)
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
