"""Runs one neural network on the CPU: OpenVINO or ONNX Runtime behind one small callable.

Both libraries are imported only when a network of theirs is opened. Nothing here knows what the networks are for.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from batchocr.engines.ppocr.options import Precision, Runtime
from batchocr.errors import EngineError, FailureKind, SetupError

Floats: TypeAlias = npt.NDArray[np.float32]

REMEDY = 'install it with: pip install "batchocr[cpu]"'


class Network(ABC):
    """An opened network: float32 tensor in, float32 tensor out."""

    characters: tuple[str, ...]
    """The dictionary that the weights' metadata hold, one entry per class; empty if there is none."""

    @abstractmethod
    def __call__(self, tensor: Floats) -> Floats:
        """Gives the network's only output for one input of shape (n, 3, height, width).

        The answer may be a view into the network's own memory and is valid until the next call.

        Raises:
            EngineError: the runtime failed; kind `engine_out_of_memory` where memory was short.
        """

    @abstractmethod
    def release_memory(self) -> None:
        """Gives back what the runtime keeps for the shapes it has seen."""


def open_network(path: Path, runtime: Runtime, *, threads: int, precision: Precision) -> Network:
    """Gives the network that the ONNX file `path` holds, ready to run.

    Args:
        path: the ONNX file.
        runtime: the library to use.
        threads: CPU threads for one call.
        precision: arithmetic; ONNX Runtime knows only `f32`.

    Raises:
        SetupError: the library is not installed or does not accept the file.
    """
    try:
        if runtime == "openvino":
            return OpenVinoNetwork(path, threads, precision)
        return OnnxRuntimeNetwork(path, threads)
    except ImportError as err:
        raise SetupError(f"engine ppocr: the runtime {runtime} cannot be imported ({err}); {REMEDY}") from err
    except EngineError as err:
        raise SetupError(f"engine ppocr: {runtime} cannot load {path} ({err})") from err


class OpenVinoNetwork(Network):
    """A network on OpenVINO."""

    def __init__(self, path: Path, threads: int, precision: Precision) -> None:
        # Importing openvino reports to Google Analytics and writes to the home folder. Without this module it takes its
        # own silent stub instead.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino

        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(threads),
            # With pinning every worker would be bound to the same first cores.
            "ENABLE_CPU_PINNING": "NO",
            # Left alone, the machine chooses: results would differ between CPUs with and without bfloat16.
            "INFERENCE_PRECISION_HINT": precision,
        }
        try:
            model = openvino.Core().read_model(path)
            self._compiled = openvino.Core().compile_model(model, "CPU", settings)
            self._request = self._compiled.create_infer_request()
        except RuntimeError as err:
            raise _engine_error(err) from err
        self.characters = ()
        if model.has_rt_info(["framework", "character"]):
            self.characters = _split(model.get_rt_info(["framework", "character"]).astype(str))

    def __call__(self, tensor: Floats) -> Floats:
        """See `Network`."""
        try:
            self._request.infer([tensor], share_inputs=True)
            output: Floats = self._request.get_output_tensor().data
        except RuntimeError as err:
            raise _engine_error(err) from err
        return output

    def release_memory(self) -> None:
        """See `Network`."""
        del self._request
        self._compiled.release_memory()
        self._request = self._compiled.create_infer_request()


class OnnxRuntimeNetwork(Network):
    """A network on ONNX Runtime."""

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        # These inherit from Exception alone, and each kind stands for itself.
        self._faults: tuple[type[Exception], ...] = tuple(
            vars(state)[name]
            for name in ("Fail", "RuntimeException", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile")
        )
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        settings.enable_cpu_mem_arena = True
        # A spinning thread takes the core away from the worker beside it.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._shrink = onnxruntime.RunOptions()
        self._shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        try:
            self._session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        except self._faults as err:
            raise _engine_error(err) from err
        self._input = self._session.get_inputs()[0]
        self.characters = _split(self._session.get_modelmeta().custom_metadata_map.get("character", ""))

    def __call__(self, tensor: Floats) -> Floats:
        """See `Network`."""
        return self._run(tensor, None)

    def release_memory(self) -> None:
        """See `Network`."""
        # The arena is shrunk at the end of a call, so a small one is made.
        height = self._input.shape[2] if isinstance(self._input.shape[2], int) else 64
        self._run(np.zeros((1, 3, height, 64), np.float32), self._shrink)

    def _run(self, tensor: Floats, options: Any) -> Floats:
        try:
            output: Floats = self._session.run(None, {self._input.name: tensor}, options)[0]
        except self._faults as err:
            raise _engine_error(err) from err
        return output


def _split(characters: str) -> tuple[str, ...]:
    return tuple(characters.split("\n")) if characters else ()


def _engine_error(err: Exception) -> EngineError:
    text = str(err).strip()
    short_of_memory = "bad_alloc" in text or "allocate" in text.lower()
    kind = FailureKind.ENGINE_OUT_OF_MEMORY if short_of_memory else FailureKind.ENGINE_ERROR
    return EngineError(text or type(err).__name__, kind)
