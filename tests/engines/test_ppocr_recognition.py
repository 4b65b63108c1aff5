from __future__ import annotations

import numpy as np
import pytest
from ppocr_pages import SENTENCES, loaded_engine, picture, sentences

from batchocr.engines.ppocr.detection import Quad
from batchocr.engines.ppocr.recognition import Reading, Recognizer, crop
from batchocr.engines.ppocr.runtime import Floats, Network, open_network
from batchocr.engines.ppocr.weights import find_weights
from batchocr.errors import SetupError


class Scripted(Network):
    """A stand-in that answers with the same classes for every line; probability 0.8 each."""

    def __init__(self, characters: tuple[str, ...], classes: list[int]) -> None:
        self.characters = characters
        self.classes = classes

    def __call__(self, tensor: Floats) -> Floats:
        answer = np.zeros((1, len(self.classes), len(self.characters) + 2), np.float32)
        answer[0, np.arange(len(self.classes)), self.classes] = 0.8
        return answer

    def release_memory(self) -> None:
        pass


def box(x0: float, y0: float, x1: float, y1: float) -> Quad:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


LINES = [box(50, 50 + 90 * row, 800, 110 + 90 * row) for row in range(4)]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    loaded_engine()
    return Recognizer(open_network(find_weights().recognition, "openvino", threads=1, precision="f32"))


def test_lines_are_read_in_the_order_given(recognizer: Recognizer) -> None:
    assert [reading.text for reading in recognizer(sentences(), LINES[::-1])] == list(SENTENCES[::-1])


def test_reading_of_a_line_does_not_depend_on_its_neighbours(recognizer: Recognizer) -> None:
    page = sentences()
    together = recognizer(page, [LINES[0], box(50, 140, 220, 200), LINES[2], LINES[3]])
    assert [recognizer(page, [LINES[2]])[0], recognizer(page, [LINES[0]])[0]] == [together[2], together[0]]


@pytest.mark.parametrize("turns", [1, 3])
def test_line_that_runs_up_or_down_is_read(recognizer: Recognizer, turns: int) -> None:
    strip = crop(sentences(), LINES[0])
    page = np.ascontiguousarray(np.rot90(strip, turns))
    height, width = page.shape[:2]
    (reading,) = recognizer(page, [box(0, 0, width - 1, height - 1)])
    assert reading.text == SENTENCES[0]


def test_digit_higher_than_wide_is_read_upright(recognizer: Recognizer) -> None:
    (reading,) = recognizer(picture([(40, 40, "7")], size=(120, 120)), [box(34, 40, 62, 84)])
    assert reading.text == "7"


def test_repeated_classes_are_one_character_unless_a_blank_parts_them() -> None:
    network = Scripted(("a", "b"), [0, 1, 1, 0, 1, 3, 2, 2, 0])
    reading = Recognizer(network).read(np.zeros((48, 96, 3), np.uint8))
    assert (reading.text, reading.score) == ("aa b", 0.8)


def test_nothing_recognized_is_an_empty_text_without_confidence() -> None:
    assert Recognizer(Scripted(("a",), [0, 0, 0])).read(np.zeros((48, 96, 3), np.uint8)) == Reading("", 0.0)


def test_weights_without_a_dictionary_are_refused() -> None:
    with pytest.raises(SetupError, match="dictionary"):
        Recognizer(Scripted((), []))


def test_strip_of_extreme_shape_is_read_without_a_fault(recognizer: Recognizer) -> None:
    for shape in ((1, 1, 3), (1, 9000, 3), (900, 2, 3)):
        assert recognizer.read(np.full(shape, 255, np.uint8)).score <= 1.0


def test_point_without_size_is_read_without_a_fault(recognizer: Recognizer) -> None:
    assert recognizer(sentences(), [box(5, 5, 5, 5)])[0].text == ""


def test_words_of_a_line_stand_where_they_are_written(recognizer: Recognizer) -> None:
    page = picture([(60, 60, "Total"), (400, 60, "1,540"), (520, 60, "kg net")])
    (reading,) = recognizer(page, [box(50, 50, 650, 110)])
    left, *others = [(word.text, 50 + 600 * word.start, 50 + 600 * word.end) for word in reading.words]
    assert reading.text == "Total 1,540 kg net"
    assert (left[0], left[1:]) == ("Total", pytest.approx((61, 138), abs=8))
    assert [text for text, _, _ in others] == ["1,540", "kg", "net"]
    assert [start for _, start, _ in others[:2]] == pytest.approx([402, 521], abs=6)


def test_heavy_strokes_weigh_more(recognizer: Recognizer) -> None:
    page = sentences()
    heavy = np.minimum(page, np.roll(page, 2, axis=1))
    (thin,), (thick,) = (recognizer(pixels, [LINES[0]]) for pixels in (page, heavy))
    assert thick.weight > 1.3 * thin.weight > 0
