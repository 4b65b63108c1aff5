from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ppocr_pages import SENTENCES, page_of, picture, sentences
from rapidfuzz.distance import Levenshtein
from support.missing import missing

from batchocr.engines.ppocr.parity import Reader, compare, edit_distance, parse_variant
from batchocr.engines.ppocr.runtime import Floats, Network
from batchocr.engines.ppocr.weights import find_weights
from batchocr.errors import ConfigError, SetupError


class OneClassFurther(Network):
    """A recognizer that takes each character for the one after it in the dictionary."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.characters = network.characters

    def __call__(self, tensor: Floats) -> Floats:
        answer = self._network(tensor).copy()
        answer[:, :, 1:] = np.roll(answer[:, :, 1:], 1, axis=2)
        return answer

    def release_memory(self) -> None:
        self._network.release_memory()


def reader(text: str) -> Reader:
    try:
        return Reader(parse_variant(text, threads=1), find_weights())
    except SetupError as err:
        missing(str(err))


@given(st.text(max_size=30), st.text(max_size=30))
@settings(deadline=None)
def test_edit_distance_is_that_of_levenshtein(one: str, other: str) -> None:
    assert edit_distance(one, other) == Levenshtein.distance(one, other)


def test_runtimes_that_agree_differ_in_nothing_but_the_last_digits() -> None:
    count, (first, other) = compare([page_of(sentences())], [reader("openvino"), reader("onnxruntime")])
    assert count == 1
    assert first.networks == {}
    assert first.lines == other.lines == len(SENTENCES)
    assert (other.lines_otherwise, other.wrong_characters, other.examples) == (0, 0, [])
    assert other.characters == sum(map(len, SENTENCES))
    assert other.networks.keys() == {"detection", "recognition"}
    for difference in other.networks.values():
        assert difference.calls >= 1
        assert 0 < difference.max_abs < 1e-3
        assert difference.decided_otherwise == 0
    assert other.seconds.keys() == {"detect", "orient", "recognize"}


def test_runtime_that_reads_otherwise_is_found_out() -> None:
    first, other = reader("onnxruntime"), reader("onnxruntime")
    other.networks["recognition"] = OneClassFurther(other.networks["recognition"])
    page = picture([(60, 60, "Pack my box")])
    _, (_, report) = compare([page_of(page, page_no=7)], [first, other])
    assert report.networks["detection"].max_abs == 0.0
    assert report.networks["recognition"].max_abs > 0.5
    assert 0 < report.networks["recognition"].decided_otherwise < report.networks["recognition"].places
    assert report.wrong_characters > 0
    assert report.lines_otherwise == 1
    (example,) = report.examples
    assert example[:2] == (7, "Pack my box")
    assert example[2] != "Pack my box"


def test_turned_page_is_compared_upright() -> None:
    page = page_of(np.ascontiguousarray(np.rot90(sentences())))
    _, (_, other) = compare([page], [reader("onnxruntime"), reader("openvino")])
    assert other.characters == sum(map(len, SENTENCES))


@pytest.mark.parametrize(
    ("text", "runtime", "precision", "device"),
    [
        ("openvino", "openvino", "f32", "cpu"),
        ("openvino:bf16", "openvino", "bf16", "cpu"),
        ("torch@gpu:1", "torch", "f32", "gpu:1"),
        ("onnxruntime:f32@cpu", "onnxruntime", "f32", "cpu"),
    ],
)
def test_variant_names_runtime_precision_and_device(text: str, runtime: str, precision: str, device: str) -> None:
    found = parse_variant(text, threads=2)
    assert (found.name, found.device) == (text, device)
    assert (found.options.runtime, found.options.precision, found.options.threads) == (runtime, precision, 2)


@pytest.mark.parametrize(
    "text",
    ["", "mnn", "openvino:int4", "openvino@gpu:0", "torch:bf16", "onnxruntime:int8", "torch@cuda:0", "torch@gpu"],
)
def test_variant_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="runtimes: "):
        parse_variant(text, threads=1)
