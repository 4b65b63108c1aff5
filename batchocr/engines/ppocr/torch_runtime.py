"""Runs one neural network in PyTorch, on the CPU or on a CUDA GPU, from its ONNX file.

Imported only when the runtime `torch` is wanted.
"""

from __future__ import annotations

from pathlib import Path

import torch

from batchocr.engines.ppocr.onnx_file import OnnxFileError, read_onnx
from batchocr.engines.ppocr.runtime import Floats, Network, engine_error
from batchocr.engines.ppocr.torch_graph import TorchGraph, UnknownOperatorError
from batchocr.errors import EngineError, SetupError


class TorchNetwork(Network):
    """A network on PyTorch."""

    def __init__(self, path: Path, threads: int, device: str) -> None:
        torch.set_num_threads(threads)
        # The same page is to give the same answer each time, in whole single precision.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        self._device = _torch_device(device)
        try:
            self._graph = TorchGraph(read_onnx(path), self._device)
        except (OSError, OnnxFileError, UnknownOperatorError, RuntimeError) as err:
            raise engine_error(err) from err

    def __call__(self, tensor: Floats) -> Floats:
        """See `Network`."""
        try:
            with torch.inference_mode():
                output: Floats = self._graph(torch.from_numpy(tensor).to(self._device)).cpu().numpy()
        except UnknownOperatorError as err:
            raise EngineError(str(err)) from err
        except RuntimeError as err:
            raise engine_error(err) from err
        return output

    def release_memory(self) -> None:
        """See `Network`."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _torch_device(device: str) -> torch.device:
    if device == "cpu":
        return torch.device("cpu")
    index = int(device.partition(":")[2] or 0)
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        raise SetupError(
            f"engine ppocr: PyTorch {torch.__version__} has no {device}: it was built for CPUs, or finds no "
            "driver that is new enough; install the build for your CUDA from https://pytorch.org/get-started"
        )
    return torch.device("cuda", index)
