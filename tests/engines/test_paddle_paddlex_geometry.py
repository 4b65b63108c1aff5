from __future__ import annotations

import numpy as np
import pytest

from batchocr.datatypes import PageImage
from batchocr.engines.paddlex.geometry import Turn, bounding_box

PAGE = PageImage(1, np.zeros((40, 60, 3), np.uint8), 100.0, "a.pdf")


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_box_of_a_turned_page_is_put_back(turns: int) -> None:
    ink = np.zeros((40, 60), bool)
    ink[5:9, 11:30] = True
    rows, columns = np.nonzero(np.rot90(ink, turns))
    box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
    turn = Turn.of({"angle": 90 * turns, "model_settings": {"use_doc_unwarping": False}}, PAGE)
    assert turn.back(box) == (11.0, 5.0, 30.0, 9.0)
    assert (turn.width_px, turn.height_px, turn.warnings) == (60, 40, ())


def test_box_is_kept_within_the_page() -> None:
    assert Turn.of(None, PAGE).back((-3.0, -1.0, 70.0, 41.0)) == (0.0, 0.0, 60.0, 40.0)


def test_flattened_page_has_its_own_size_and_says_so() -> None:
    flat = {"angle": 180, "model_settings": {"use_doc_unwarping": True}, "output_img": np.zeros((30, 50, 3), np.uint8)}
    turn = Turn.of(flat, PAGE)
    assert (turn.width_px, turn.height_px) == (50, 30)
    assert turn.back((1.0, 2.0, 3.0, 4.0)) == (1.0, 2.0, 3.0, 4.0)
    assert "flattened" in turn.warnings[0]


@pytest.mark.parametrize(
    "shape",
    [
        [1, 2, 8, 9],
        np.array([[1, 2], [8, 2], [8, 9], [1, 9]]),
        [1, 2, 8, 2, 8, 9, 1, 9],
        [[1, 2, 3, 4], [5, 6, 8, 9]],
        ([1, 2, 8, 9],),
    ],
    ids=["box", "points", "corners in a row", "boxes", "wrapped"],
)
def test_every_way_of_writing_a_shape_has_its_bounding_box(shape: object) -> None:
    assert bounding_box(shape) == (1.0, 2.0, 8.0, 9.0)


@pytest.mark.parametrize("shape", [None, [], np.zeros((0, 4)), [[]], [1, 2, 3]])
def test_shape_without_points_has_no_box(shape: object) -> None:
    assert bounding_box(shape) is None
