from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from document_builders import png_header, written
from documents.document_bombs import tiff_of_frames
from PIL import Image

from batchocr.datatypes import Limits
from batchocr.documents.reader import RenderedPage, open_document
from batchocr.errors import DocumentError, FailureKind

WHITE, BLACK = [255, 255, 255], [0, 0, 0]


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def rendered(path: Path | str, page_no: int = 1, dpi: int = 200, limits: Limits | None = None) -> RenderedPage:
    reader = open_document(str(path), None, limits or Limits())
    try:
        return reader.render(page_no, dpi, want_text=True)
    finally:
        reader.close()


def marked(width: int = 40, height: int = 20) -> Image.Image:
    """White, with a red top left corner."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((255, 0, 0), (0, 0, width // 4, height // 4))
    return image


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp"])
def test_pixels_come_out_as_bgr_contiguous(tmp_path, name: str) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    page = rendered(saved(tmp_path / name, marked(), **options))
    assert page.pixels.shape == (20, 40, 3)
    assert page.pixels.flags.c_contiguous
    assert page.pixels[0, 0].tolist() == [0, 0, 255]
    assert page.pixels[-1, -1].tolist() == WHITE
    assert page.text_layer is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "F", "LA", "RGBA"])
def test_every_mode_of_tiff_keeps_black_and_white(tmp_path, mode: str) -> None:
    if mode in {"I;16", "F"}:
        values = np.zeros((8, 16), np.uint16 if mode == "I;16" else np.float32)
        values[:, 8:] = 65535 if mode == "I;16" else 1.0
        image = Image.fromarray(values)
    else:
        image = Image.new("L", (16, 8), 0)
        image.paste(255, (8, 0, 16, 8))
        image = image.convert("RGB").convert(mode) if mode != "LA" else image.convert("LA")
    page = rendered(saved(tmp_path / "a.tif", image))
    assert page.pixels[4, 2].max() < 40
    assert page.pixels[4, 12].tolist() == WHITE


def test_sixteen_bit_grey_of_twelve_bits_is_not_dark(tmp_path) -> None:
    values = np.full((8, 8), 4095, np.uint16)
    assert rendered(saved(tmp_path / "a.tif", Image.fromarray(values))).pixels.min() == 255


def test_float_image_with_nan_is_drawn(tmp_path) -> None:
    values = np.array([[0.0, np.nan, np.inf, 1.0]], np.float32)
    page = rendered(saved(tmp_path / "a.tif", Image.fromarray(values)))
    assert page.pixels[0, :, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_white_paper(tmp_path, mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    if mode == "P":
        image = Image.new("P", (8, 8), 1)
        image.paste(0, (0, 0, 4, 8))
        image.putpalette([0, 0, 0, 0, 0, 0])
        path = saved(tmp_path / "a.png", image, transparency=1)
    else:
        path = saved(tmp_path / "a.png", image.convert(mode))
    page = rendered(path)
    assert page.pixels[4, 1].tolist() == BLACK
    assert page.pixels[4, 6].tolist() == WHITE


def test_inverted_cmyk_jpeg_of_adobe_is_not_a_negative(tmp_path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("CMYK", (16, 16), (0, 0, 0, 0)))
    assert b"Adobe" in path.read_bytes()
    assert rendered(path).pixels.min() > 250


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_page_is_upright_whatever_the_exif_orientation(tmp_path, name: str, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = marked(160, 80)
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    page = rendered(saved(tmp_path / name, stored, exif=exif))
    assert page.pixels.shape == (80, 160, 3)
    assert page.pixels.flags.c_contiguous
    corners = [page.pixels[y, x, 0] < 128 for y in (8, 71) for x in (8, 151)]
    assert corners == [True, False, False, False]


def test_every_frame_of_a_tiff_is_a_page_and_any_order_works(tmp_path) -> None:
    frames = [Image.new("L", (10 + index, 10), 50 * index) for index in range(4)]
    path = saved(tmp_path / "a.tif", frames[0], save_all=True, append_images=frames[1:])
    reader = open_document(str(path), None, Limits())
    assert reader.page_count == 4
    for page_no in (3, 1, 4, 4):
        page = reader.render(page_no, 200, want_text=False)
        assert page.pixels.shape == (10, 9 + page_no, 3)
        assert page.pixels[0, 0, 0] == 50 * (page_no - 1)
    with pytest.raises(DocumentError) as caught:
        reader.render(5, 200, want_text=False)
    reader.close()
    assert caught.value.kind is FailureKind.PAGE_RENDER_FAILED


def test_tiff_is_followed_no_further_than_the_pages_that_are_allowed(tmp_path) -> None:
    path = written(tmp_path / "a.tif", tiff_of_frames(20))
    reader = open_document(path, None, Limits(max_pages=20))
    assert reader.page_count == 20
    reader.close()
    with pytest.raises(DocumentError, match="max_pages") as caught:
        open_document(path, None, Limits(max_pages=19))
    assert caught.value.kind is FailureKind.DOCUMENT_TOO_LARGE


def test_tiff_whose_frames_go_round_in_a_circle_has_each_of_them_once(tmp_path) -> None:
    reader = open_document(written(tmp_path / "a.tif", tiff_of_frames(3, cyclic=True)), None, Limits())
    assert reader.page_count == 3
    assert reader.render(3, 200, want_text=False).pixels.shape == (1, 1, 3)
    reader.close()


def test_animated_webp_is_one_page(tmp_path) -> None:
    frames = [marked(), Image.new("RGB", (40, 20))]
    path = saved(tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True)
    reader = open_document(str(path), None, Limits())
    assert reader.page_count == 1
    reader.close()
    assert rendered(path).pixels[-1, -1].tolist() == WHITE


@pytest.mark.parametrize(("tag", "expected"), [(300, 300), (1, 200), (5000, 200)])
def test_resolution_tag_is_believed_only_where_it_makes_sense(tmp_path, tag: int, expected: int) -> None:
    path = saved(tmp_path / "a.tif", marked(), dpi=(tag, tag))
    assert rendered(path).dpi == pytest.approx(expected)


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGB"), ("a.png", "P"), ("a.tif", "1"), ("a.jpg", "RGB")])
def test_image_over_the_limit_is_scaled_down_without_seams(tmp_path, name: str, mode: str) -> None:
    image = Image.new("L", (3000, 2000), 255)
    image.paste(0, (0, 0, 3000, 1000))
    path = saved(tmp_path / name, image.convert(mode), dpi=(300, 300))
    page = rendered(path, limits=Limits(max_page_pixels=600_000))
    height, width = page.pixels.shape[:2]
    assert 0.98 * 600_000 < height * width <= 600_000
    assert page.dpi == pytest.approx(300 * width / 3000, rel=0.01)
    assert "max_page_pixels" in page.warnings[0]
    assert page.pixels[: height // 2 - 2].max() < 30
    assert page.pixels[height // 2 + 2 :].min() > 225


def test_strips_of_a_large_image_join_exactly(tmp_path) -> None:
    rows = np.arange(5000, dtype=np.int64)[:, None] * 7 % 256
    values = np.broadcast_to(rows, (5000, 1500)).astype(np.uint8)
    page = rendered(saved(tmp_path / "a.png", Image.fromarray(values)))
    assert np.array_equal(page.pixels[:, :, 1], values)


def test_image_that_claims_to_be_vast_is_refused_before_it_is_decoded(tmp_path) -> None:
    path = written(tmp_path / "bomb.png", png_header(60_000, 60_000))
    with pytest.raises(DocumentError, match=r"60,000 x 60,000 px.*max_page_pixels") as caught:
        open_document(path, None, Limits())
    assert caught.value.kind is FailureKind.DOCUMENT_TOO_LARGE


def test_image_that_would_not_fit_into_memory_is_refused_before_it_is_decoded(tmp_path) -> None:
    path = written(tmp_path / "bomb.png", png_header(10_000, 10_000))
    with pytest.raises(DocumentError, match="render_memory_bytes"):
        open_document(path, None, Limits(render_memory_bytes=256 << 20))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp"])
def test_truncated_image_is_a_clear_failure(tmp_path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    path = saved(tmp_path / name, Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DocumentError, match="damaged"):
        rendered(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own words about damaged tags
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp"])
def test_no_damage_to_the_head_of_an_image_gets_past_as_anything_but_a_document_error(tmp_path, name: str) -> None:
    good = saved(tmp_path / name, marked()).read_bytes()
    chance = np.random.default_rng(1)
    outcomes = set()
    for _ in range(150):
        bad = bytearray(good)
        for position in chance.integers(4, len(bad), 4):
            bad[position] = chance.integers(0, 256)
        try:
            rendered(written(tmp_path / "bad", bytes(bad)), limits=Limits(max_page_pixels=1_000_000))
        except DocumentError:
            outcomes.add("failed")
        else:
            outcomes.add("drawn")
    assert "failed" in outcomes
