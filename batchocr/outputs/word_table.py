"""Writes a grid of cells as the rows of a Word table. Loads python-docx: wanted only with format `docx`.

python-docx's own way to a cell walks through the whole table each time, so the rows are made as XML.
"""

from __future__ import annotations

from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from batchocr.outputs.html_table import Cell, Table

MAX_COLUMNS = 63  # Word opens no table with more


def table_element(table: Table, style_id: str) -> Any:
    """Gives a grid of at most `MAX_COLUMNS` columns as a `w:tbl`; Word repeats the rows of its head on each page."""
    element = OxmlElement("w:tbl")
    properties = OxmlElement("w:tblPr")
    properties.append(_with_value("w:tblStyle", style_id))
    element.append(properties)
    widths = OxmlElement("w:tblGrid")
    widths.extend(OxmlElement("w:gridCol") for _ in range(table.columns))
    element.append(widths)
    # Cells that reach into rows below, by their column.
    reaching: dict[int, Cell] = {}
    for number, row in enumerate(table.rows):
        element.append(_row_element(row, number, table, reaching))
    return element


def _row_element(row: tuple[Cell, ...], number: int, table: Table, reaching: dict[int, Cell]) -> Any:
    element = OxmlElement("w:tr")
    if number < table.head_rows:
        properties = OxmlElement("w:trPr")
        properties.append(OxmlElement("w:tblHeader"))
        element.append(properties)
    starting = {cell.column: cell for cell in row}
    column = 0
    while column < table.columns:
        cell = starting.get(column) or reaching.get(column)
        if cell is not None and cell.row + cell.rowspan <= number:
            cell = None
        element.append(_cell_element(cell, begins=column in starting))
        if cell is not None:
            reaching[column] = cell
        column += cell.colspan if cell is not None else 1
    return element


def _cell_element(cell: Cell | None, *, begins: bool) -> Any:
    """Gives a `w:tc`: a cell, what goes on below a cell that spans rows, or (None) an empty place."""
    element = OxmlElement("w:tc")
    properties = OxmlElement("w:tcPr")
    if cell is not None and cell.colspan > 1:
        properties.append(_with_value("w:gridSpan", str(cell.colspan)))
    if cell is not None and cell.rowspan > 1:
        properties.append(_with_value("w:vMerge", "restart" if begins else "continue"))
    element.append(properties)
    paragraph = OxmlElement("w:p")
    element.append(paragraph)
    if cell is not None and begins and cell.text:
        run = paragraph.add_r()
        run.text = cell.text
        if cell.header:
            run.get_or_add_rPr().append(OxmlElement("w:b"))
    return element


def _with_value(name: str, value: str) -> Any:
    element = OxmlElement(name)
    element.set(qn("w:val"), value)
    return element
