"""Has OpenVINO compute most convolutions of the bundled networks in 8-bit integers.

Weights are rounded to 255 steps for each channel; activations to 256 steps of a range that was measured beforehand.
`int8_ranges.json` keeps these ranges, by network and convolution; `benchmarks/calibrate_int8.py` measures them.
Depthwise convolutions and those of the stem stay in floating point.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from batchocr.engines.ppocr.weights import NetworkFile, Weights
from batchocr.errors import SetupError

RANGES = Path(__file__).with_name("int8_ranges.json")
ACTIVATION_STEPS = 256
# Odd, so that zero is a step.
WEIGHT_STEPS = 255


def with_ranges(weights: Weights) -> Weights:
    """Gives networks that answer for their ranges, too, in the fingerprint.

    Raises:
        SetupError: the ranges of a network were never measured: it is not one of those in `rapidocr`, or a newer one.
    """
    for file in (weights.detection, weights.recognition):
        ranges_of(file.path)
    return Weights(_answering(weights.detection), _answering(weights.recognition))


def _answering(file: NetworkFile) -> NetworkFile:
    return replace(file, others=(*file.others, RANGES))


def ranges_of(network: Path) -> dict[str, tuple[float, float]]:
    """Gives convolution to the least and greatest of the numbers that go into it.

    Raises:
        SetupError: they were never measured for this network.
    """
    known = json.loads(RANGES.read_text("utf-8"))
    found: dict[str, tuple[float, float]] | None = known.get(hashlib.sha256(network.read_bytes()).hexdigest())
    if found is None:
        raise SetupError(
            f"engine ppocr: precision int8 knows the networks of rapidocr 3.10 only, not {network}; use precision f32"
        )
    return found


def quantize(model: Any, ranges: dict[str, tuple[float, float]]) -> None:
    """Puts the roundings into an OpenVINO model; the plugin for CPUs turns them into integer arithmetic."""
    from openvino import opset13

    def rounded(source: Any, low: Any, high: Any, steps: int) -> Any:
        ends = [opset13.constant(np.asarray(end, np.float32)) for end in (low, high)]
        return opset13.fake_quantize(source, *ends, *ends, steps).output(0)

    inputs: dict[tuple[str, int], Any] = {}
    for node in model.get_ordered_ops():
        if node.get_friendly_name() not in ranges:
            continue
        source, weights = node.input_value(0), node.input_value(1).get_node()
        key = (source.get_node().get_name(), source.get_index())
        if key not in inputs:
            inputs[key] = rounded(source, *_with_zero(*ranges[node.get_friendly_name()]), ACTIVATION_STEPS)
        reach = np.abs(weights.data).max(axis=tuple(range(1, weights.data.ndim)), keepdims=True)
        reach = np.maximum(reach, np.finfo(np.float32).tiny)
        node.input(0).replace_source_output(inputs[key])
        node.input(1).replace_source_output(rounded(weights, -reach, reach, WEIGHT_STEPS))
    model.validate_nodes_and_infer_types()


def _with_zero(low: float, high: float) -> tuple[float, float]:
    """Gives the range moved a little so that zero, which pads images, is one of its steps."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / (ACTIVATION_STEPS - 1)
    below = round(-low / step)
    return -below * step, (ACTIVATION_STEPS - 1 - below) * step
