"""Writes the tables of a document as a workbook, one sheet per table.

A cell is a text or a number, never a formula or a link, whatever the document says.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from batchocr.outputs.blocks import block_tables
from batchocr.outputs.html_table import Cell, Table
from batchocr.outputs.spool import StoredPage

MAX_CELL_CHARS = 32_767
# A workbook needs a time of creation; a fixed one keeps its bytes the same.
_CREATED = datetime.datetime(2000, 1, 1)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,14})?")
_EXACT_DIGITS = 15


class XlsxWriter:
    """Writes one document's tables; no table, no file.

    XlsxWriter keeps the cells until the workbook is closed, so memory grows with the tables, not with the pages.

    Args:
        path: of the workbook.
        warn: is told (message, page number) what could not be written in full.
    """

    def __init__(self, path: Path, warn: Callable[[str, int], None]) -> None:
        self._path = path
        self._warn = warn
        self._workbook: Any = None

    def add_page(self, page: StoredPage) -> None:
        """Writes the tables of a page, in reading order."""
        blocks = sorted(page.meta["blocks"], key=lambda block: (block["order"] is None, block["order"] or 0))
        number = 0
        for block in blocks:
            # A table that began on a page before counts here and stands there.
            number += "continues" in block
            for table in block_tables(block):
                number += 1
                self._add_table(table, page.page_no, f"p{page.page_no:03d}_t{number}")

    def close(self) -> None:
        """Writes the workbook if there was a table; raises OSError as `open` does."""
        if self._workbook is None:
            return
        try:
            self._workbook.close()
        except FileCreateError as err:
            raise OSError(*err.args[0].args) from err

    def _add_table(self, table: Table, page_no: int, name: str) -> None:
        if self._workbook is None:
            # Its temporary files go where they are deleted with the folder if this process dies.
            self._workbook = xlsxwriter.Workbook(str(self._path), {"tmpdir": str(self._path.parent)})
            self._workbook.set_properties({"created": _CREATED})
            self._workbook.use_zip64()
        sheet = self._workbook.add_worksheet(name)
        for row in table.rows:
            for cell in row:
                if len(cell.text) > MAX_CELL_CHARS:
                    self._warn(f"sheet {name}: a cell's text was cut to {MAX_CELL_CHARS} characters", page_no)
                _write_cell(sheet, cell)


def _write_cell(sheet: Any, cell: Cell) -> None:
    row, column = cell.row, cell.column
    if cell.rowspan > 1 or cell.colspan > 1:
        # Merged without text: given one, XlsxWriter would take `=1+1` for a formula.
        sheet.merge_range(row, column, row + cell.rowspan - 1, column + cell.colspan - 1, "")
    if (number := exact_number(cell.text)) is not None:
        sheet.write_number(row, column, number)
    elif cell.text:
        sheet.write_string(row, column, cell.text[:MAX_CELL_CHARS])


def exact_number(text: str) -> float | None:
    """Gives the number that a spreadsheet shows as exactly this text, or None (`007`, `1.50`, `+1`, 20 digits)."""
    match = _NUMBER.fullmatch(text)
    if match is None or sum(character.isdigit() for character in text) > _EXACT_DIGITS:
        return None
    number = float(text)
    return number if f"{number + 0.0:.15g}" == text else None
