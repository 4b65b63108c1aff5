from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outputs_builders import block, record

from batchocr.outputs.spool import read_segment
from batchocr.outputs.xlsx import XlsxWriter, exact_number


@pytest.fixture
def sheet_of(tmp_path: Path, write_segment: Callable[..., str]):
    """Writes one table and gives its sheet as openpyxl reads it, and the warnings."""

    def write(html: str):
        segment = read_segment(Path(write_segment("s", [record(3, block("table", html=html))])))
        warnings: list[tuple[str, int]] = []
        writer = XlsxWriter(tmp_path / "t.xlsx", lambda message, page_no: warnings.append((message, page_no)))
        for page in segment:
            writer.add_page(page)
        writer.close()
        return openpyxl.load_workbook(tmp_path / "t.xlsx")["p003_t1"], warnings

    return write


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "@SUM(1)", "-x", "http://evil", "{=1}", "_x0041_", "007", "1.50", "TRUE", "1e5", "#REF!"]
)
def test_text_stays_text_and_is_never_a_formula_or_link(sheet_of, text: str) -> None:
    sheet, _ = sheet_of(f"<table><tr><td>{text}</td><td colspan=2>{text}</td></tr></table>")
    for cell in (sheet["A1"], sheet["B1"]):
        assert cell.data_type == "s"
        assert cell.hyperlink is None
    assert openpyxl.utils.escape.unescape(sheet["A1"].value) in (text, "A")


def test_exact_numbers_become_numbers(sheet_of) -> None:
    sheet, _ = sheet_of("<table><tr><td>12</td><td>-3.5</td></tr></table>")
    assert [(cell.data_type, cell.value) for cell in sheet[1]] == [("n", 12), ("n", -3.5)]


def test_spans_become_merged_cells(sheet_of) -> None:
    sheet, _ = sheet_of("<table><tr><td rowspan=2>a<td colspan=2>=b<tr><td>c<td>d</table>")
    assert sorted(str(area) for area in sheet.merged_cells.ranges) == ["A1:A2", "B1:C1"]
    assert [sheet[place].value for place in ("A1", "B1", "B2", "C2")] == ["a", "=b", "c", "d"]


def test_a_cell_over_the_limit_is_cut_with_a_warning(sheet_of) -> None:
    sheet, warnings = sheet_of(f"<table><tr><td>{'x' * 40_000}</table>")
    assert len(sheet["A1"].value) == 32_767
    assert warnings == [("sheet p003_t1: a cell's text was cut to 32767 characters", 3)]


def test_sheet_names_stay_short_and_different(tmp_path: Path, write_segment: Callable[..., str]) -> None:
    tables = [block("table", html="<table><tr><td>1</table>", order=order) for order in range(1, 13)]
    segment = read_segment(Path(write_segment("s", [record(12345, *tables), record(1234, *tables)])))
    writer = XlsxWriter(tmp_path / "t.xlsx", lambda message, page_no: None)
    for page in segment:
        writer.add_page(page)
    writer.close()
    names = openpyxl.load_workbook(tmp_path / "t.xlsx").sheetnames
    assert names[11] == "p12345_t12"
    assert len({name.casefold() for name in names}) == 24
    assert max(map(len, names)) <= 31


def test_no_table_no_file(tmp_path: Path) -> None:
    XlsxWriter(tmp_path / "t.xlsx", lambda message, page_no: None).close()
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_holds_no_time_of_writing(sheet_of, tmp_path: Path) -> None:
    sheet_of("<table><tr><td>1</table>")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert b"2000-01-01T00:00:00Z" in archive.read("docProps/core.xml")
    assert [path.name for path in tmp_path.iterdir() if path.name != "spool"] == ["t.xlsx"]


@given(st.text("0123456789.-+e ", max_size=20) | st.floats(allow_nan=False).map(str) | st.integers().map(str))
def test_a_number_is_written_only_if_it_reads_back_as_the_same_text(text: str) -> None:
    number = exact_number(text)
    if number is not None:
        assert text == (str(int(number)) if number.is_integer() else repr(number))
