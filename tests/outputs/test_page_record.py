from __future__ import annotations

import io
import json

import numpy as np
import pytest
from outputs_builders import block, noise, record
from PIL import Image

from batchocr.datatypes import Block, PageImage, PageResult
from batchocr.outputs.page_record import encode_page, json_safe


def test_a_page_without_blocks_is_blank() -> None:
    assert record(1).meta["state"] == "blank"
    assert record(1, block(text="x")).meta["state"] == "done"
    assert record(1, markdown="x").meta["state"] == "done"


def test_the_same_page_gives_the_same_bytes() -> None:
    one, other = (record(1, block(text="x"), images={"a": noise()}, visualizations={"ocr": noise()}) for _ in range(2))
    assert (one.meta, one.blobs) == (other.meta, other.blobs)


def test_a_photo_becomes_jpeg_and_a_drawing_the_smaller_of_both() -> None:
    drawing = np.zeros((200, 200, 3), np.uint8)
    drawing[::2] = (0, 0, 255)
    blobs = record(3, images={"photo": noise(200, 200), "drawing": drawing}).blobs
    assert Image.open(io.BytesIO(blobs["images/p0003_photo.jpg"])).format == "JPEG"
    assert Image.open(io.BytesIO(blobs["images/p0003_drawing.png"])).getpixel((0, 0)) == (255, 0, 0)


def test_the_layout_is_drawn_at_the_resolution_that_was_asked_for() -> None:
    page = record(1, block("text", "x"), block("table", "y", 2))
    assert page.meta["visualizations"] == {"layout": "visualizations/layout.jpg"}
    picture = Image.open(io.BytesIO(page.blobs["visualizations/layout.jpg"]))
    assert picture.size == (60, 80)
    assert len(picture.getcolors(10_000) or []) > 10


def test_a_visualization_of_the_engine_takes_the_place_of_ours() -> None:
    page = record(1, block(), visualizations={"layout": noise(160, 120), "../x": noise()})
    assert Image.open(io.BytesIO(page.blobs["visualizations/layout.jpg"])).size == (60, 80)
    assert all("/" not in kind and "." not in kind for kind in page.meta["visualizations"])


@pytest.mark.parametrize(
    ("formats", "images", "pictures"),
    [({"json"}, 0, 0), ({"md"}, 1, 0), ({"images"}, 1, 0), ({"pdf"}, 0, 1), ({"json", "xlsx"}, 0, 0)],
)
def test_pictures_that_nobody_asked_for_are_not_encoded(formats: set[str], images: int, pictures: int) -> None:
    page = PageImage(1, noise(), 200.0, "x")
    result = PageResult(1, 30, 40, (block(image="a"),), images={"a": noise()})
    encoded = encode_page(result, page, formats=frozenset(formats), visualization_dpi=100)
    assert (len(encoded.meta["images"]), len(encoded.meta["visualizations"])) == (images, pictures)
    assert len(encoded.blobs) == images + pictures


def test_a_stand_in_image_gets_no_layout() -> None:
    page = PageImage(1, np.zeros((1, 1, 3), np.uint8), 200.0, "x")
    encoded = encode_page(PageResult(1, 30, 40, (block(),)), page, formats=frozenset({"pdf"}), visualization_dpi=100)
    assert encoded.blobs == {}


def test_layout_is_drawn_on_a_thumbnail_as_on_its_page() -> None:
    inside = PageResult(1, 400, 200, (Block("text", (100.0, 40.0, 300.0, 160.0), 1, "words"),))
    pages = [
        PageImage(1, np.full((200, 400, 3), 255, np.uint8), 200.0, "x"),
        PageImage(1, np.full((100, 200, 3), 255, np.uint8), 200.0, "x", thumbnail_of=(400, 200)),
    ]
    small, large = (encode_page(inside, page, formats=frozenset({"pdf"}), visualization_dpi=100) for page in pages)
    assert small == large
    drawn = np.asarray(Image.open(io.BytesIO(small.blobs["visualizations/layout.jpg"])))
    assert drawn.shape == (100, 200, 3)
    assert drawn[50, 50].min() < 128  # the left edge of the box


def test_thumbnail_that_is_smaller_than_the_visualization_is_not_enlarged() -> None:
    page = PageImage(1, np.full((50, 100, 3), 255, np.uint8), 200.0, "x", thumbnail_of=(400, 200))
    whole = PageResult(1, 400, 200, (Block("text", (0.0, 0.0, 400.0, 200.0), 1, "words"),))
    encoded = encode_page(whole, page, formats=frozenset({"pdf"}), visualization_dpi=100)
    assert Image.open(io.BytesIO(encoded.blobs["visualizations/layout.jpg"])).size == (100, 50)


def test_malformed_pictures_are_left_out_with_a_warning() -> None:
    bad = {"empty": np.zeros((0, 5, 3), np.uint8), "grey": np.zeros((5, 5), np.uint8), "floats": np.zeros((5, 5, 3))}
    page = record(1, block(), images=bad)
    assert [name for name in page.blobs if name.startswith("images")] == []
    assert [warning.split()[1] for warning in page.meta["warnings"]] == ["empty", "grey", "floats"]


def test_hostile_values_become_plain_json() -> None:
    hostile = block("a\x00b\ud800", "t\x1b", score=float("nan"), html="<table>\x00")
    page = record(1, hostile, raw={"x": [float("inf"), {1: "\udc80"}, object]}, warnings=("w\x00",), markdown="m\x07")
    meta = json.loads(json.dumps(page.meta, allow_nan=False))
    assert meta == page.meta
    assert meta["blocks"][0]["label"] == "ab\ufffd"
    assert meta["blocks"][0]["score"] is None
    assert "\x00" not in str(meta)


def test_numbers_have_a_fixed_precision() -> None:
    meta = record(1, block(score=np.float32(0.123456))).meta  # type: ignore[arg-type]
    assert meta["blocks"][0]["score"] == 0.1235
    assert type(meta["blocks"][0]["score"]) is float


def test_deep_data_does_not_overflow() -> None:
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    assert str(json_safe(deep)).count("[") > 50


def test_a_table_that_was_cut_is_warned_of() -> None:
    page = record(1, block("table", html="<table>" + "<tr><td>x" * 20_001))
    assert "too large" in page.meta["warnings"][0]


def test_boxes_off_the_page_are_drawn_without_error() -> None:
    wild = block("text", "x").__class__("text", (1e9, -5.0, -1e9, float("nan")), 1, "x")
    assert "visualizations/layout.jpg" in record(1, wild).blobs
