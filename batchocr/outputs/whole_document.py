"""What can be told of a page only when the whole document is known: tables over several pages, levels of headings.

All pages are read from the spool once before the first is written, one at a time; what is kept of them are small
numbers. While a joined table is written it is in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchocr.outputs.joining import TableJoiner
from batchocr.outputs.spool import StoredPage, read_page
from batchocr.outputs.titles import TitleLevels


class WholeDocument:
    """Gives pages as they look in the context of their document.

    Where there is anything to do, the Markdown is written from the blocks: an engine's own Markdown of a page knows
    neither the next page's table nor the document's headings.

    Args:
        places: page number to segment and offset, ascending.
        join_tables: a table that goes on over pages becomes one, shown where it begins.
        relevel_titles: heading levels are made consistent.

    Raises:
        StorageError: the spool cannot be read; also from `seen_whole`.
    """

    def __init__(
        self, places: Mapping[int, tuple[Path, int]], *, join_tables: bool = False, relevel_titles: bool = False
    ) -> None:
        self._places = places
        self._joiner = TableJoiner() if join_tables else None
        self._titles = TitleLevels() if relevel_titles else None
        if self._joiner or self._titles:
            for page_no in places:
                meta = self._meta(page_no)
                for looker in (self._joiner, self._titles):
                    if looker is not None:
                        looker.look(meta)

    def seen_whole(self, page: StoredPage) -> StoredPage:
        """Gives a page with all that the document says of it."""
        meta = page.meta
        if self._joiner:
            meta = self._joiner.joined(meta, self._meta)
        if self._titles:
            meta = self._titles.levelled(meta)
        if (self._joiner or self._titles) and meta["blocks"]:
            meta = {**meta, "markdown": None}
        return replace(page, meta=meta)

    def _meta(self, page_no: int) -> Mapping[str, Any]:
        return read_page(*self._places[page_no]).meta
