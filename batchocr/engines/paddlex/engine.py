"""The engine `paddlex`: any PaddleX pipeline that reads page images, driven page by page."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from batchocr.datatypes import EngineInfo, PageImage, PageOutcome
from batchocr.engines.base import Engine, EngineOptions
from batchocr.engines.paddle.environment import paddle_environment
from batchocr.engines.paddle.faults import device_fault, error_words
from batchocr.engines.paddle.hashes import model_hashes
from batchocr.engines.paddle.models import Model, cache_home, config_models, require_models
from batchocr.engines.paddle.runtime import guest_libraries, installed_versions, release_memory, require_libraries
from batchocr.engines.paddlex.configuration import check_names, pipeline_configuration
from batchocr.engines.paddlex.names import Pipeline
from batchocr.engines.paddlex.options import PaddlexOptions
from batchocr.engines.paddlex.results import page_result
from batchocr.errors import EngineError, SetupError

OUTPUT_VERSION = 1
DEVICES = ("gpu", "xpu", "npu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu", "cpu")
# What computes without Paddle, and where.
OTHER_LIBRARIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "onnxruntime": ("onnxruntime", ("gpu", "cpu")),
    "transformers": ("transformers", ("gpu", "cpu")),
}
ASKS = "doc_understanding"
# What PaddleX raises where a pipeline cannot be built; it has no errors of its own for most of it.
BUILD_ERRORS = (ValueError, TypeError, KeyError, RuntimeError, ImportError, OSError, AssertionError)
# Entries of a configuration that say where, not what.
PLACES = frozenset({"model_dir", "api_key", "server_url", "client_kwargs"})


class PaddlexEngine(Engine):
    """A PaddleX pipeline, by its name or its YAML file."""

    name: ClassVar[str] = "paddlex"
    Options: ClassVar[type[EngineOptions]] = PaddlexOptions

    @classmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        """Gives what the engine is. Does not import paddle; imports paddleocr where options alter the configuration.

        Raises:
            ConfigError: the pipeline, its file or an argument is wrong.
            SetupError: a library or a model is missing.
        """
        assert isinstance(options, PaddlexOptions)
        require_libraries(cls.name, ("paddlex", "paddleocr"))
        pipeline, configuration = pipeline_configuration(options)
        engine = options.engine or configuration.get("engine")
        library, devices = OTHER_LIBRARIES.get(engine or "", ("paddle", DEVICES))
        require_libraries(cls.name, (library,))
        return EngineInfo(
            name=cls.name,
            output_version=OUTPUT_VERSION,
            weights=model_hashes(_models(pipeline, configuration, options)),
            batch_invariant=False,  # the device is not known here, and the last digits differ from one to another
            needs_image=True,
            wants_text_layer=False,
            devices=devices,
            in_flight=1,
            page_timeout_s=options.page_timeout_s,
            load_timeout_s=1800.0,
            options=_what_changes_outputs(pipeline, configuration, options),
            threads=options.cpu_threads,
            versions=installed_versions(),
            environment=paddle_environment("auto_growth", options.flags),
        )

    def __init__(self, options: EngineOptions) -> None:
        assert isinstance(options, PaddlexOptions)
        self._options = options
        self._name = ""
        self._pipeline: Any = None

    def load(self, device: str) -> None:
        """Builds the pipeline; takes seconds, minutes for large models. Downloads nothing.

        Raises:
            ConfigError: an argument is unknown.
            SetupError: a library, a model or the device is missing.
        """
        pipeline, configuration = pipeline_configuration(self._options)
        _models(pipeline, configuration, self._options)
        self._name = pipeline.name
        engine = self._options.engine or configuration.get("engine")
        try:
            with guest_libraries():
                from paddlex import create_pipeline

                self._pipeline = create_pipeline(
                    config=configuration,
                    device=_device(device),
                    engine=self._options.engine,
                    engine_config=engine_config(self._options, engine, device),
                    use_hpip=self._options.enable_hpi,
                )
        except BUILD_ERRORS as err:
            raise SetupError(
                f"engine paddlex: the pipeline {pipeline.name} cannot be built on {device}: {error_words(err)}; "
                "`batchocr doctor` says what this machine has, `batchocr models verify` whether the models are whole"
            ) from err
        check_names("predict", self._options.predict, _page_arguments(pipeline, self._pipeline))

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        """Gives one outcome per page, in order; whatever PaddleX raises is the failure of the page that is open.

        Raises:
            EngineError: the engine is not loaded, or the pipeline gave no result for a page.
        """
        if self._pipeline is None:
            raise EngineError("engine paddlex is asked to recognize before it is loaded", fatal=True)
        for page in pages:
            yield self._read(page)

    def release_memory(self) -> None:
        """Collects garbage and empties Paddle's cache of GPU memory."""
        release_memory()

    def close(self) -> None:
        """Lets go of the pipeline."""
        self._pipeline = None

    def _read(self, page: PageImage) -> PageOutcome:
        try:
            return page_result(self._result(page), page, visualize=self._options.visualize)
        except (RuntimeError, OSError, SystemError, MemoryError) as err:
            fault = device_fault(err)
            if fault is None:
                raise
            raise fault from err

    def _result(self, page: PageImage) -> Any:
        """Gives the pipeline's one result for a page; its generator is run to its end or closed."""
        given: Any = page.pixels
        if self._name == ASKS:
            given = {"image": page.pixels, "query": self._options.query}
        results = self._pipeline.predict(given, **self._options.predict)
        found = []
        try:
            for result in results:
                if set(result) == {"error"}:
                    # Its models were not loaded; going on would end in an error that says less.
                    raise EngineError(f"{page.source} page {page.page_no}: PaddleX refuses: {result['error']}")
                found.append(result)
        finally:
            results.close()
        if len(found) != 1:
            raise EngineError(f"{page.source} page {page.page_no}: PaddleX gave {len(found)} results for one page")
        return found[0]


def engine_config(options: PaddlexOptions, engine: str | None, device: str) -> dict[str, Any] | None:
    """Gives the settings of the library that computes the networks, as PaddleX takes them.

    Args:
        options: of the engine.
        engine: that library, from the options or the configuration.
        device: as Paddle spells it.
    """
    if options.engine_config:
        return dict(options.engine_config)
    if engine == "onnxruntime":
        # Without the arena, memory stays flat over pages of all sizes.
        return {"intra_op_num_threads": options.cpu_threads, "enable_cpu_mem_arena": False}
    if engine not in {None, "paddle", "paddle_static"}:
        return None
    static: dict[str, Any] = {"enable_cinn": options.enable_cinn}
    kind = device.partition(":")[0]
    if kind == "gpu" and options.use_tensorrt:
        static["run_mode"] = f"trt_{options.precision}"
    elif kind == "cpu" and options.enable_mkldnn:
        static["mkldnn_cache_capacity"] = options.mkldnn_cache_capacity
    else:
        static["run_mode"] = "paddle"
    if kind == "cpu":
        static["cpu_threads"] = options.cpu_threads
    return static if engine == "paddle_static" else {"paddle_static": static}


def _device(device: str) -> str:
    """Gives the device as PaddleX takes it: it has one CPU, without a number."""
    kind = device.partition(":")[0]
    return kind if kind == "cpu" else device


def _models(pipeline: Pipeline, configuration: Mapping[str, Any], options: PaddlexOptions) -> tuple[Model, ...]:
    """Gives the models of the pipeline.

    Raises:
        SetupError: one is missing; names it and where it was looked for.
    """
    models = config_models(configuration, cache_home(os.environ), engine=options.engine)
    require_models(models, engine=PaddlexEngine.name, pipeline=str(options.config or pipeline.name))
    return models


def _page_arguments(pipeline: Pipeline, built: Any) -> list[str]:
    """Gives the names that `predict` of a built pipeline takes beside its input."""
    inner = getattr(built, "_pipeline", built)  # the outer one passes all on
    predict = inner.doc_understanding_model.process if pipeline.name == ASKS else inner.predict
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(predict).parameters.values()
    return [
        known.name for known in parameters if known.kind not in kinds and known.name not in {"input", "data", "self"}
    ]


def _what_changes_outputs(
    pipeline: Pipeline, configuration: Mapping[str, Any], options: PaddlexOptions
) -> dict[str, Any]:
    kept = ("predict", "query", "engine", "engine_config", "enable_hpi", "cpu_threads", "enable_mkldnn", "use_tensorrt",
            "precision", "enable_cinn", "visualize")  # fmt: skip
    return {
        "pipeline": pipeline.name,
        "configuration": _without_places(configuration),
        **{name: value for name, value in options.model_dump(mode="json").items() if name in kept},
    }


def _without_places(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_places(item) for key, item in value.items() if key not in PLACES}
    return [_without_places(item) for item in value] if isinstance(value, list | tuple) else value
