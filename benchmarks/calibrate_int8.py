"""Measures the ranges that precision int8 rounds to, on pages of the generator; writes engines/ppocr/int8_ranges.json.

    python benchmarks/calibrate_int8.py [--pages 18]

Needed when `rapidocr` brings other networks; run `bench_accuracy.py` after it. Its pages are other ones (another seed)
than those of the benchmarks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
from pages import DPI, make_pages

from batchocr.engines.ppocr.detection import Detector
from batchocr.engines.ppocr.int8 import RANGES
from batchocr.engines.ppocr.options import PpOcrOptions
from batchocr.engines.ppocr.recognition import Recognizer
from batchocr.engines.ppocr.runtime import Floats, Network
from batchocr.engines.ppocr.weights import NetworkFile, find_weights

SEED = 17
# The first convolutions see the picture itself and are left as they are.
STEM = 3
# Every so many lines of a page are read.
LINES = 4


class Listening(Network):
    """A network that keeps the least and greatest of what goes into its convolutions."""

    def __init__(self, file: NetworkFile) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(file.path)
        found = [node for node in model.get_ordered_ops() if _is_convolution(node)]
        self.names = [node.get_friendly_name() for node in found[STEM:]]
        answer = model.get_results()[0].input_value(0)
        outputs = [answer, *(node.input_value(0) for node in found[STEM:])]
        with_inputs = openvino.Model(outputs, model.get_parameters(), "listening")
        settings = {"INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": "NO"}
        self._request = core.compile_model(with_inputs, "CPU", settings).create_infer_request()
        self.characters = file.characters
        self.low, self.high = np.full(len(self.names), np.inf), np.full(len(self.names), -np.inf)

    def __call__(self, tensor: Floats) -> Floats:
        """Gives the answer, and listens."""
        self._request.infer([tensor])
        for place in range(len(self.names)):
            seen = self._request.get_output_tensor(place + 1).data
            self.low[place] = min(self.low[place], seen.min())
            self.high[place] = max(self.high[place], seen.max())
        answer: Floats = self._request.get_output_tensor(0).data.copy()
        return answer

    def release_memory(self) -> None:
        """Does nothing: the program is over soon."""

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Gives convolution to range."""
        ends = zip(self.low, self.high, strict=True)
        return {name: (round(float(a), 4), round(float(b), 4)) for name, (a, b) in zip(self.names, ends, strict=True)}


def _is_convolution(node: Any) -> bool:
    if node.get_type_name() != "Convolution":
        return False
    constant: bool = node.input_value(1).get_node().get_type_name() == "Constant"
    return constant


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=18)
    arguments = parser.parse_args()
    weights = find_weights()
    finder, reader = Listening(weights.detection), Listening(weights.recognition)
    detector, recognizer = Detector(finder, PpOcrOptions().det_long_side), Recognizer(reader)
    with tempfile.TemporaryDirectory(prefix="batchocr-int8-") as name:
        make_pages(Path(name), arguments.pages, SEED)
        for file in ("clean.pdf", "scan.pdf"):
            with pypdfium2.PdfDocument(Path(name) / file) as document:
                for page in list(document)[file == "scan.pdf" :: 2]:
                    image = page.render(scale=DPI / 72).to_pil().convert("RGB")
                    pixels = np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
                    recognizer(pixels, detector(pixels)[::LINES])
    found = {
        hashlib.sha256(file.path.read_bytes()).hexdigest(): network.ranges()
        for file, network in ((weights.detection, finder), (weights.recognition, reader))
    }
    RANGES.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(f"written to {RANGES}")


if __name__ == "__main__":
    main()
