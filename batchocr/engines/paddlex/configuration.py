"""A pipeline's configuration: PaddleX's own or the user's YAML file, with the options put into it.

Runs in the child that describes the engine and in the worker. PaddleX's YAML files are read as files, without importing
the library; PaddleOCR is imported only where options must become entries of the configuration, since it knows which.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import yaml

from batchocr.engines.paddle.models import VL_PIPELINES, config_folder, read_config
from batchocr.engines.paddle.runtime import guest_libraries
from batchocr.engines.paddlex.names import OTHER_ENGINE, Pipeline, find_pipeline, runnable_pipeline
from batchocr.engines.paddlex.options import PaddlexOptions
from batchocr.errors import ConfigError, SetupError

# What else a pipeline may be called here: an engine, whose default is meant, or a release of PaddleOCR-VL.
OTHER_NAMES = {"paddlex": "OCR", OTHER_ENGINE: VL_PIPELINES["v1.6"], **VL_PIPELINES}
REMEDY = 'install it with: pip install "batchocr[paddle]"'
# What alters the page itself, or asks one more large model, only happens when it is asked for.
_OFF = re.compile(
    r"^(\s*)(use_doc_preprocessor|use_doc_orientation_classify|use_doc_unwarping|use_textline_orientation"
    r"|use_chart_recognition)(\s*:\s*)True\b",
    re.MULTILINE,
)
_KEEPS_PREPROCESSING = "doc_preprocessor"
# Arguments of PaddleOCR's classes that are options of this engine.
_COMMON = frozenset(
    {"paddlex_config", "device", "engine", "engine_config", "enable_hpi", "use_tensorrt", "precision", "enable_mkldnn",
     "mkldnn_cache_capacity", "cpu_threads", "enable_cinn"}
)  # fmt: skip


def shipped_yaml(name: str) -> str:
    """Gives PaddleX's own configuration of a pipeline as YAML, comments included, with unwarping and the like off.

    Args:
        name: as PaddleX registers it.

    Raises:
        SetupError: PaddleX is not installed, or has no such pipeline.
    """
    folder = config_folder()
    if folder is None:
        raise SetupError(f"engine paddlex: the library paddlex is not installed; {REMEDY}")
    try:
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    except OSError as err:
        raise SetupError(f"engine paddlex: the installed paddlex has no pipeline {name} ({err})") from err
    return text if name == _KEEPS_PREPROCESSING else _OFF.sub(r"\1\2\3False", text)


def editable_yaml(name: str) -> str:
    """Gives the configuration of a pipeline to save and edit, with a first line that says how to run it.

    Args:
        name: of a pipeline, of an engine that runs pipelines (its default is meant then), or a release such as `v1.5`.

    Raises:
        ConfigError: there is no such pipeline, or no engine that runs it.
        SetupError: PaddleX is not installed.
    """
    pipeline = find_pipeline(OTHER_NAMES.get(name, name))
    if pipeline.paddleocr_class == "PaddleOCRVL":
        how = f"--engine {OTHER_ENGINE} --engine-option paddlex_config=THIS_FILE"
    else:
        runnable_pipeline(pipeline.name)
        how = "--engine paddlex --engine-option config=THIS_FILE"
    return f"# batchocr run INPUT {how}\n{shipped_yaml(pipeline.name).lstrip()}"


def pipeline_configuration(options: PaddlexOptions) -> tuple[Pipeline, dict[str, Any]]:
    """Gives the pipeline that is asked for, and its configuration with every option put into it.

    Raises:
        ConfigError: the file, the pipeline's name or an argument is wrong.
        SetupError: PaddleX is not installed.
    """
    pipeline, configuration = _starting_point(options)
    arguments = _arguments(pipeline, options)
    if not arguments:
        return pipeline, configuration
    if pipeline.name == "OCR" and not arguments.keys() & {
        "lang", "ocr_version", "text_detection_model_name", "text_detection_model_dir",
        "text_recognition_model_name", "text_recognition_model_dir",
    }:  # fmt: skip
        # PaddleOCR puts its default models over those of the configuration unless it is given one of them.
        arguments["text_detection_model_name"] = configuration["SubModules"]["TextDetection"]["model_name"]
    return pipeline, _merged(pipeline, configuration, arguments)


def _starting_point(options: PaddlexOptions) -> tuple[Pipeline, dict[str, Any]]:
    if options.config is None:
        pipeline = runnable_pipeline(options.pipeline or "OCR")
        configuration: dict[str, Any] = yaml.safe_load(shipped_yaml(pipeline.name))
        return pipeline, configuration
    configuration = read_config(str(options.config))
    name = configuration.get("pipeline_name")
    if not isinstance(name, str):
        raise ConfigError(f"{options.config} has no `pipeline_name`; `batchocr engines config OCR` shows how it looks.")
    pipeline = runnable_pipeline(name)
    if options.pipeline is not None and find_pipeline(options.pipeline) != pipeline:
        raise ConfigError(f"{options.config} is of the pipeline {name}, not {options.pipeline}; leave one of both out.")
    return pipeline, configuration


def _arguments(pipeline: Pipeline, options: PaddlexOptions) -> dict[str, Any]:
    """Gives what PaddleOCR's class is to be told.

    Raises:
        ConfigError: options of another pipeline.
    """
    ocr = options.ocr_arguments()
    if pipeline.name == "OCR":
        if options.init:
            raise ConfigError("The arguments of the pipeline OCR are engine options of their own; leave `init` out.")
        return ocr
    if ocr:
        raise ConfigError(
            f"Only the pipeline OCR has the engine option {next(iter(ocr))}; for {pipeline.name} put such arguments "
            f"into `init`, as {pipeline.paddleocr_class or 'its configuration'} names them."
        )
    if options.init and not pipeline.paddleocr_class:
        raise ConfigError(
            f"PaddleOCR has no class for {pipeline.name}, so `init` means nothing; edit its configuration: "
            f"batchocr engines config {pipeline.name} > my.yaml, then --engine-option config=my.yaml."
        )
    return dict(options.init)


def _merged(pipeline: Pipeline, configuration: dict[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the configuration with PaddleOCR's arguments put where PaddleOCR puts them; builds no pipeline.

    Raises:
        ConfigError: an argument is unknown, or has a value that PaddleOCR refuses.
    """
    try:
        with guest_libraries():
            import paddleocr
    except ImportError as err:
        raise SetupError(f"engine paddlex: paddleocr cannot be imported ({err}); {REMEDY}") from err
    wrapper: Any = getattr(paddleocr, pipeline.paddleocr_class)
    known = [name for name in inspect.signature(wrapper).parameters if name != "kwargs"]
    check_names("init", arguments, known)

    class Planned(wrapper):  # type: ignore[misc]
        """PaddleOCR's class as far as its configuration."""

        def _create_paddlex_pipeline(self) -> None:
            return None

    try:
        merged = Planned(paddlex_config=configuration, **arguments)._merged_paddlex_config
    except (ValueError, TypeError, AssertionError) as err:
        raise ConfigError(f"PaddleOCR refuses the options of the pipeline {pipeline.name}: {err}.") from err
    return dict(merged)


def check_names(where: str, given: Mapping[str, Any], known: list[str]) -> None:
    """Refuses arguments that PaddleX would swallow in silence.

    Args:
        where: the engine option that they stand in.
        given: by name.
        known: the names that there are.

    Raises:
        ConfigError: an unknown name.
    """
    unknown = [name for name in given if name not in known]
    if unknown:
        also = " (an engine option of its own)" if unknown[0] in _COMMON else ""
        raise ConfigError(
            f"Engine option {where} has an unknown argument {unknown[0]!r}{also}. Known arguments: {', '.join(known)}."
        )
