"""Writes what a PaddleX pipeline itself said of each page, in the files that its `save_to_json` would write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from batchocr.datatypes import Assembly, DocumentFormat
from batchocr.outputs.paths import page_file
from batchocr.outputs.spool import StoredPage

# The key of `PageResult.raw` under which an engine gives the content of the pipeline's `json["res"]`.
RAW_KEY = "paddlex"
FOLDER = "paddlex"
# PaddleX counts the pages of these; an image file is no page to it.
_PAGED = frozenset({DocumentFormat.PDF, DocumentFormat.TIFF})


class PaddlexJsonWriter:
    """Writes `paddlex/p0003_res.json` for each page. Nothing is kept between pages.

    Args:
        folder: of the document.
        order: what is told of the document: the pipeline saw an array and knows neither name nor page.
        warn: is told (message, page number) where there is nothing to write.
    """

    def __init__(self, folder: Path, order: Assembly, warn: Callable[[str, int], None]) -> None:
        self._folder = folder / FOLDER
        self._order = order
        self._warn = warn

    def add_page(self, page: StoredPage) -> None:
        """Writes the pipeline's result of a page; raises OSError as `open` does."""
        result = page.meta["raw"].get(RAW_KEY)
        if not isinstance(result, Mapping):
            self._warn("the engine gave no result of a PaddleX pipeline, so there is no paddlex/ file", page.page_no)
            return
        self._folder.mkdir(exist_ok=True)
        path = self._folder / page_file(page.page_no, "res", ".json")
        # A name that is not UTF-8 keeps its bytes as JSON escapes.
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            json.dump(self._placed(result, page.page_no), file, indent=4, ensure_ascii=False, allow_nan=False)

    def _placed(self, result: Mapping[str, Any], page_no: int) -> dict[str, Any]:
        """Gives the result with the document's name and the page's place in it, where it has room for them."""
        paged = self._order.format in _PAGED
        known = {
            "input_path": self._order.source,
            "page_index": page_no - 1 if paged else None,
            "page_count": self._order.page_count if paged else None,
        }
        return {key: known.get(key, value) for key, value in result.items()}
