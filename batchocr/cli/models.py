"""`batchocr models`: which models the Paddle engines need, whether they are whole, and how they come here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from batchocr.cli.options import emit, emit_json, wrapped
from batchocr.engines.paddle.models import (
    VL_VERSIONS,
    Model,
    cache_home,
    installed_models,
    missing_models,
    pipeline_models,
)
from batchocr.engines.paddle.verify import Fault, verify_models
from batchocr.errors import ExitCode

DEFAULT_PIPELINE = "v1.6"
PULL_TIMEOUT_S = 3600.0
MIB = 1 << 20
EPILOG = """PIPELINE is a version of PaddleOCR-VL (v1, v1.5, v1.6), a pipeline of PaddleX (OCR, PP-StructureV3, ...) or
a YAML file that configures one. Models are looked for in PADDLE_PDX_CACHE_HOME (default ~/.paddlex), folder
official_models; --cache-home names another.

\b
To a machine without a network:
  batchocr models pull v1.6              where there is one
  batchocr models pack v1.6 -o pack.tar  a plain tar with a list of hashes
  batchocr models unpack pack.tar        on the other machine
  batchocr models verify v1.6
"""

Decorated = TypeVar("Decorated", bound=Callable[..., object])


def _common(function: Decorated) -> Decorated:
    """Adds the options that every subcommand has."""
    home = click.option(
        "--cache-home",
        type=click.Path(path_type=Path),
        help="PaddleX's folder of models  [default: PADDLE_PDX_CACHE_HOME, else ~/.paddlex]",
    )
    return click.option("--json", "as_json", is_flag=True, help="write one JSON object")(home(function))


def _home(given: Path | None) -> Path:
    return given or cache_home(os.environ)


@click.group("models", epilog=EPILOG)
def command() -> None:
    """Lists, checks, packs, unpacks and pulls the models of the engines paddleocr-vl and paddlex.

    `batchocr models COMMAND --help` explains each. The engine ppocr brings its weights with it and needs none of this.
    """


@command.command("list", short_help="List the models of pipelines and which are there.")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE]...")
@_common
def list_command(pipelines: Sequence[str], cache_home: Path | None, as_json: bool) -> int:
    """Lists the models of pipelines (default: all versions of PaddleOCR-VL), where they belong and which are there.

    A model that is `off` belongs to a part that is switched off unless asked for, such as unwarping.
    """
    home = _home(cache_home)
    found = {pipeline: pipeline_models(pipeline, home) for pipeline in pipelines or VL_VERSIONS}
    if as_json:
        entries = {pipeline: [_model_entry(model) for model in models] for pipeline, models in found.items()}
        emit_json({"schema": 1, "cache_home": str(home), "pipelines": entries})
    else:
        emit("\n\n".join(models_text(pipeline, models) for pipeline, models in found.items()))
    return int(ExitCode.OK)


@command.command("verify", short_help="Check models without loading them.")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE]...")
@_common
def verify_command(pipelines: Sequence[str], cache_home: Path | None, as_json: bool) -> int:
    """Checks the models of pipelines (default: every model that is there) without loading them.

    Looks at file names, the model's own name, and whether weights are as long as their headers promise, which finds a
    download that was cut short. The exit code is 4 if a model that is wanted is missing or damaged.
    """
    home = _home(cache_home)
    groups = [(pipeline, pipeline_models(pipeline, home)) for pipeline in pipelines] or [
        ("PIPELINE", installed_models(home))
    ]
    faults = tuple(fault for pipeline, models in groups for fault in verify_models(models, pipeline))
    checked = list(dict.fromkeys(model for _, models in groups for model in models if model.wanted or model.present))
    code = ExitCode.SETUP if faults else ExitCode.OK
    if as_json:
        entries = [{**asdict(fault), "file": str(fault.file)} for fault in faults]
        names = [model.name for model in checked]
        emit_json({"schema": 1, "exit_code": int(code), "cache_home": str(home), "checked": names, "faults": entries})
    else:
        emit(verify_text(checked, faults, home))
    return int(code)


@command.command("pack", short_help="Write models into one file for a machine without a network.")
@click.argument("pipelines", nargs=-1, metavar="PIPELINE...", required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="the file to write, such as v1.6.tar"
)
@click.option("--force", is_flag=True, help="replace a file of that name")
@_common
def pack_command(pipelines: Sequence[str], output: Path, force: bool, cache_home: Path | None, as_json: bool) -> int:
    """Writes the models of pipelines into one file, for a machine without a network.

    Models that are missing or damaged are refused (exit code 4). The file is a plain tar, not compressed, since weights
    do not shrink; its first member lists every file with its sha256, which `unpack` checks.
    """
    from batchocr.engines.paddle.pack import pack_models, packed_bytes

    models = _unique(model for name in pipelines for model in pipeline_models(name, _home(cache_home)))
    with _bar("packing", 2 * packed_bytes(models)) as progress:
        packed = pack_models(models, output, force=force, progress=progress)
    size_bytes = output.stat().st_size
    if as_json:
        emit_json({"schema": 1, "pack": str(output), "bytes": size_bytes, "models": [model.name for model in packed]})
    else:
        emit(f"{output}: {', '.join(model.name for model in packed)} ({_size(size_bytes)})")
    return int(ExitCode.OK)


@command.command("unpack", short_help="Put the models of such a file into their places.")
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="replace models that differ from the pack's")
@_common
def unpack_command(pack: Path, force: bool, cache_home: Path | None, as_json: bool) -> int:
    """Puts the models of a pack into their places, each whole and with its hashes checked, or not at all.

    The same models that are there already are left alone. Others in their places are refused (exit code 5) unless
    --force is given; a pack that is cut short, damaged or not of batchocr's making is refused as well (exit code 3).
    """
    from batchocr.engines.paddle.pack import read_pack, unpack_models

    total = sum(model.size_bytes for model in read_pack(pack))
    with _bar("unpacking", total) as progress:
        done = unpack_models(pack, _home(cache_home), force=force, progress=progress)
    if as_json:
        entries = [{"name": model.name, "folder": str(model.folder), "state": model.state} for model in done]
        emit_json({"schema": 1, "models": entries})
    else:
        emit("\n".join(f"{model.state:<9} {model.name}  {model.folder}" for model in done))
    return int(ExitCode.OK)


@command.command("pull", short_help="Download models, through PaddleX.")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE]...")
@click.option("--all", "everything", is_flag=True, help="the models of parts that are off by default as well")
@click.option("--force", is_flag=True, help="get damaged models again, and replace them")
@click.option("--timeout-s", type=float, default=PULL_TIMEOUT_S, metavar="SECONDS",
              help=f"time for all models together  [default: {PULL_TIMEOUT_S:g}]")  # fmt: skip
@_common
def pull_command(
    pipelines: Sequence[str], everything: bool, force: bool, timeout_s: float, cache_home: Path | None, as_json: bool
) -> int:
    """Downloads the models of pipelines (default: v1.6) that are not there, through PaddleX.

    Needs a network and PaddleX. Models that are whole are left alone, damaged ones too unless --force is given (exit
    code 4). A pull that is interrupted leaves nothing behind.
    """
    from batchocr.engines.paddle.pull import pull_models

    home = _home(cache_home)
    pulled: list[Path] = []
    faults: list[Fault] = []
    for pipeline in pipelines or (DEFAULT_PIPELINE,):
        models = [model for model in pipeline_models(pipeline, home) if model.wanted or everything]
        absent = [model for model in models if not model.present]
        there = [model for model in models if model.present]
        damaged = [model for model in there if verify_models([model])]
        asked = absent + (damaged if force else [])
        faults += verify_models([] if force else damaged, pipeline)
        if asked:
            chatter = sys.stderr.isatty()
            pulled += pull_models(asked, home, pipeline, timeout_s=timeout_s, chatter=chatter)
    if as_json:
        entries = [{**asdict(fault), "file": str(fault.file)} for fault in faults]
        emit_json({"schema": 1, "pulled": [str(folder) for folder in pulled], "faults": entries})
    else:
        emit("\n".join([*(f"pulled {folder}" for folder in pulled), *_fault_lines(faults)]) or "Nothing was missing.")
    return int(ExitCode.SETUP if faults else ExitCode.OK)


def models_text(pipeline: str, models: Collection[Model]) -> str:
    """Gives the models of a pipeline for people."""
    width = max([5, *(len(model.name) for model in models)])
    lines = [f"{pipeline}: {_state(pipeline, models)}"]
    lines += [f"  {_model_state(model):<8} {model.name:<{width}}  {model.folder}" for model in models]
    return "\n".join(lines)


def _state(pipeline: str, models: Collection[Model]) -> str:
    missing = missing_models(models)
    if not any(model.wanted for model in models):
        return "needs no models here"
    return f"{len(missing)} missing (batchocr models pull {pipeline})" if missing else "all that it needs is there"


def _model_state(model: Model) -> str:
    return "there" if model.present else "missing" if model.wanted else "off"


def _model_entry(model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "role": model.role,
        "format": model.format,
        "folder": str(model.folder),
        "wanted": model.wanted,
        "present": model.present,
    }


def verify_text(checked: Collection[Model], faults: Collection[Fault], home: Path) -> str:
    """Gives what came of a check for people: a line for each model that is whole, then the faults."""
    if not checked:
        return f"There are no models in {home}."
    bad = {fault.model for fault in faults}
    lines = [f"whole    {model.name}  {model.folder}" for model in checked if model.name not in bad]
    return "\n".join([*lines, *_fault_lines(faults)])


def _fault_lines(faults: Iterable[Fault]) -> Iterator[str]:
    """Gives the faults, and each remedy once, below the last fault that it is for."""
    entries = list(faults)
    for fault, following in zip(entries, [*entries[1:], None], strict=False):
        yield from wrapped(f"{fault.file}: {fault.message}", f"problem  {fault.model}  ", " " * 9)
        if following is None or following.remedy != fault.remedy:
            yield from wrapped(f"-> {fault.remedy}", " " * 9, " " * 12)


def _unique(models: Iterable[Model]) -> list[Model]:
    """Gives each model once; one that any pipeline wants is wanted."""
    found: dict[str, Model] = {}
    for model in models:
        if model.place not in found or (model.wanted and not found[model.place].wanted):
            found[model.place] = model
    return list(found.values())


def _size(size_bytes: int) -> str:
    return f"{size_bytes / MIB:,.1f} MiB"


@contextmanager
def _bar(words: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Lends what is told of bytes that were read: a bar on a terminal, one line elsewhere."""
    if not sys.stderr.isatty():
        click.echo(f"{words} {_size(total_bytes)}", err=True)
        yield lambda done: None
        return
    with click.progressbar(length=total_bytes, label=words, file=sys.stderr) as bar:
        yield bar.update
