"""Runs one neural network: OpenVINO, ONNX Runtime or PyTorch behind one small callable.

A library is imported only when a network of its is opened. Nothing here knows what the networks are for.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from batchocr.engines.ppocr.int8 import quantize, ranges_of
from batchocr.engines.ppocr.options import Precision, Runtime
from batchocr.engines.ppocr.weights import LINE_HEIGHT_PX, NetworkFile, check_classes
from batchocr.errors import EngineError, FailureKind, SetupError

Floats: TypeAlias = npt.NDArray[np.float32]

REMEDIES: dict[Runtime, str] = {
    "openvino": 'install it with: pip install "batchocr[cpu]"',
    "onnxruntime": 'install it with: pip install "batchocr[cpu]"',
    "torch": 'install it with: pip install "batchocr[torch]" (a PyTorch that is there stays as it is)',
}
CUDA_PROVIDER = "CUDAExecutionProvider"


class Network(ABC):
    """An opened network: float32 tensor in, float32 tensor out."""

    characters: tuple[str, ...]
    """What a recognizer tells apart, one entry per class; empty for a detector."""

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


def open_network(file: NetworkFile, runtime: Runtime, *, threads: int, precision: Precision) -> Network:
    """Gives a network, ready to run on the device that its file was chosen for.

    Args:
        file: the network.
        runtime: the library to use.
        threads: CPU threads for one call.
        precision: arithmetic; only OpenVINO knows another than `f32`.

    Raises:
        SetupError: the library is not installed, has no such device or does not accept the file; or the dictionary is
            that of another network.
    """
    try:
        network = _opened(file, runtime, threads, precision)
        network.characters = file.characters
        if file.characters and file.classes is None:
            check_classes(file, network(np.zeros((1, 3, LINE_HEIGHT_PX, 64), np.float32)).shape[-1])
    except ImportError as err:
        raise SetupError(
            f"engine ppocr: the runtime {runtime} cannot be imported ({err}); {REMEDIES[runtime]}"
        ) from err
    except EngineError as err:
        raise SetupError(f"engine ppocr: {runtime} cannot load {file.path} ({err})") from err
    return network


def _opened(file: NetworkFile, runtime: Runtime, threads: int, precision: Precision) -> Network:
    if runtime == "openvino":
        return OpenVinoNetwork(file.path, threads, precision)
    if runtime == "onnxruntime":
        return OnnxRuntimeNetwork(file.path, threads, file.device)
    from batchocr.engines.ppocr.torch_runtime import TorchNetwork

    return TorchNetwork(file.path, threads, file.device)


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
            "INFERENCE_PRECISION_HINT": "f32" if precision == "int8" else precision,
        }
        try:
            core = openvino.Core()
            model = core.read_model(path)
            if precision == "int8":
                quantize(model, ranges_of(path))
            self._compiled = core.compile_model(model, "CPU", settings)
            self._request = self._compiled.create_infer_request()
        except RuntimeError as err:
            raise engine_error(err) from err

    def __call__(self, tensor: Floats) -> Floats:
        """See `Network`."""
        try:
            self._request.infer([tensor], share_inputs=True)
            output: Floats = self._request.get_output_tensor().data
        except RuntimeError as err:
            raise engine_error(err) from err
        return output

    def release_memory(self) -> None:
        """See `Network`."""
        del self._request
        self._compiled.release_memory()
        self._request = self._compiled.create_infer_request()


class OnnxRuntimeNetwork(Network):
    """A network on ONNX Runtime."""

    def __init__(self, path: Path, threads: int, device: str) -> None:
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
        providers = _providers(device, onnxruntime.get_available_providers())
        self._shrink = onnxruntime.RunOptions()
        arenas = "cpu:0" if device == "cpu" else f"cpu:0;{device}"
        self._shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", arenas)
        try:
            self._session = onnxruntime.InferenceSession(str(path), settings, providers=providers)
        except self._faults as err:
            raise engine_error(err) from err
        # Where a library of CUDA is missing, ONNX Runtime goes on without the GPU and only logs it.
        if device != "cpu" and self._session.get_providers()[0] != CUDA_PROVIDER:
            raise SetupError(
                f"engine ppocr: ONNX Runtime cannot use {device}: CUDA or cuDNN is missing or too old for "
                'it; install them with: pip install "onnxruntime-gpu[cuda,cudnn]", or use runtime torch'
            )
        self._input = self._session.get_inputs()[0]

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
            raise engine_error(err) from err
        return output


def _providers(device: str, available: list[str]) -> list[Any]:
    """Gives what ONNX Runtime is to compute with, first choice first.

    Raises:
        SetupError: it was built without CUDA.
    """
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if CUDA_PROVIDER not in available:
        raise SetupError(
            f"engine ppocr: the installed ONNX Runtime was built for CPUs and cannot use {device}; replace it: "
            "pip uninstall onnxruntime, then pip install onnxruntime-gpu, or use runtime torch"
        )
    # TF32 would round the factors of products to 10 bits; another algorithm may be tried out for every new shape.
    settings = {"device_id": int(device.partition(":")[2] or 0), "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    return [(CUDA_PROVIDER, settings), "CPUExecutionProvider"]


def engine_error(err: Exception) -> EngineError:
    """Gives the error of a runtime in our words, and tells whether memory was short."""
    text = str(err).strip()
    short_of_memory = "bad_alloc" in text or "allocate" in text.lower()
    kind = FailureKind.ENGINE_OUT_OF_MEMORY if short_of_memory else FailureKind.ENGINE_ERROR
    return EngineError(text or type(err).__name__, kind)
