from __future__ import annotations

import numpy as np
import numpy.typing as npt
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


class Dark(Network):
    """A stand-in that takes dark pixels for the cores of lines."""

    characters = ()

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, tensor: Floats) -> Floats:
        self.sizes.append((tensor.shape[2], tensor.shape[3]))
        return (tensor.mean(axis=1, keepdims=True) < 0).astype(np.float32)

    def release_memory(self) -> None:
        pass


def bars(count: int, pitch: int) -> npt.NDArray[np.uint8]:
    page = np.full((2000, 1414, 3), 255, np.uint8)
    for number in range(count):
        top = 20 + pitch * number
        page[top : top + 5, 200:1200] = 0
    return page


def test_page_of_small_print_is_searched_again_at_twice_the_scale_in_bands_of_the_first_search_size() -> None:
    network = Dark()
    Detector(network, 1280)(bars(60, 30))
    (first_rows, first_columns), *bands = network.sizes
    assert len(bands) >= 3
    assert [columns for _, columns in bands] == pytest.approx([2 * first_columns] * len(bands), rel=0.05)
    assert max(rows * columns for rows, columns in bands) < 1.8 * first_rows * first_columns


@pytest.mark.parametrize("pitch", [23, 30, 31, 37])
def test_lines_of_a_page_searched_in_bands_are_found_once_where_they_stand(pitch: int) -> None:
    count = 1900 // pitch
    quads = Detector(Dark(), 1280)(bars(count, pitch))
    middles = [float(quad[:, 1].mean()) for quad in quads]
    assert middles == pytest.approx([22.5 + pitch * number for number in range(count)], abs=3)


def test_line_that_runs_along_the_page_s_edge_is_not_cut_between_bands() -> None:
    page = bars(60, 30)
    page[100:1900, 60:66] = 0
    tall = [quad for quad in Detector(Dark(), 1280)(page) if np.ptp(quad[:, 1]) > np.ptp(quad[:, 0])]
    assert [float(np.ptp(quad[:, 1])) for quad in tall] == [pytest.approx(1800, abs=40)]


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
