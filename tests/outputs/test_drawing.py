from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from batchocr.datatypes import Block
from batchocr.outputs.drawing import STRIP_ROWS, draw_layout, encode_crop, encode_visualization


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.3])
def test_page_drawn_in_strips_has_no_seams(scale: float) -> None:
    page = np.zeros((3 * STRIP_ROWS + 17, 61, 3), np.uint8)
    page[:] = np.linspace(0, 255, page.shape[0]).astype(np.uint8)[:, None, None]

    drawn = np.asarray(Image.open(io.BytesIO(encode_visualization(page, scale, 10_000))).convert("L")).astype(int)

    assert drawn.shape == (round(page.shape[0] * scale), round(61 * scale))
    rows = drawn[:, 5]
    assert abs(int(rows[0])) <= 6
    assert abs(int(rows[-1]) - 255) <= 6
    assert (np.diff(rows) >= -3).all()
    assert np.diff(rows).max() <= 6  # a strip in the wrong place would be a jump


def test_crop_keeps_every_pixel_of_a_picture_taller_than_a_strip() -> None:
    page = np.repeat(np.arange(4, dtype=np.uint8)[:, None, None] * 60, STRIP_ROWS, axis=0)
    page = np.ascontiguousarray(np.broadcast_to(page, (4 * STRIP_ROWS, 9, 3)))
    page[..., 0] = 200  # blue, so that swapped channels are seen

    suffix, data = encode_crop(page)

    assert suffix == ".png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)))[:, :, ::-1], page)


def test_drawing_is_no_larger_than_its_limit() -> None:
    block = Block("text", (10.0, 10.0, 500.0, 300.0), 1, "words")
    drawn = Image.open(io.BytesIO(draw_layout(noise(900, 700), 700, [block], 1.0, 300)))
    assert max(drawn.size) == 300
