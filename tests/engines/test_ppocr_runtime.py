from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.missing import missing

from batchocr.engines.ppocr.options import Runtime
from batchocr.engines.ppocr.runtime import Network, open_network
from batchocr.engines.ppocr.weights import find_weights
from batchocr.errors import EngineError, SetupError

RUNTIMES: tuple[Runtime, ...] = ("openvino", "onnxruntime")


def recognizer(runtime: Runtime) -> Network:
    try:
        return open_network(find_weights().recognition, runtime, threads=1, precision="f32")
    except SetupError as err:
        missing(str(err))


def noise(width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(1).uniform(-1, 1, (1, 3, 48, width)).astype(np.float32)


def test_runtimes_agree_on_dictionary_and_numbers() -> None:
    one, other = (recognizer(runtime) for runtime in RUNTIMES)
    assert one.characters == other.characters
    assert one(noise(320)).shape[2] == len(one.characters) + 2
    np.testing.assert_allclose(one(noise(320)), other(noise(320)), atol=1e-4)


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
        open_network(path, runtime, threads=1, precision="f32")


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
