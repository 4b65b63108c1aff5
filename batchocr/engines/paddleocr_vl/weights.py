"""The models that the pipeline is built of, and its configuration where the user changes more than options can say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from batchocr.engines.paddle.hashes import model_hashes
from batchocr.engines.paddle.models import (
    VL_PIPELINES,
    VL_ROLES,
    Model,
    cache_home,
    config_models,
    format_of,
    read_config,
    require_models,
    vl_models,
)
from batchocr.engines.paddleocr_vl.options import PaddleOcrVlOptions

# Where a configuration has the part of each role.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "layout_detection": ("SubModules", "LayoutDetection"),
    "vl_rec": ("SubModules", "VLRecognition"),
    "doc_orientation_classify": ("SubPipelines", "DocPreprocessor", "SubModules", "DocOrientationClassify"),
    "doc_unwarping": ("SubPipelines", "DocPreprocessor", "SubModules", "DocUnwarping"),
}
_PREPROCESSOR = ("SubPipelines", "DocPreprocessor")
# They cannot run the language model.
_LOCAL_ENGINES = ("onnxruntime", "paddle_static")


def find_models(options: PaddleOcrVlOptions, environ: Mapping[str, str]) -> tuple[Model, ...]:
    """Gives the models that are loaded.

    Args:
        options: of the engine.
        environ: in which `PADDLE_PDX_CACHE_HOME` is looked for.

    Raises:
        ConfigError: the pipeline's own configuration cannot be read.
        SetupError: a model is missing; says where it was looked for and how to get it.
    """
    home = cache_home(environ)
    wanted = options.wanted_roles()
    if options.paddlex_config is None:
        form = format_of(options.engine)
        models = vl_models(
            options.pipeline_version,
            home,
            wanted=wanted,
            names={role: getattr(options, f"{role}_model_name") for role in VL_ROLES},
            folders={role: getattr(options, f"{role}_model_dir") for role in VL_ROLES},
            formats=dict.fromkeys(VL_ROLES, form),
        )
    else:
        models = config_models(_configuration(options), home, engine=options.engine)
    found = tuple(model for model in models if model.wanted)
    require_models(found, engine="paddleocr-vl", pipeline=options.pipeline_version)
    return found


def weights_hashes(options: PaddleOcrVlOptions, models: tuple[Model, ...]) -> dict[str, str]:
    """Gives model to sha256 of its folder (of large files their size and ends), and that of the configuration file.

    Raises:
        SetupError: a file cannot be read.
    """
    hashes = model_hashes(models)
    if options.paddlex_config is not None:
        hashes["paddlex_config"] = hashlib.sha256(options.paddlex_config.read_bytes()).hexdigest()
    return hashes


def model_arguments(options: PaddleOcrVlOptions) -> dict[str, str]:
    """Gives the names and folders of models that the user has named, as PaddleOCR's constructor takes them."""
    names = (f"{role}_model_{part}" for role in VL_ROLES for part in ("name", "dir"))
    return {name: str(value) for name in names if (value := getattr(options, name)) is not None}


def build_configuration(options: PaddleOcrVlOptions) -> dict[str, Any]:
    """Gives the arguments of PaddleOCR's constructor about the configuration and the library that computes.

    With the native backend, a library that cannot run the language model is named for the other models alone.
    """
    arguments: dict[str, Any] = {}
    own = _needs_own_engine(options)
    if own or options.paddlex_config is not None:
        configuration = _configuration(options)
        layout, preprocessor = (_part(configuration, *path) for path in (_PARTS["layout_detection"], _PREPROCESSOR))
        for part in (layout, preprocessor):
            if own:
                part["engine"] = options.engine
                # By name, since PaddleX lays this over settings for Paddle that are by name too.
                part["engine_config"] = {options.engine: options.engine_config or {}}
        arguments["paddlex_config"] = configuration
    if not own:
        arguments |= {"engine": options.engine, "engine_config": options.engine_config}
    return arguments


def _needs_own_engine(options: PaddleOcrVlOptions) -> bool:
    return not options.uses_server and options.engine in _LOCAL_ENGINES


def _configuration(options: PaddleOcrVlOptions) -> dict[str, Any]:
    """Gives the pipeline's configuration with the parts of roles as the options have them.

    Raises:
        ConfigError: it cannot be read.
    """
    if options.paddlex_config is None:
        return read_config(VL_PIPELINES[options.pipeline_version])
    configuration = read_config(str(options.paddlex_config))
    for role, path in _PARTS.items():
        part = _part(configuration, *path)
        for setting in ("name", "dir"):
            value = getattr(options, f"{role}_model_{setting}")
            if value is not None:
                part[f"model_{setting}"] = str(value)
    return configuration


def _part(configuration: dict[str, Any], *path: str) -> dict[str, Any]:
    """Gives a part of a configuration to change; one that is not there is made up and belongs to nothing."""
    part: Any = configuration
    for key in path:
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else {}
