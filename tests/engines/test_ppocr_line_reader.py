from __future__ import annotations

import numpy as np
import pytest
from ppocr_pages import SENTENCES, loaded_engine, picture, sentences

from batchocr.engines.ppocr.detection import Detector
from batchocr.engines.ppocr.line_reader import LineReader
from batchocr.engines.ppocr.recognition import Recognizer
from batchocr.engines.ppocr.runtime import open_network
from batchocr.engines.ppocr.tables import find_grids
from batchocr.engines.ppocr.weights import find_weights


@pytest.fixture(scope="module")
def reader() -> LineReader:
    loaded_engine()
    weights = find_weights()
    detection, recognition = (
        open_network(path, "openvino", threads=1, precision="f32") for path in (weights.detection, weights.recognition)
    )
    return LineReader(Detector(detection, 1280), Recognizer(recognition), drop_score=0.5)


def test_lines_carry_text_box_height_and_confidence(reader: LineReader) -> None:
    page, turns, quads = reader.find(sentences())
    lines = reader.read(page, quads, ())
    assert turns == 0
    assert [line.text for line in lines] == list(SENTENCES)
    for row, line in enumerate(lines):
        assert 40 <= line.bbox[0] <= 62
        assert 40 + 90 * row <= line.bbox[1] <= 75 + 90 * row
        assert 24 <= line.height_px <= 60
        assert line.score is not None
        assert line.score > 0.9


def test_page_on_its_head_is_read_upright(reader: LineReader) -> None:
    page, turns, quads = reader.find(np.ascontiguousarray(np.rot90(sentences(), 2)))
    assert turns == 2
    assert [line.text for line in reader.read(page, quads, ())] == list(SENTENCES)


def test_line_across_the_rule_of_a_table_is_cut_there(reader: LineReader) -> None:
    # Given a ruled table whose second cell begins where the first one's text ends
    page = picture([(60, 70, "Apples and pears"), (338, 70, "Plums"), (60, 170, "Cherries"), (338, 170, "Quinces")])
    for x in (40, 325, 600):
        page[40:240, x : x + 3] = 0
    for y in (40, 140, 240):
        page[y : y + 3, 40:603] = 0
    # When one detected box runs across both cells
    box = np.array([(50, 62), (470, 62), (470, 112), (50, 112)], np.float32)
    grids = find_grids(page)
    lines = reader.read(page, [box], grids)
    # Then the text of each cell is a line of its own
    assert [line.text for line in lines] == ["Apples and pears", "Plums"]


def test_line_is_not_cut_by_strokes_that_are_lower_than_it(reader: LineReader) -> None:
    page = sentences()
    small = picture([], size=(1000, 500))
    for x in range(200, 260, 20):
        small[70:90, x : x + 2] = 0
    for y in (70, 80, 90):
        small[y : y + 2, 200:242] = 0
    _, _, quads = reader.find(page)
    assert [line.text for line in reader.read(page, quads, find_grids(small))] == list(SENTENCES)


def test_lines_of_low_confidence_are_dropped(reader: LineReader) -> None:
    page, _, quads = reader.find(sentences())
    strict = LineReader(reader.detector, reader.recognizer, drop_score=1.0)
    assert len(strict.read(page, quads, ())) < len(reader.read(page, quads, ()))
