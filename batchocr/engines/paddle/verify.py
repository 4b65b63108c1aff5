"""Whether the folder of a model is whole: its files, the name it goes by, and the sizes that its weights promise.

Nothing of Paddle is imported. Only what a load would need is asked for; each fault names its file and the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batchocr.engines.paddle.models import VL_PREFIX, Model
from batchocr.engines.paddle.weight_files import paddle_fault, protobuf_fault, safetensors_fault

# The longest is the inference.yml of a recognition model, whose alphabet makes a few hundred kilobytes.
MAX_TEXT_BYTES = 256 << 20
INFERENCE = "inference.yml"
# What the native backend of PaddleOCR-VL opens beside the weights.
VL_FILES = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "chat_template.jinja",
)
# Protobuf files: the outermost field that must be there, and what it holds.
PROTOBUF_FIELDS = {".onnx": (7, "graph"), ".pdmodel": (1, "program"), ".model": (1, "vocabulary")}
PARAMETERS = "inference.pdiparams"
PROGRAMS = ("inference.json", "inference.pdmodel")
ONNX = "inference.onnx"
SAFETENSORS = "model.safetensors"
SAFETENSORS_INDEX = "model.safetensors.index.json"
DYNAMIC = ("model_state.pdparams", "inference.pdparams")
FILES = {"paddle": f"{PROGRAMS[0]} and {PARAMETERS}", "safetensors": SAFETENSORS, "onnx": ONNX}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a model.

    Attributes:
        model: its name.
        file: what is wrong: a file, or the folder.
        message: what is wrong with it.
        remedy: what to do.
    """

    model: str
    file: Path
    message: str
    remedy: str


def verify_models(models: Iterable[Model], pipeline: str = "PIPELINE") -> tuple[Fault, ...]:
    """Gives what is wrong with models that are wanted or there; nothing if they can be loaded as far as files tell.

    Reads headers and small files only.

    Args:
        models: to look at.
        pipeline: that they belong to, as `batchocr models` names it, for the remedy.
    """
    remedy = (
        f"Get it again: `batchocr models pull --force {pipeline}` where there is a network, else `batchocr models "
        "unpack --force PACK` with a pack from a machine that has it."
    )
    return tuple(
        Fault(model.name, file, message, remedy)
        for model in models
        if model.wanted or model.present
        for file, message in _faults(model)
    )


def _faults(model: Model) -> Iterator[tuple[Path, str]]:
    folder = model.folder
    if not model.present:
        yield folder, "the folder is empty" if folder.is_dir() else "there is no such folder"
        return
    yield from _name_fault(model)
    if model.name.startswith(VL_PREFIX):
        yield from _vl_faults(folder)
    looked_at = 0
    for file, check in _weights(folder):
        looked_at += 1
        message = _checked(file, check)
        if message:
            yield file, message
    if not looked_at and not any((folder / name).is_file() for name in DYNAMIC):
        yield folder / FILES[model.format].split()[0], f"no weights: neither {FILES[model.format]} nor any other"
    elif model.format == "onnx" and not (folder / ONNX).exists():
        yield folder / ONNX, "the weights are there in another form only, not as ONNX"


def _name_fault(model: Model) -> Iterator[tuple[Path, str]]:
    """PaddleX refuses a folder that goes by another name."""
    file = model.folder / INFERENCE
    message = _checked(file, _content_fault)
    if message:
        yield file, message
        return
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # a safe loader, in C where there is one
        name = content["Global"]["model_name"]
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as err:
        yield file, f"it cannot be read as YAML ({' '.join(str(err).split())[:200]})"
    except (TypeError, KeyError):
        yield file, "it does not say Global.model_name"
    else:
        if name != model.name:
            yield file, f"it says that this is {str(name)[:80]}, not {model.name}"


def _vl_faults(folder: Path) -> Iterator[tuple[Path, str]]:
    for name in VL_FILES:
        message = _checked(folder / name, _content_fault)
        if message:
            yield folder / name, message


def _weights(folder: Path) -> Iterator[tuple[Path, Callable[[Path], str | None]]]:
    """Gives the files of weights that are there, or that another one says should be, each with its check."""
    programs = [folder / name for name in PROGRAMS if (folder / name).exists()]
    parameters = folder / PARAMETERS
    if programs or parameters.exists():
        yield parameters, paddle_fault
        program = programs[0] if programs else folder / PROGRAMS[0]
        yield program, _content_fault
    if (folder / ONNX).exists():
        yield folder / ONNX, _content_fault
    if (folder / SAFETENSORS).exists():
        yield folder / SAFETENSORS, safetensors_fault
    elif (folder / SAFETENSORS_INDEX).exists():
        yield folder / SAFETENSORS_INDEX, _content_fault
        for name in _shards(folder / SAFETENSORS_INDEX):
            yield folder / name, safetensors_fault


def _shards(index: Path) -> list[str]:
    """Gives the files that an index of split weights names; none that would lie elsewhere."""
    content = _read_json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    names = {name for name in weight_map.values() if isinstance(name, str)} if isinstance(weight_map, dict) else set()
    return sorted(name for name in names if "/" not in name and "\\" not in name and name not in {"", ".", ".."})


def _checked(file: Path, check: Callable[[Path], str | None]) -> str | None:
    """Gives what is wrong with a file: absent, empty, unreadable, or what the check says."""
    try:
        if not file.is_file():
            return "it is not a file" if file.exists() else "the file is missing"
        if not file.stat().st_size:
            return "it is empty"
        if file.suffix in {".json", ".yml"} and file.stat().st_size > MAX_TEXT_BYTES:
            return f"it is over {MAX_TEXT_BYTES >> 20} MiB"
        return check(file)
    except OSError as err:
        return f"it cannot be read ({err.strerror or err})"


def _content_fault(file: Path) -> str | None:
    """Looks at what a file's name says that it is; a text that nothing is known of is whole."""
    if file.suffix in PROTOBUF_FIELDS:
        return protobuf_fault(file, *PROTOBUF_FIELDS[file.suffix])
    if file.suffix == ".json" and not isinstance(_read_json(file), dict):
        return "it is no JSON object, or cut short"
    return None


def _read_json(file: Path) -> Any:
    try:
        with file.open("rb") as stream:
            return json.loads(stream.read(MAX_TEXT_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
