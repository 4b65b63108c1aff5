"""Builders of small page records."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchocr.datatypes import Block, PageImage, PageResult
from batchocr.outputs.page_record import encode_page
from batchocr.outputs.spool import PageRecord

HEADER = {"sha256": "ab" * 32, "fingerprint": "cd" * 32, "page_nos": [1]}


def block(label: str = "text", text: str = "", order: int | None = 1, **more: Any) -> Block:
    return Block(label, (10.0, 20.0, 60.0, 40.0), order, text, **more)


def noise(height: int = 40, width: int = 30, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def record(page_no: int, *blocks: Block, **more: Any) -> PageRecord:
    """A page of 120 x 160 px at 200 dpi, encoded for every format."""
    page = PageImage(page_no, np.full((160, 120, 3), 250, np.uint8), 200.0, "x.pdf")
    result = PageResult(page_no, 120, 160, blocks, **more)
    formats = frozenset({"md", "json", "xlsx", "images", "pdf"})
    return encode_page(result, page, formats=formats, visualization_dpi=100)
