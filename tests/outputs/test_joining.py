from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from outputs_builders import block, record
from support.json_schemas import strict

from batchocr.datatypes import Block
from batchocr.outputs.blocks import block_tables
from batchocr.outputs.html_table import render_table
from batchocr.outputs.joining import TableJoiner
from batchocr.outputs.json_document import page_entry


def table(*rows: str, tag: str = "td", order: int = 5) -> Block:
    """A table whose rows are texts with cells between `|`; the first row's cells are `tag`s."""
    parts = []
    for number, row in enumerate(rows):
        name = tag if number == 0 else "td"
        parts.append("".join(f"<{name}>{cell}</{name}>" for cell in row.split("|")))
    return block("table", order=order, html=f"<table><tr>{'</tr><tr>'.join(parts)}</tr></table>")


def joined(*pages: Sequence[Block], numbers: Sequence[int] = ()) -> list[Mapping[str, Any]]:
    metas = {n: record(n, *blocks).meta for n, blocks in zip(numbers or range(1, 99), pages, strict=False)}
    joiner = TableJoiner()
    for meta in metas.values():
        joiner.look(meta)
    return [joiner.joined(meta, metas.__getitem__) for meta in metas.values()]


def shown(meta: Mapping[str, Any]) -> list[list[list[str]]]:
    """The texts of the tables that a page shows."""
    return [
        [[cell.text for cell in row] for row in found.rows] for part in meta["blocks"] for found in block_tables(part)
    ]


def test_a_table_over_three_pages_is_shown_whole_where_it_begins() -> None:
    pages = joined(
        [block(text="before"), table("h|k", "1|2")],
        [block("header", "top", 1), table("h|k", "3|4", order=2), block("footer", "f", 9)],
        [table("h|k", "5|6"), block(text="after", order=6)],
    )
    assert [shown(page) for page in pages] == [[[["h", "k"], ["1", "2"], ["3", "4"], ["5", "6"]]], [], []]
    assert pages[0]["blocks"][1]["continued_on"] == [2, 3]
    assert [pages[1]["blocks"][1]["continues"], pages[2]["blocks"][0]["continues"]] == [1, 1]
    assert "3" in pages[1]["blocks"][1]["html"]


def test_parts_of_a_joined_table_fit_the_published_schema() -> None:
    for page in joined([table("a|b")], [table("c|d")]):
        entry = page_entry({**page, "raw": {"by": "the engine"}}, with_images=True)
        assert {"continues", "continued_on"} & entry["blocks"][0].keys()
        strict("page").validate(entry)


def test_rows_without_a_repeated_head_all_stay() -> None:
    pages = joined([table("h|k", "1|2", tag="th")], [table("3|4", "1|2")])
    assert shown(pages[0]) == [[["h", "k"], ["1", "2"], ["3", "4"], ["1", "2"]]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([table("a|b")], [table("c|d|e")]),
        ([table("a|b"), block(text="between", order=9)], [table("c|d")]),
        ([table("a|b")], [block(text="between"), table("c|d")]),
        ([table("a|b")], [table("other|head", "1|2", tag="th")]),
        ([table("a|b")], [replace(table("c|d"), bbox=(10.0, 0.0, 40.0, 9.0))]),
        ([table("a|b")], []),
        ([block(text="x")], [table("c|d")]),
    ],
)
def test_tables_that_do_not_belong_together_stay_apart(first: list[Block], second: list[Block]) -> None:
    pages = joined(first, second)
    assert not any({"continues", "continued_on"} & part.keys() for page in pages for part in page["blocks"])


def test_pages_with_a_gap_between_them_are_not_joined() -> None:
    pages = joined([table("a|b")], [table("c|d")], numbers=[1, 3])
    assert len(shown(pages[0])) == len(shown(pages[1])) == 1


def test_a_caption_that_says_continued_may_stand_between() -> None:
    caption = block("figure_title", "Table 3 (continued)", 1)
    assert len(shown(joined([table("a|b")], [caption, table("c|d")])[0])[0]) == 2
    assert len(shown(joined([table("a|b")], [block("figure_title", "表 3 续", 1), table("c|d")])[0])[0]) == 2


def test_a_new_table_on_the_page_where_another_ends_may_go_on_too() -> None:
    pages = joined([table("a|b")], [table("c|d", order=1), block(text="x", order=2), table("e|f")], [table("g|h")])
    assert [shown(page) for page in pages] == [[[["a", "b"], ["c", "d"]]], [[["e", "f"], ["g", "h"]]], []]
    assert pages[1]["blocks"][0]["continues"] == 1
    assert pages[1]["blocks"][2]["continued_on"] == [3]


def test_spans_keep_their_places_in_the_joined_table() -> None:
    spans = "<table><tr><td rowspan=2>h<td>i<tr><td>j<tr><td colspan=2>{}</table>"
    pages = joined([block("table", html=spans.format("1"))], [block("table", html=spans.format("2"))])
    whole = block_tables(pages[0]["blocks"][0])[0]
    assert render_table(whole) == (
        '<table>\n<tr><td rowspan="2">h</td><td>i</td></tr>\n<tr><td>j</td></tr>\n'
        '<tr><td colspan="2">1</td></tr>\n<tr><td colspan="2">2</td></tr>\n</table>'
    )


def test_a_table_is_not_joined_beyond_what_can_be_written() -> None:
    long = block("table", html="<table>" + "<tr><td>x" * 12_000)
    pages = joined([long], [long])
    assert [len(shown(page)[0]) for page in pages] == [12_000, 12_000]
