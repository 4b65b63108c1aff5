from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pypdfium2
import pytest
from support.missing import missing

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The generator, with its fonts."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        module = importlib.import_module("pages")
    finally:
        sys.path.remove(str(BENCHMARKS))
    try:
        module.register_fonts()
    except SystemExit as err:
        missing(str(err))
    return module


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_truth_is_what_the_pages_say_of_themselves(pages: ModuleType, tmp_path: Path) -> None:
    truths = pages.make_pages(tmp_path, 9, seed=5, scans=False)
    with pypdfium2.PdfDocument(tmp_path / "clean.pdf") as document:
        written = [page.get_textpage().get_text_range() for page in document]
    assert len({truth.kind.rpartition(",")[0] for truth in truths}) == 9
    for truth, text in zip(truths, written, strict=True):
        assert sorted(squeezed("".join(truth.lines))) == sorted(squeezed(text))
        if "table" not in truth.kind:
            assert squeezed("".join(truth.lines)) == squeezed(text)


def test_same_seed_gives_the_same_files_and_fewer_pages_are_a_part_of_more(pages: ModuleType, tmp_path: Path) -> None:
    one = pages.make_pages(tmp_path / "one", 2, seed=5)
    same = pages.make_pages(tmp_path / "same", 2, seed=5)
    longer = pages.make_pages(tmp_path / "longer", 3, seed=5, scans=False)
    other = pages.make_pages(tmp_path / "other", 2, seed=6, scans=False)
    assert one == same == longer[:2]
    assert one != other
    for name in ("clean.pdf", "scan.pdf", "truth.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "same" / name).read_bytes()
    assert json.loads((tmp_path / "one" / "truth.json").read_text("utf-8"))[0]["lines"] == one[0].lines


def test_scans_are_images_at_200_dpi_without_a_text_layer(pages: ModuleType, tmp_path: Path) -> None:
    pages.make_pages(tmp_path, 1, seed=5)
    with pypdfium2.PdfDocument(tmp_path / "scan.pdf") as document:
        page = document[0]
        assert page.get_textpage().count_chars() == 0
        assert page.get_size() == pytest.approx((595.3, 841.9), abs=1)
        (image,) = page.get_objects()
        assert image.get_px_size() == (1654, 2339)
