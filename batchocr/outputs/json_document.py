"""Writes a document as JSON, page by page. The schema is told in docs/output-format.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from batchocr.datatypes import Assembly, FailedPages
from batchocr.outputs.spool import StoredPage

SCHEMA = 1


class JsonWriter:
    """Writes one document's JSON: a line per page, keys sorted. Nothing is kept between pages.

    Args:
        file: open for text, UTF-8 with `errors="backslashreplace"` (a lone surrogate in the source name then becomes
            its JSON escape); the caller closes it after `close`.
        order: what is told of the document.
        with_images: image files are written, so that blocks may name them.
        left_out: keys of `raw` that other files of the folder hold.
    """

    def __init__(
        self, file: IO[str], order: Assembly, *, with_images: bool, left_out: frozenset[str] = frozenset()
    ) -> None:
        self._file = file
        self._order = order
        self._with_images = with_images
        self._left_out = left_out
        self._separator = "\n"
        before = {"dpi": order.dpi, "engine": order.engine, "failed": [failed_entry(entry) for entry in order.failed]}
        self._file.write(f"{_dumped({**before, 'page_count': order.page_count})[:-1]},\n" + '"pages": [')

    def add_page(self, page: StoredPage) -> None:
        """Writes a page."""
        raw = {key: value for key, value in page.meta["raw"].items() if key not in self._left_out}
        entry = page_entry({**page.meta, "raw": raw}, with_images=self._with_images)
        self._file.write(self._separator + _dumped(entry))
        self._separator = ",\n"

    def close(self) -> None:
        """Writes what stands after the pages."""
        after = {"schema": SCHEMA, "sha256": self._order.sha256, "source": self._order.source}
        self._file.write(f"\n],\n{_dumped(after)[1:]}\n")


def page_entry(meta: Mapping[str, Any], *, with_images: bool) -> dict[str, Any]:
    """Gives what the document's JSON says of one page."""
    blocks = [_block_entry(block, with_images=with_images) for block in meta["blocks"]]
    entry = {key: meta[key] for key in ("dpi", "height_px", "page_no", "state", "warnings", "width_px")}
    return {**entry, "blocks": blocks, **({"raw": meta["raw"]} if meta["raw"] else {})}


def _block_entry(block: Mapping[str, Any], *, with_images: bool) -> dict[str, Any]:
    """Gives a block without the joined table: each page's part of it is in that page's `html`."""
    entry = {key: value for key, value in block.items() if key != "joined_table"}
    return entry if with_images else {**entry, "image": None}


def failed_entry(failed: FailedPages) -> dict[str, Any]:
    """Gives a run of failed pages as JSON data, in the document and in the manifest alike."""
    return {
        "first_page": failed.first_page,
        "last_page": failed.last_page,
        "kind": failed.kind.value,
        "message": failed.message,
    }


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
