"""The engine `paddleocr-vl`: `paddleocr.PaddleOCRVL`, driven page by page.

Page by page, since its own batches of 64 pages fill memory, lose all their pages with one, and answer late.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from batchocr.datatypes import EngineInfo, PageImage, PageOutcome
from batchocr.engines.base import Engine, EngineOptions
from batchocr.engines.paddle.environment import paddle_environment
from batchocr.engines.paddle.faults import device_fault, error_words
from batchocr.engines.paddle.runtime import (
    CUDA_BUILD,
    guest_libraries,
    installed_versions,
    release_memory,
    require_libraries,
)
from batchocr.engines.paddleocr_vl.checks import watch_blocks
from batchocr.engines.paddleocr_vl.fixes import switch_off_missing_kernels
from batchocr.engines.paddleocr_vl.flight import fly
from batchocr.engines.paddleocr_vl.options import PaddleOcrVlOptions
from batchocr.engines.paddleocr_vl.results import page_result
from batchocr.engines.paddleocr_vl.server import server_of
from batchocr.engines.paddleocr_vl.server_client import ServerClient, attach
from batchocr.engines.paddleocr_vl.weights import build_configuration, find_models, model_arguments, weights_hashes
from batchocr.errors import EngineError, SetupError

OUTPUT_VERSION = 1
DEVICES = ("gpu", "xpu", "npu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu", "cpu")
PAGE_TIMEOUT_S = 600.0
# Where the language model can only run on the CPU.
SLOW_PAGE_TIMEOUT_S = 3600.0
LOAD_TIMEOUT_S = 1800.0
# What PaddleOCR raises where a pipeline cannot be built; it has no errors of its own.
_BUILD_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    OSError,
    AssertionError,
    MemoryError,
)
# Paddle's errors about the device, as its C++ side maps them.
_DEVICE_ERRORS = (MemoryError, OSError, RuntimeError, SystemError)


class PaddleOcrVlEngine(Engine):
    """PaddleOCR-VL v1, v1.5 or v1.6, with its language model in this process or on a server."""

    name: ClassVar[str] = "paddleocr-vl"
    Options: ClassVar[type[EngineOptions]] = PaddleOcrVlOptions

    @classmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        """Gives what the engine is. Imports nothing of Paddle.

        `page_timeout_s` is 600 s; where the language model runs in this process and no build of Paddle for NVIDIA GPUs
        is installed, it is 3,600 s; with a server it leaves time for two requests that use up theirs.

        Raises:
            ConfigError: the pipeline's own configuration cannot be read, or the server's url is none.
            SetupError: a library or a model is missing.
        """
        assert isinstance(options, PaddleOcrVlOptions)
        require_libraries(cls.name, _modules(options))
        versions = installed_versions()
        page_timeout_s = PAGE_TIMEOUT_S
        if options.uses_server:
            server_of(options)
            page_timeout_s = max(page_timeout_s, 2 * options.request_timeout_s)
        elif CUDA_BUILD not in versions:
            page_timeout_s = SLOW_PAGE_TIMEOUT_S
        return EngineInfo(
            name=cls.name,
            output_version=OUTPUT_VERSION,
            weights=weights_hashes(options, find_models(options, os.environ)),
            batch_invariant=False,  # a language model's choice between close words may turn with the device
            needs_image=True,
            wants_text_layer=False,
            devices=DEVICES,
            in_flight=options.server_pages if options.uses_server else 1,
            page_timeout_s=page_timeout_s,
            load_timeout_s=LOAD_TIMEOUT_S,
            options=options.changing_outputs(),
            threads=options.cpu_threads,
            versions=versions,
            environment=paddle_environment("naive_best_fit", options.flags),
        )

    def __init__(self, options: EngineOptions) -> None:
        assert isinstance(options, PaddleOcrVlOptions)
        self._options = options
        self._pipeline: Any = None
        self._client: ServerClient | None = None
        self._pages = 0

    def load(self, device: str) -> None:
        """Builds the pipeline on the device: some seconds, minutes for the first read of the weights.

        Raises:
            SetupError: a library, a model or the device is missing, or the server is not in order.
        """
        find_models(self._options, os.environ)
        if self._options.uses_server:
            self._client = ServerClient(server_of(self._options))
            self._client.check()
        try:
            with guest_libraries():
                self._pipeline = self._build(device)
        except ImportError as err:
            raise SetupError(f'engine {self.name}: {err}; install it with: pip install "batchocr[paddle]"') from err
        except _BUILD_ERRORS as err:
            raise SetupError(
                f"engine {self.name} cannot be built on {device}: {error_words(err)}; `batchocr doctor` says what this "
                "machine has, `batchocr models verify` whether the models are whole"
            ) from err
        inner = self._pipeline.paddlex_pipeline._pipeline
        if self._client is not None:
            attach(inner, self._client)
        switch_off_missing_kernels(inner.vl_rec_model)
        if self._options.check_blocks:
            watch_blocks(inner, self._options.sampling_arguments())

    def _build(self, device: str) -> Any:
        from paddleocr import PaddleOCRVL

        arguments = self._options.build_arguments()
        arguments.pop("vl_rec_api_key", None)  # nobody shows it to the server but our own client
        return PaddleOCRVL(
            device="cpu" if device.startswith("cpu") else device,
            **arguments,
            **model_arguments(self._options),
            **build_configuration(self._options),
        )

    def recognize(self, pages: Iterable[PageImage | None]) -> Iterator[PageOutcome]:
        """Gives one outcome per page; whatever the pipeline raises is the failure of that page.

        One page after the other, in order; with a server several at once, as they are finished.

        Raises:
            EngineError: the engine is not loaded, memory ran out, the device is lost, or there is no result for a page.
        """
        if self._pipeline is None:
            raise EngineError(f"engine {self.name} is asked to recognize before it is loaded", fatal=True)
        if self._client is None:
            outcomes: Iterator[PageOutcome] = (self._read(page) for page in pages if page is not None)
        else:
            outcomes = fly(pages, self._read, self._options.server_pages, self._client.cancel)
        for outcome in outcomes:
            yield outcome
            self._pages += 1
            if self._options.release_every_pages and self._pages % self._options.release_every_pages == 0:
                self.release_memory()

    def recognize_many(self, pages: Iterable[PageImage | None]) -> Iterator[PageOutcome]:
        """Gives one outcome per page, as `recognize`; the pages may be of several documents."""
        return self.recognize(pages)

    def _read(self, page: PageImage) -> PageOutcome:
        try:
            return page_result(self._result(page), page, visualize=self._options.visualize)
        except _DEVICE_ERRORS as err:
            fault = device_fault(err)
            if fault is None:
                raise
            raise fault from err

    def _result(self, page: PageImage) -> Any:
        """Gives the pipeline's one result for a page; its generator is run to its end, since it cleans up there."""
        results = self._pipeline.predict_iter(page.pixels, use_queues=False, **self._options.predict_arguments())
        try:
            found = list(results)
        finally:
            results.close()
        if len(found) != 1:
            raise EngineError(f"{page.source} page {page.page_no}: PaddleOCR gave {len(found)} results for one page")
        return found[0]

    def release_memory(self) -> None:
        """Collects garbage and empties Paddle's cache of GPU memory."""
        release_memory()

    def close(self) -> None:
        """Lets go of the pipeline, and of the server."""
        self._pipeline = None
        if self._client is not None:
            self._client.close()


def _modules(options: PaddleOcrVlOptions) -> Iterator[str]:
    """Gives the modules that must be installed."""
    yield from ("paddleocr", "paddlex")
    if options.uses_server:
        yield "openai"
    else:
        yield from ("safetensors", "sentencepiece")
    if options.engine == "onnxruntime":
        yield "onnxruntime"
    if not (options.uses_server and options.engine in {"onnxruntime", "transformers"}):
        yield "paddle"
