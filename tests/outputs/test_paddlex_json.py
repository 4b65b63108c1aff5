from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from outputs_builders import block, record

from batchocr.datatypes import Assembly, DocumentFormat
from batchocr.outputs.paddlex_json import PaddlexJsonWriter
from batchocr.outputs.spool import read_segment

RESULT = {"input_path": None, "page_index": None, "page_count": None, "width": 5, "rec_texts": ["漢"], "a": [1.5]}


def written(
    folder: Path, write_segment: Callable[..., str], order: Assembly, raw: dict[str, Any]
) -> list[tuple[str, int]]:
    warnings: list[tuple[str, int]] = []
    writer = PaddlexJsonWriter(folder, order, lambda message, page_no: warnings.append((message, page_no)))
    for page in read_segment(Path(write_segment("s", [record(3, block(), raw=raw)]))):
        writer.add_page(page)
    return warnings


def test_a_page_becomes_the_file_that_paddlex_would_write(
    tmp_path: Path, write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    assert written(tmp_path, write_segment, make_order(page_count=9), {"paddlex": RESULT}) == []
    text = (tmp_path / "paddlex/p0003_res.json").read_text("utf-8")
    expected = {**RESULT, "input_path": "reports/doc.pdf", "page_index": 2, "page_count": 9}
    assert text == json.dumps(expected, indent=4, ensure_ascii=False)


def test_an_image_file_has_no_page_number_as_in_paddlex(
    tmp_path: Path, write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    order = make_order(format=DocumentFormat.PNG, source="a\udcff.png")
    written(tmp_path, write_segment, order, {"paddlex": RESULT})
    found = json.loads((tmp_path / "paddlex/p0003_res.json").read_text("utf-8"))
    assert (found["input_path"], found["page_index"], found["page_count"]) == ("a\udcff.png", None, None)


def test_nothing_is_added_to_a_result_that_names_no_document(
    tmp_path: Path, write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    written(tmp_path, write_segment, make_order(), {"paddlex": {"x": 1}})
    assert json.loads((tmp_path / "paddlex/p0003_res.json").read_text("utf-8")) == {"x": 1}


def test_an_engine_without_such_results_is_warned_of(
    tmp_path: Path, write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    [(message, page_no)] = written(tmp_path, write_segment, make_order(), {"other": 1})
    assert ("PaddleX" in message, page_no) == (True, 3)
    assert not (tmp_path / "paddlex").exists()
