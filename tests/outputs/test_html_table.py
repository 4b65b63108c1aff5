from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.outputs import html_table
from batchocr.outputs.html_table import Table, parse_tables, render_table

SOUP = st.lists(
    st.sampled_from(
        [
            "<table>",
            "</table>",
            "<tr>",
            "</tr>",
            "<td>",
            "</td>",
            "<th>",
            "<td rowspan=3>",
            '<td colspan="2" rowspan=99>',
            "<thead>",
            "</thead>",
            "<tbody>",
            "x",
            "<b>",
            "&lt;i&gt;",
            "<!--",
            "-->",
            "<![",
            "<!",
            "<?",
            "</",
            "<script>",
            "</script>",
            "<br>",
            "\n\n",
            "<td colspan=-1>",
            "<td rowspan=0>",
            "<p>",
            "<",
            ">",
            "&",
            "<td onclick='x'>",
        ]
    ),
    max_size=40,
).map("".join)


def grid(table: Table) -> list[list[str]]:
    """The table as a rectangle of texts; the place of a cell that spans over others is ''."""
    rows = [[""] * table.columns for _ in table.rows]
    for cell in (cell for row in table.rows for cell in row):
        rows[cell.row][cell.column] = cell.text
    return rows


@given(SOUP | st.text())
def test_any_input_gives_cells_that_neither_overlap_nor_leave_the_grid(source: str) -> None:
    for table in parse_tables(f"<table>{source}"):
        seen: set[tuple[int, int]] = set()
        for cell in (cell for row in table.rows for cell in row):
            slots = {
                (row, column)
                for row in range(cell.row, cell.row + cell.rowspan)
                for column in range(cell.column, cell.column + cell.colspan)
            }
            assert not slots & seen
            assert cell.row + cell.rowspan <= len(table.rows)
            assert cell.column + cell.colspan <= table.columns
            seen |= slots


@given(SOUP | st.text())
def test_what_is_written_holds_only_tables_and_no_blank_line(source: str) -> None:
    for table in parse_tables(f"<table>{source}</table>"):
        text = render_table(table)
        assert not re.search(r"\n\s*\n", text)
        for tag in re.findall(r"<[^>]*>?", text):
            assert re.fullmatch(r'</?(table|thead|tbody|tr|td|th)>|<br>|<t[dh]( rowspan="\d+")?( colspan="\d+")?>', tag)


@given(SOUP)
def test_what_is_written_reads_back_as_the_same_table(source: str) -> None:
    for table in parse_tables(f"<table>{source}</table>"):
        assert parse_tables(render_table(table)) == [table]


def test_spans_push_later_cells_aside() -> None:
    (table,) = parse_tables(
        "<table><tr><td rowspan=2>a<td colspan=2>b</tr><tr><td>c<td>d</tr><tr><td>e<td>f<td>g</tr></table>"
    )
    assert grid(table) == [["a", "b", ""], ["", "c", "d"], ["e", "f", "g"]]


def test_head_rows_are_kept() -> None:
    source = "<table>\n<thead>\n<tr><th>a</th></tr>\n</thead>\n<tbody>\n<tr><td>b</td></tr>\n</tbody>\n</table>"
    assert render_table(parse_tables(source)[0]) == source


def test_text_of_cells_is_kept_and_escaped() -> None:
    (table,) = parse_tables("<table><tr><td> 1 <br> x&lt;b&gt; &amp;amp; <p>q</p><script>evil()</script></table>")
    assert grid(table) == [["1\nx<b> &amp;\nq"]]
    assert "<td>1<br>x&lt;b&gt; &amp;amp;<br>q</td>" in render_table(table)


def test_a_table_within_a_cell_becomes_its_text() -> None:
    (table,) = parse_tables("<table><tr><td>a<table><tr><td>b</td><td>c</td></tr></table></td><td>d</td></tr></table>")
    assert [cell.text.split() for cell in table.rows[0]] == [["a", "b", "c"], ["d"]]


@pytest.mark.parametrize("limit", ["MAX_ROWS", "MAX_COLUMNS", "MAX_HTML_CHARS"])
def test_a_table_over_a_limit_says_that_it_was_cut(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "<table>" + "<tr><td>1</td><td>2</td><td>3</td></tr>" * 3 + "</table>"
    assert not parse_tables(source)[0].cut
    monkeypatch.setattr(html_table, limit, 2 if limit != "MAX_HTML_CHARS" else 60)
    assert parse_tables(source)[0].cut


def test_a_few_huge_spans_make_no_huge_grid() -> None:
    source = f"<table>{'<tr>' * 5_000}<tr><td rowspan=99999 colspan=1000></table>".replace(
        "<tr>", "<tr><td rowspan=99999 colspan=1000>", 1
    )
    (table,) = parse_tables(source)
    assert table.cut
    assert sum(cell.rowspan * cell.colspan for row in table.rows for cell in row) <= html_table.MAX_SLOTS
