from __future__ import annotations

import numpy as np
import pytest
from ppocr_pages import loaded_engine, picture, sentences

from batchocr.engines.ppocr.detection import Detector, short_side
from batchocr.engines.ppocr.options import PpOcrOptions
from batchocr.engines.ppocr.runtime import Floats, Network, open_network
from batchocr.engines.ppocr.weights import find_weights


class Painted(Network):
    """A stand-in that answers with a given map of probabilities, scaled to the size asked for."""

    characters = ()

    def __init__(self, boxes: list[tuple[float, float, float, float]], probability: float = 0.9) -> None:
        self.boxes = boxes
        self.probability = probability
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, tensor: Floats) -> Floats:
        rows, columns = tensor.shape[2:]
        self.sizes.append((rows, columns))
        answer = np.zeros((1, 1, rows, columns), np.float32)
        for x0, y0, x1, y1 in self.boxes:
            answer[0, 0, round(y0 * rows) : round(y1 * rows), round(x0 * columns) : round(x1 * columns)] = (
                self.probability
            )
        return answer

    def release_memory(self) -> None:
        pass


@pytest.fixture(scope="module")
def detector() -> Detector:
    loaded_engine()
    options = PpOcrOptions()
    network = open_network(find_weights().detection, options.runtime, threads=1, precision=options.precision)
    return Detector(network, options.det_long_side)


def test_each_line_gets_one_box_from_top_to_bottom(detector: Detector) -> None:
    quads = detector(sentences())
    tops = [float(quad[:, 1].min()) for quad in quads]
    assert len(quads) == 4
    assert tops == sorted(tops)


def test_corners_run_clockwise_from_the_top_left_and_stay_on_the_page(detector: Detector) -> None:
    for quad in detector(sentences()):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = quad.tolist()
        assert x0 < x1
        assert x3 < x2
        assert y0 < y3
        assert y1 < y2
        assert quad.min() >= 0
        assert quad[:, 0].max() <= 999
        assert quad[:, 1].max() <= 499


def test_light_text_on_a_dark_ground_is_found(detector: Detector) -> None:
    assert len(detector(255 - sentences())) == 4


def test_box_of_a_core_is_grown_by_its_area_over_its_outline() -> None:
    # Given a core of 200 x 20 px on a map at full scale
    network = Painted([(0.2, 0.45, 0.4, 0.55)])
    (quad,) = Detector(network, 1280)(np.zeros((192, 992, 3), np.uint8))
    width, height = float(np.ptp(quad[:, 0])), float(np.ptp(quad[:, 1]))
    # Then each side moves out by 1.6 * area / circumference, about 14 px
    assert width == pytest.approx(198 + 29, abs=6)
    assert height == pytest.approx(20 + 29, abs=6)
    assert short_side(quad) == pytest.approx(height, abs=1)


def test_faint_core_is_no_line() -> None:
    assert Detector(Painted([(0.2, 0.4, 0.4, 0.6)], probability=0.4), 1280)(np.zeros((192, 992, 3), np.uint8)) == []


def test_more_than_a_thousand_lines_are_all_found() -> None:
    places = [(0.01 + 0.03 * (n % 32), 0.01 + 0.025 * (n // 32)) for n in range(1248)]
    boxes = [(x, y, x + 0.01, y + 0.011) for x, y in places]
    assert len(Detector(Painted(boxes), 1280)(np.zeros((1000, 1000, 3), np.uint8))) == 1248


def test_page_of_small_print_is_searched_again_at_twice_the_scale() -> None:
    network = Painted([(0.1, 0.1 * n, 0.6, 0.1 * n + 0.004) for n in range(1, 9)])
    Detector(network, 1280)(np.zeros((2000, 1414, 3), np.uint8))
    (first_rows, _), (second_rows, _) = network.sizes
    assert second_rows == pytest.approx(2 * first_rows, rel=0.05)


def test_page_of_ordinary_print_is_searched_once() -> None:
    network = Painted([(0.1, 0.1 * n, 0.6, 0.1 * n + 0.015) for n in range(1, 9)])
    Detector(network, 1280)(np.zeros((2000, 1414, 3), np.uint8))
    assert len(network.sizes) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (20, 3000), (33, 31)])
def test_page_of_any_shape_is_searched_without_a_fault(detector: Detector, size: tuple[int, int]) -> None:
    quads = detector(np.full((size[1], size[0], 3), 255, np.uint8))
    assert quads == []


def test_search_of_a_huge_page_stays_within_its_area() -> None:
    network = Painted([])
    Detector(network, 1280)(np.zeros((500, 40000, 3), np.uint8))
    (rows, columns) = network.sizes[0]
    assert rows * columns < 1.3 * 1280**2 / 2**0.5


def test_empty_page_has_no_lines(detector: Detector) -> None:
    assert detector(picture([])) == []
