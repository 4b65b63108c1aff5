from __future__ import annotations

from batchocr.engines.ppocr.geometry import Frame
from batchocr.engines.ppocr.table_halves import joined_html, joined_plain, with_halves_joined
from batchocr.engines.ppocr.table_text import FilledTable
from batchocr.engines.ppocr.tables import make_grid


def table(rows: list[list[str]], left: float, *, top: float = 100.0, col_width: float = 60.0) -> FilledTable:
    spans = [(row, col, 1, 1) for row in range(len(rows)) for col in range(len(rows[0]))]
    row_edges = [top + 20.0 * row for row in range(len(rows) + 1)]
    col_edges = [left + col_width * col for col in range(len(rows[0]) + 1)]
    grid = make_grid(Frame(), row_edges, col_edges, spans)
    return FilledTable(grid, tuple(text for row in rows for text in row), 0, ())


def numbered(first: int, count: int) -> list[list[str]]:
    return [[str(number), str(100 + number)] for number in range(first, first + count)]


def test_list_that_goes_on_beside_itself_is_one_table_in_reading_order() -> None:
    # The right part begins a little higher, as on a skewed scan
    tables = [table(numbered(5, 4), 300, top=99.5), table(numbered(1, 4), 100)]
    (parts,) = with_halves_joined(tables)
    assert joined_plain(parts) == "\n".join("\t".join(row) for row in numbered(1, 8))


def test_header_that_both_parts_repeat_comes_once() -> None:
    head = [["No.", "Size"]]
    (parts,) = with_halves_joined([table(head + numbered(1, 3), 100), table(head + numbered(4, 2), 300)])
    assert joined_plain(parts).split("\n")[0] == "No.\tSize"
    assert joined_html(parts).count("<td>No.</td>") == 1
    assert joined_html(parts).count("<tr>") == 6


def test_tables_under_headers_of_their_own_stay_apart() -> None:
    left, right = [["No.", "Size"], *numbered(1, 3)], [["No.", "Price"], *numbered(4, 3)]
    assert len(with_halves_joined([table(left, 100), table(right, 300)])) == 2


def test_longer_wider_lower_or_other_tables_stay_apart() -> None:
    first = table(numbered(1, 4), 100)
    others = [
        table(numbered(5, 6), 300),
        table(numbered(5, 4), 300, col_width=120),
        table(numbered(5, 4), 300, top=140),
        table([["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]], 300),
        table([[*row, "9"] for row in numbered(5, 4)], 300, col_width=40),
    ]
    assert [len(with_halves_joined([first, other])) for other in others] == [2] * len(others)


def test_single_table_is_written_as_it_is() -> None:
    (parts,) = with_halves_joined([table(numbered(1, 1), 100)])
    assert joined_html(parts) == "<table><tr><td>1</td><td>101</td></tr></table>"
