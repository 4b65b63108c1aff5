"""Segments and orders for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from outputs_builders import HEADER

from batchocr.datatypes import Assembly, DocumentFormat, PageRanges
from batchocr.outputs.spool import PageRecord, SegmentWriter


@pytest.fixture
def write_segment(tmp_path: Path) -> Callable[..., str]:
    """Writes page records to a segment and gives its path."""

    def write(name: str, records: Sequence[PageRecord], **header: Any) -> str:
        path = tmp_path / "spool" / name
        with SegmentWriter(path, {**HEADER, **header}) as writer:
            for page in records:
                writer.append(page)
            writer.sync()
        return str(path)

    return write


@pytest.fixture
def make_order(tmp_path: Path) -> Callable[..., Assembly]:
    """Gives an order for `reports/doc` in tmp_path/out, any field overridden."""

    def make(**fields: Any) -> Assembly:
        out = tmp_path / "out"
        given: dict[str, Any] = {
            "document_id": 1,
            "source": "reports/doc.pdf",
            "folder": "reports/doc",
            "output": str(out),
            "state_dir": str(out / ".batchocr"),
            "commit_id": "c1",
            "sha256": HEADER["sha256"],
            "size_bytes": 1234,
            "format": DocumentFormat.PDF,
            "page_count": 1,
            "page_nos": PageRanges.of([1]),
            "failed": (),
            "segments": (),
            "formats": ("md", "json", "xlsx", "images", "pdf"),
            "page_markers": True,
            "fingerprint": HEADER["fingerprint"],
            "engine": {"name": "fake", "output_version": 1},
            "dpi": 200,
            "visualization_dpi": 100,
        }
        return Assembly(**{**given, **fields})

    return make
