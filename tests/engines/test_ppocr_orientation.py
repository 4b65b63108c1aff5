from __future__ import annotations

import numpy as np
import pytest
from ppocr_pages import loaded_engine, picture, sentences

from batchocr.engines.ppocr.detection import Detector
from batchocr.engines.ppocr.orientation import quarter_turns, turned_box, turned_pixels
from batchocr.engines.ppocr.recognition import Recognizer
from batchocr.engines.ppocr.runtime import open_network
from batchocr.engines.ppocr.weights import find_weights


@pytest.fixture(scope="module")
def networks() -> tuple[Detector, Recognizer]:
    loaded_engine()
    weights = find_weights()
    detection, recognition = (
        open_network(path, "openvino", threads=1, precision="f32") for path in (weights.detection, weights.recognition)
    )
    return Detector(detection, 1280), Recognizer(recognition)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_page_is_turned_back(networks: tuple[Detector, Recognizer], turns: int) -> None:
    detector, recognizer = networks
    page = turned_pixels(sentences(), turns)
    assert quarter_turns(page, detector(page), recognizer) == (4 - turns) % 4


def test_page_without_long_lines_stays_as_it_is(networks: tuple[Detector, Recognizer]) -> None:
    detector, recognizer = networks
    page = turned_pixels(picture([(60, 60, "No")]), 2)
    assert quarter_turns(page, detector(page), recognizer) == 0


@pytest.mark.parametrize("turns", [-3, -1, 0, 1, 2, 3])
def test_box_goes_where_its_pixels_go(turns: int) -> None:
    page = np.zeros((50, 80, 3), np.uint8)
    page[10:20, 5:35] = 255
    rows, columns = np.nonzero(turned_pixels(page, turns)[:, :, 0])
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert turned_box((5, 10, 35, 20), turns, 80, 50) == expected
