from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

from outputs_builders import block, noise, record

from batchocr.datatypes import Assembly, FailedPages
from batchocr.errors import FailureKind
from batchocr.outputs.json_document import JsonWriter
from batchocr.outputs.spool import read_segment


def test_a_document_is_valid_json_with_a_line_per_page(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    first = record(
        1, block("table", "漢", score=0.98765, html="<table>", image="a"), images={"a": noise()}, raw={"x": 1}
    )
    segment = read_segment(Path(write_segment("s", [first, record(2)])))
    file = io.StringIO()
    order = make_order(page_count=3, failed=(FailedPages(3, 3, FailureKind.TIMEOUT, "slow"),))
    writer = JsonWriter(file, order, with_images=True)
    for page in segment:
        writer.add_page(page)
    writer.close()
    document = json.loads(file.getvalue())
    assert list(document) == sorted(document)
    assert (document["schema"], document["page_count"], document["source"]) == (1, 3, "reports/doc.pdf")
    assert document["failed"] == [{"first_page": 3, "kind": "timeout", "last_page": 3, "message": "slow"}]
    assert [page["state"] for page in document["pages"]] == ["done", "blank"]
    assert document["pages"][0]["raw"] == {"x": 1}
    assert document["pages"][0]["blocks"] == [
        {
            "bbox": [10.0, 20.0, 60.0, 40.0],
            "html": "<table>",
            "image": "images/p0001_a.jpg",
            "label": "table",
            "level": None,
            "order": 1,
            "score": 0.9877,
            "text": "漢",
        }
    ]
    assert "漢" in file.getvalue().splitlines()[2]


def test_a_document_without_pages_is_valid_json(make_order: Callable[..., Assembly]) -> None:
    file = io.StringIO()
    JsonWriter(file, make_order(), with_images=False).close()
    assert json.loads(file.getvalue())["pages"] == []


def test_raw_data_that_other_files_hold_is_left_out(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    segment = read_segment(Path(write_segment("s", [record(1, raw={"paddlex": {"a": 1}, "own": 2})])))
    file = io.StringIO()
    writer = JsonWriter(file, make_order(), with_images=True, left_out=frozenset({"paddlex"}))
    for page in segment:
        writer.add_page(page)
    writer.close()
    assert json.loads(file.getvalue())["pages"][0]["raw"] == {"own": 2}
