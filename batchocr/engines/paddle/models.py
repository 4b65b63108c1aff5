"""Which model folders a Paddle pipeline needs, where they are looked for, and whether they are there.

Pure functions over paths: nothing of Paddle is imported, the environment is handed in, nothing is downloaded. What is
inside a folder is looked at in `verify`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import yaml

from batchocr.errors import ConfigError, SetupError

Format = Literal["paddle", "safetensors", "onnx"]

# What one release of PaddleOCR-VL is made of: layout model, vision-language model.
VL_VERSIONS: Mapping[str, tuple[str, str]] = {
    "v1": ("PP-DocLayoutV2", "PaddleOCR-VL-0.9B"),
    "v1.5": ("PP-DocLayoutV3", "PaddleOCR-VL-1.5-0.9B"),
    "v1.6": ("PP-DocLayoutV3", "PaddleOCR-VL-1.6-0.9B"),
}
# What PaddleX calls the pipelines of these releases, and back.
VL_PIPELINES: Mapping[str, str] = {"v1": "PaddleOCR-VL", "v1.5": "PaddleOCR-VL-1.5", "v1.6": "PaddleOCR-VL-1.6"}
VL_NAMES: Mapping[str, str] = {pipeline: version for version, pipeline in VL_PIPELINES.items()}
VL_ROLES = ("layout_detection", "vl_rec", "doc_orientation_classify", "doc_unwarping")
VL_ALWAYS = ("layout_detection", "vl_rec")
ORIENTATION, UNWARPING = "PP-LCNet_x1_0_doc_ori", "UVDoc"

MODELS_FOLDER = "official_models"
VL_PREFIX, VL_SIZE = "PaddleOCR-VL", "-0.9B"
SUFFIXES: Mapping[Format, str] = {"paddle": "", "safetensors": "_safetensors", "onnx": "_onnx"}
FORMATS_WITH_SUFFIX: tuple[Format, ...] = ("safetensors", "onnx")
# Paddle has them in this form alone.
ALWAYS_SAFETENSORS = frozenset({"PP-Chart2Table"})
# PaddleX's own engines and the form of weights that each reads; any other reads Paddle's.
ENGINE_FORMATS: Mapping[str, Format] = {
    "onnxruntime": "onnx",
    "paddle_dynamic": "safetensors",
    "transformers": "safetensors",
}
# What is asked of a server over the network has no weights here.
REMOTE_MODULES = frozenset({"chat_bot", "retriever", "prompt_engneering"})
# The part of a pipeline's configuration that a switch beside it turns off.
SWITCHES: Mapping[str, str] = {
    "DocPreprocessor": "use_doc_preprocessor",
    "DocOrientationClassify": "use_doc_orientation_classify",
    "DocUnwarping": "use_doc_unwarping",
    "TextLineOrientation": "use_textline_orientation",
    "LayoutDetection": "use_layout_detection",
    "RegionDetection": "use_region_detection",
    "ChartRecognition": "use_chart_recognition",
    "TableRecognition": "use_table_recognition",
    "SealRecognition": "use_seal_recognition",
    "FormulaRecognition": "use_formula_recognition",
    "GeneralOCR": "use_ocr_model",
}


@dataclass(frozen=True)
class Model:
    """One model that a pipeline is built of.

    Attributes:
        name: as PaddleX spells it and as `Global.model_name` in its inference.yml has to say.
        role: what it is for: the beginning of the option that names another folder (`vl_rec`: `vl_rec_model_dir`), or
            the place in a PaddleX configuration (`SubModules.TextDetection`).
        folder: where it is, or where it is looked for.
        place: name of its folder below `official_models`.
        format: of its weights.
        wanted: the pipeline loads it; False for a part that is switched off unless asked for.
    """

    name: str
    role: str
    folder: Path
    place: str
    format: Format = "paddle"
    wanted: bool = True

    @property
    def present(self) -> bool:
        """Its folder is there and holds something; `verify` says whether it is whole."""
        try:
            return any(self.folder.iterdir())
        except OSError:
            return False


def cache_home(environ: Mapping[str, str]) -> Path:
    """Gives the folder in which PaddleX keeps what it downloads: `PADDLE_PDX_CACHE_HOME`, else `~/.paddlex`.

    Args:
        environ: where the variable is looked for.
    """
    return Path(environ.get("PADDLE_PDX_CACHE_HOME") or Path.home() / ".paddlex")


def place_of(name: str, form: Format = "paddle") -> str:
    """Gives the name of a model's folder below `official_models`."""
    if name.startswith(VL_PREFIX):
        return name.replace(VL_SIZE, "")
    return name + SUFFIXES["safetensors" if name in ALWAYS_SAFETENSORS else form]


def format_of(engine: str | None) -> Format:
    """Gives the form of weights that one of PaddleX's own engines (its option `engine`) reads."""
    return ENGINE_FORMATS.get(engine or "", "paddle")


def find_model(
    name: str,
    role: str,
    home: Path,
    *,
    folder: str | Path | None = None,
    form: Format = "paddle",
    wanted: bool = True,
) -> Model:
    """Gives one model with the folder in which it is looked for.

    Args:
        name: of the model, as PaddleX spells it.
        role: what it is for.
        home: cache folder of PaddleX.
        folder: of the user's own; no other is looked at then.
        form: of its weights.
        wanted: it is loaded.
    """
    if name.startswith(VL_PREFIX) or name in ALWAYS_SAFETENSORS:
        form = "safetensors"
    place = place_of(name, form)
    if folder:
        return Model(name, role, Path(folder), place, form, wanted)
    found = home / MODELS_FOLDER / place
    # The first release came as a folder of several models.
    nested = found / name
    return Model(name, role, nested if name.startswith(VL_PREFIX) and nested.is_dir() else found, place, form, wanted)


def vl_models(
    version: str,
    home: Path,
    *,
    wanted: Collection[str] = VL_ALWAYS,
    names: Mapping[str, str | None] | None = None,
    folders: Mapping[str, str | Path | None] | None = None,
    formats: Mapping[str, Format] | None = None,
) -> tuple[Model, ...]:
    """Gives the models of PaddleOCR-VL, those that are not wanted too; all mappings are by role (`VL_ROLES`).

    Args:
        version: `v1`, `v1.5` or `v1.6`.
        home: cache folder of PaddleX.
        wanted: roles that are loaded; a server backend has no `vl_rec` here.
        names: models in place of the usual ones (`<role>_model_name`); None is as absent.
        folders: of the user's own (`<role>_model_dir`); None is as absent.
        formats: of weights, where they are not Paddle's.

    Raises:
        ConfigError: there is no such version.
    """
    if version not in VL_VERSIONS:
        raise ConfigError(f"There is no PaddleOCR-VL {version}. Known versions: {', '.join(VL_VERSIONS)}.")
    usual = dict(zip(VL_ROLES, (*VL_VERSIONS[version], ORIENTATION, UNWARPING), strict=True))
    names, folders, formats = names or {}, folders or {}, formats or {}
    return tuple(
        find_model(
            names.get(role) or name,
            role,
            home,
            folder=folders.get(role),
            form=formats.get(role, "paddle"),
            wanted=role in wanted,
        )
        for role, name in usual.items()
    )


def config_models(config: Mapping[str, Any], home: Path, *, engine: str | None = None) -> tuple[Model, ...]:
    """Gives the models that a PaddleX pipeline configuration names, each once.

    Args:
        config: as read from the pipeline's YAML file.
        home: cache folder of PaddleX.
        engine: PaddleX's own engine, for all parts that name none.
    """
    found: dict[tuple[str, Path], Model] = {}
    for model in _parts(config, home, "", engine or config.get("engine"), wanted=True):
        known = found.get((model.name, model.folder))
        if known is None or (model.wanted and not known.wanted):
            found[model.name, model.folder] = model
    return tuple(found.values())


def _parts(node: Mapping[str, Any], home: Path, path: str, engine: str | None, *, wanted: bool) -> Iterator[Model]:
    for group in ("SubModules", "SubPipelines"):
        for key, part in (node.get(group) or {}).items():
            if not isinstance(part, Mapping):
                continue
            place = f"{path}{group}.{key}"
            own_engine = part.get("engine") or engine
            on = wanted and node.get(SWITCHES.get(key, ""), True) is not False
            yield from _parts(part, home, f"{place}.", own_engine, wanted=on)
            name = part.get("model_name")
            if isinstance(name, str) and part.get("module_name") not in REMOTE_MODULES and not _on_server(part):
                folder = part.get("model_dir")
                yield find_model(name, place, home, folder=folder, form=format_of(own_engine), wanted=on)


def _on_server(part: Mapping[str, Any]) -> bool:
    backend = (part.get("genai_config") or {}).get("backend", "native")
    return backend not in {None, "native"}


def pipeline_models(pipeline: str, home: Path) -> tuple[Model, ...]:
    """Gives the models of a pipeline as users name it.

    Args:
        pipeline: a version of PaddleOCR-VL (`v1.6`), a name of PaddleX (`OCR`, `PP-StructureV3`), or a YAML file.
        home: cache folder of PaddleX.

    Raises:
        ConfigError: there is no such pipeline, or its file cannot be read; lists those there are.
        SetupError: the name could be one of PaddleX's, which is not installed.
    """
    version = VL_NAMES.get(pipeline, pipeline)
    if version in VL_VERSIONS:
        return vl_models(version, home)
    return config_models(read_config(pipeline), home)


def installed_models(home: Path) -> tuple[Model, ...]:
    """Gives a model for every folder below `official_models`, by what the folder's name says."""
    try:
        folders = sorted(path for path in (home / MODELS_FOLDER).iterdir() if path.name[0] != "." and path.is_dir())
    except OSError:
        return ()
    vl_names = {place_of(name): name for _, name in VL_VERSIONS.values()}
    return tuple(_installed(path, vl_names.get(path.name), home) for path in folders)


def _installed(folder: Path, vl_name: str | None, home: Path) -> Model:
    if vl_name:
        return find_model(vl_name, "", home)
    for form in FORMATS_WITH_SUFFIX:
        if folder.name.endswith(SUFFIXES[form]):
            return Model(folder.name[: -len(SUFFIXES[form])], "", folder, folder.name, form)
    return Model(folder.name, "", folder, folder.name)


def config_folder() -> Path | None:
    """Gives the folder of the pipeline configurations in the installed PaddleX, which is not imported; None without."""
    spec = find_spec("paddlex")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "configs" / "pipelines"


def pipeline_names() -> tuple[str, ...]:
    """Gives the pipelines that can be named: PaddleOCR-VL's versions, and what the installed PaddleX has."""
    folder = config_folder()
    known = sorted(path.stem for path in folder.glob("*.yaml")) if folder else []
    return (*VL_VERSIONS, *(name for name in known if name not in VL_NAMES))


def read_config(pipeline: str) -> dict[str, Any]:
    """Gives a pipeline's configuration as PaddleX ships it, or from a YAML file of the user's.

    Raises:
        ConfigError: no such pipeline or file, or it holds no configuration.
        SetupError: PaddleX is not installed.
    """
    own = Path(pipeline)
    if own.suffix in {".yaml", ".yml"}:
        file = own
    else:
        folder = config_folder()
        if folder is None:
            raise SetupError(
                f"What the pipeline {pipeline!r} needs stands in PaddleX, which is not installed. Install it with: "
                f'pip install "batchocr[paddle]". Known without it: {", ".join(VL_VERSIONS)}.'
            )
        if pipeline not in pipeline_names() and pipeline not in VL_NAMES:
            raise ConfigError(f"There is no pipeline {pipeline!r}. Known pipelines: {', '.join(pipeline_names())}.")
        file = folder / f"{pipeline}.yaml"
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"The pipeline configuration {file} cannot be read ({err}).") from err
    except (yaml.YAMLError, RecursionError) as err:
        raise ConfigError(f"The pipeline configuration {file} is no YAML ({err}).") from err
    if not isinstance(config, dict):
        raise ConfigError(f"The pipeline configuration {file} holds no settings.")
    return config


def missing_models(models: Collection[Model]) -> tuple[Model, ...]:
    """Gives the models that are wanted and whose folder is not there or empty."""
    return tuple(model for model in models if model.wanted and not model.present)


def require_models(models: Collection[Model], *, engine: str, pipeline: str) -> None:
    """Says what is missing before anything heavy is loaded.

    Args:
        models: of the pipeline.
        engine: that asks, for the message.
        pipeline: as `batchocr models` names it, for the remedy.

    Raises:
        SetupError: models are missing; names each, where it was looked for and how to get it.
    """
    missing = missing_models(models)
    if not missing:
        return
    where = "; ".join(f"{model.name} in {model.folder}" for model in missing)
    raise SetupError(
        f"engine {engine}: missing {where}. With a network: `batchocr models pull {pipeline}`; without one: "
        f"`batchocr models pack {pipeline}` where they are, `batchocr models unpack` here. Models elsewhere are named "
        "by the *_model_dir options or by PADDLE_PDX_CACHE_HOME."
    )
