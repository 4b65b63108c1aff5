from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support.missing import missing
from support.onnx_files import node, recognizer_nodes, write_onnx

from batchocr.engines.ppocr.options import Runtime
from batchocr.engines.ppocr.runtime import Network, open_network
from batchocr.engines.ppocr.weights import NetworkFile, find_weights
from batchocr.errors import EngineError, SetupError

RUNTIMES: tuple[Runtime, ...] = ("openvino", "onnxruntime", "torch")


def opened(file: NetworkFile, runtime: Runtime) -> Network:
    if runtime == "torch" and find_spec("torch") is None:
        pytest.skip("PyTorch is not installed here; tests of the runtime torch need it")
    try:
        return open_network(file, runtime, threads=1, precision="f32")
    except SetupError as err:
        missing(str(err))


def recognizer(runtime: Runtime) -> Network:
    return opened(find_weights().recognition, runtime)


def noise(width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(1).uniform(-1, 1, (1, 3, 48, width)).astype(np.float32)


@pytest.mark.parametrize("runtime", RUNTIMES[1:])
@pytest.mark.parametrize(("name", "shape"), [("detection", (1, 3, 96, 160)), ("recognition", (2, 3, 48, 168))])
def test_runtime_computes_the_same_numbers(runtime: Runtime, name: str, shape: tuple[int, ...]) -> None:
    file = getattr(find_weights(), name)
    one, other = opened(file, "openvino"), opened(file, runtime)
    tensor = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    np.testing.assert_allclose(one(tensor), other(tensor), atol=1e-4)


def test_torch_computes_the_classifier_in_the_wheel_too() -> None:
    folder = find_weights().detection.path.parent
    file = NetworkFile(folder / "ch_ppocr_mobile_v2.0_cls_mobile.onnx")
    one, other = opened(file, "onnxruntime"), opened(file, "torch")
    tensor = np.random.default_rng(1).uniform(-1, 1, (3, 3, 48, 192)).astype(np.float32)
    np.testing.assert_allclose(one(tensor), other(tensor), atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_network_answers_the_same_after_giving_back_its_memory(runtime: Runtime) -> None:
    network = recognizer(runtime)
    before = network(noise(160)).copy()
    network.release_memory()
    assert np.array_equal(network(noise(160)), before)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_fault_of_the_runtime_is_an_engine_error(runtime: Runtime) -> None:
    network = recognizer(runtime)
    with pytest.raises(EngineError):
        network(np.zeros((1, 2, 48, 160), np.float32))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_file_that_is_no_network_is_a_setup_error(runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"this is no network")
    recognizer(runtime)
    with pytest.raises(SetupError, match=r"broken\.onnx"):
        open_network(NetworkFile(path), runtime, threads=1, precision="f32")


def test_openvino_neither_calls_home_nor_writes_to_it(tmp_path: Path) -> None:
    recognizer("openvino")
    code = """
import sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(("socket.", "urllib.", "http.")) else None)
from batchocr.engines.ppocr.runtime import open_network
from batchocr.engines.ppocr.weights import find_weights
open_network(find_weights().detection, "openvino", threads=1, precision="f32")
print(seen)
"""
    environment = {**os.environ, "HOME": str(tmp_path), "CI": "", "XDG_CACHE_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("runtime", "words"), [("onnxruntime", "onnxruntime-gpu"), ("torch", "pytorch.org")])
def test_gpu_that_the_library_cannot_use_is_refused_with_the_remedy(runtime: Runtime, words: str) -> None:
    recognizer(runtime)
    if gpu_is_usable(runtime):
        pytest.skip(f"{runtime} sees a GPU here")
    with pytest.raises(SetupError, match=words):
        open_network(find_weights().on("gpu:0").recognition, runtime, threads=1, precision="f32")


def gpu_is_usable(runtime: Runtime) -> bool:
    if runtime == "torch":
        import torch

        return bool(torch.cuda.is_available())
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def test_operator_that_torch_is_not_told_of_is_named(tmp_path: Path) -> None:
    recognizer("torch")
    lengths = (None, 3, None, None), (None, 1, None, None)
    path = write_onnx(tmp_path / "net.onnx", *lengths, nodes=[node("Gelu", ["x"], "t"), node("Relu", ["t"], "y")])
    with pytest.raises(SetupError, match="operators that the runtime torch does not know: Gelu"):
        open_network(NetworkFile(path), "torch", threads=1, precision="f32")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_small_network_of_a_user_runs(runtime: Runtime, tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "net.onnx", (None, 3, 48, None), (None, None, 4), nodes=recognizer_nodes(4))
    network = opened(NetworkFile(path, characters=("a", "b")), runtime)
    tensor = noise(40)
    answer = network(tensor)
    assert answer.shape == (1, 40, 4)
    np.testing.assert_allclose(answer[0, :, 3], tensor[0].mean(axis=(0, 1)), atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
@pytest.mark.parametrize(("name", "shape"), [("detection", (1, 3, 96, 160)), ("recognition", (2, 3, 48, 168))])
def test_gpu_computes_what_the_cpu_computes(runtime: Runtime, name: str, shape: tuple[int, ...]) -> None:
    one = opened(getattr(find_weights(), name), runtime)
    if not gpu_is_usable(runtime):
        pytest.skip(f"{runtime} sees no GPU here")
    other = opened(getattr(find_weights().on("gpu:0"), name), runtime)
    tensor = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    np.testing.assert_allclose(one(tensor), other(tensor), atol=1e-3)
    other.release_memory()
    np.testing.assert_allclose(one(tensor), other(tensor), atol=1e-3)
