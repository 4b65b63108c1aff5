from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import openpyxl
import pypdfium2
import pytest
from outputs_builders import block, noise, record

from batchocr.config import FORMATS
from batchocr.datatypes import Assembly, FailedPages, PageRanges
from batchocr.errors import DocumentError, FailureKind
from batchocr.outputs.assemble import assemble
from batchocr.outputs.spool import PageRecord

TABLE = block("table", order=2, html="<table><tr><td>1</td><td>=1+1</td></tr></table>")


def page(page_no: int, text: str = "") -> PageRecord:
    image = block("image", order=3, image="image_1")
    return record(page_no, block(text=text or f"page {page_no}"), TABLE, image, images={"image_1": noise()})


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture
def three_pages(write_segment: Callable[..., str], make_order: Callable[..., Assembly]) -> Assembly:
    segment = write_segment("s", [page(1), record(2), page(3)])
    return make_order(segments=(segment,), page_nos=PageRanges.of([1, 2, 3]), page_count=3)


def test_a_folder_holds_every_format_and_a_manifest_of_it(three_pages: Assembly) -> None:
    report = assemble(three_pages)
    folder = Path(three_pages.output, "reports/doc")
    files = contents(folder)
    assert sorted(files) == [
        "doc.json",
        "doc.md",
        "doc.xlsx",
        "doc_layout.pdf",
        "images/p0001_image_1.jpg",
        "images/p0003_image_1.jpg",
    ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert (manifest["done"], manifest["blank"], manifest["commit_id"]) == ([[1, 1], [3, 3]], [[2, 2]], "c1")
    assert (report.pages_done, report.pages_blank) == (PageRanges.of([1, 3]), PageRanges.of([2]))
    assert report.files == len(files) + 1
    assert len(pypdfium2.PdfDocument(folder / "doc_layout.pdf")) == 3
    assert openpyxl.load_workbook(folder / "doc.xlsx").sheetnames == ["p001_t1", "p003_t1"]
    assert len(json.loads(files["doc.json"])["pages"]) == 3


def test_every_link_of_the_markdown_resolves(three_pages: Assembly) -> None:
    assemble(three_pages)
    folder = Path(three_pages.output, "reports/doc")
    links = re.findall(r"\]\(([^)]*)\)", (folder / "doc.md").read_text())
    assert len(links) == 2
    assert all((folder / unquote(link)).is_file() for link in links)


def test_order_of_pages_and_segments_makes_no_difference(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly], tmp_path: Path
) -> None:
    pages = [page(n) for n in range(1, 6)]
    whole = write_segment("a", pages)
    parts = (write_segment("b", [pages[4], pages[0]]), write_segment("c", [pages[3], pages[2], pages[1]]))
    results = []
    for number, segments in enumerate(((whole,), parts, parts[::-1])):
        out = str(tmp_path / f"out{number}")
        asked = {"page_nos": PageRanges.of(range(1, 6)), "output": out, "state_dir": out + "/.batchocr"}
        assemble(make_order(segments=segments, **asked))
        results.append(contents(Path(out, "reports/doc")))
    assert results[0] == results[1] == results[2]


def test_the_last_record_of_a_page_wins(write_segment: Callable[..., str], make_order: Callable[..., Assembly]) -> None:
    first = write_segment("a", [page(1, "old"), page(1, "newer")])
    last = write_segment("b", [page(1, "newest")])
    order = make_order(segments=(first, last))
    assemble(order)
    text = Path(order.output, "reports/doc/doc.md").read_text()
    assert "newest" in text
    assert "old" not in text


def test_segments_of_other_content_or_settings_are_ignored(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    segments = (write_segment("a", [page(1)], sha256="x"), write_segment("b", [page(1)], fingerprint="x"))
    order = make_order(segments=segments, page_nos=PageRanges.of([1, 2, 3, 7]))
    with pytest.raises(DocumentError, match=r"reports/doc\.pdf.*1-3,7") as caught:
        assemble(order)
    assert caught.value.kind is FailureKind.INTERNAL
    assert not Path(order.output, "reports").exists()


def test_a_segment_that_was_never_written_is_a_missing_page(make_order: Callable[..., Assembly]) -> None:
    with pytest.raises(DocumentError, match="run the same command again"):
        assemble(make_order(segments=("/nowhere/segment",)))


def test_failed_pages_leave_gaps_in_their_places(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    failed = (FailedPages(4, 5, FailureKind.TIMEOUT, "slow"), FailedPages(1, 1, FailureKind.ENGINE_ERROR, "bad"))
    order = make_order(
        segments=(write_segment("a", [page(2), page(3)]),), page_nos=PageRanges.of(range(1, 6)), failed=failed
    )
    assemble(order)
    folder = Path(order.output, "reports/doc")
    text = (folder / "doc.md").read_text()
    places = [text.index(mark) for mark in ("page: 1 failed", "page: 2 -", "page: 3 -", "pages: 4-5 failed")]
    assert places == sorted(places)
    assert json.loads((folder / "manifest.json").read_text())["failed"][1]["message"] == "bad"
    assert json.loads((folder / "doc.json").read_text())["failed"][0]["last_page"] == 5


def test_only_what_was_asked_for_is_written(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    order = make_order(segments=(write_segment("a", [page(1)]),), formats=("json",))
    assemble(order)
    folder = Path(order.output, "reports/doc")
    assert list(contents(folder)) == ["doc.json"]
    assert all(entry["image"] is None for entry in json.loads((folder / "doc.json").read_text())["pages"][0]["blocks"])


def test_a_name_that_is_not_utf8_is_told_in_json(three_pages: Assembly) -> None:
    assemble(replace(three_pages, source="a\udcff.pdf"))
    folder = Path(three_pages.output, "reports/doc")
    for name in ("doc.json", "manifest.json"):
        assert json.loads((folder / name).read_text("utf-8"))["source"] == "a\udcff.pdf"


def test_the_same_document_again_replaces_its_folder_byte_for_byte(three_pages: Assembly) -> None:
    assemble(three_pages)
    folder = Path(three_pages.output, "reports/doc")
    before = contents(folder)
    assemble(replace(three_pages, commit_id="c2"))
    assert contents(folder) == before
    assert json.loads((folder / "manifest.json").read_text())["commit_id"] == "c2"


def test_a_blocked_folder_leaves_nothing_in_staging(three_pages: Assembly) -> None:
    folder = Path(three_pages.output, "reports/doc")
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("x")
    with pytest.raises(DocumentError, match=r"mine\.txt"):
        assemble(three_pages)
    assert list(Path(three_pages.state_dir, "staging").iterdir()) == []


def test_every_format_there_is_fills_the_folder(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    pytest.importorskip("docx", reason="python-docx is not installed (extra docx)")
    result = record(1, block(text="x"), raw={"paddlex": {"input_path": None, "a": 1}})
    segment = write_segment("a", [result, record(2, block(text="y"))])
    failed = (FailedPages(3, 3, FailureKind.TIMEOUT, "slow"),)
    order = make_order(
        segments=(segment,), formats=FORMATS, failed=failed, page_nos=PageRanges.of([1, 2, 3]), page_count=3
    )
    assemble(order)
    files = contents(Path(order.output, "reports/doc"))
    assert sorted(files) == ["doc.docx", "doc.json", "doc.md", "doc_layout.pdf", "paddlex/p0001_res.json"]
    assert json.loads(files["paddlex/p0001_res.json"])["input_path"] == "reports/doc.pdf"
    assert "raw" not in json.loads(files["doc.json"])["pages"][0]
    manifest = json.loads(Path(order.output, "reports/doc/manifest.json").read_text())
    assert [entry["pages"] for entry in manifest["warnings"]] == [[[2, 2]]]


def test_word_alone_has_the_pictures_and_writes_no_image_files(
    write_segment: Callable[..., str], make_order: Callable[..., Assembly]
) -> None:
    docx = pytest.importorskip("docx", reason="python-docx is not installed (extra docx)")
    order = make_order(segments=(write_segment("a", [page(1)]),), formats=("docx",))
    assemble(order)
    folder = Path(order.output, "reports/doc")
    assert list(contents(folder)) == ["doc.docx"]
    assert len(docx.Document(str(folder / "doc.docx")).inline_shapes) == 1


@pytest.fixture
def long_table(write_segment: Callable[..., str], make_order: Callable[..., Assembly]) -> Assembly:
    """Three pages with one table; the first page's engine Markdown says something else than its blocks."""
    html = "<table><tr><td>head</td><td>b</td></tr><tr><td>row</td><td>{}</td></tr></table>"
    title = block("paragraph_title", "1.1 Deep", 1, level=1)
    pages = [
        record(1, title, block("table", order=2, html=html.format(1)), markdown="the engine's own"),
        record(2, block("table", html=html.format(2)), block("footer", "f", None)),
        record(3, block("table", html=html.format(3)), block(text="end", order=2)),
    ]
    numbers = PageRanges.of([1, 2, 3])
    return make_order(segments=(write_segment("a", pages),), page_nos=numbers, page_count=3)


def test_a_table_over_pages_becomes_one_in_markdown_and_workbook(long_table: Assembly) -> None:
    assemble(replace(long_table, join_tables=True))
    folder = Path(long_table.output, "reports/doc")
    text = (folder / "doc.md").read_text()
    assert text.count("<table>") == text.count("head") == 1
    assert (
        text.index("<td>3</td>") < text.index("<!-- page: 2 -->") < text.index("<!-- page: 3 -->") < text.index("end")
    )
    workbook = openpyxl.load_workbook(folder / "doc.xlsx")
    assert workbook.sheetnames == ["p001_t1"]
    assert list(workbook["p001_t1"].values) == [("head", "b"), ("row", 1), ("row", 2), ("row", 3)]
    pages = json.loads((folder / "doc.json").read_text())["pages"]
    assert pages[0]["blocks"][1]["continued_on"] == [2, 3]
    assert [pages[1]["blocks"][0]["continues"], pages[2]["blocks"][0]["continues"]] == [1, 1]
    assert "joined_table" not in pages[0]["blocks"][1]
    assert "row</td><td>2" in pages[1]["blocks"][0]["html"]


def test_levels_of_the_whole_document_reach_markdown_and_json(long_table: Assembly) -> None:
    assemble(replace(long_table, relevel_titles=True))
    folder = Path(long_table.output, "reports/doc")
    text = (folder / "doc.md").read_text()
    assert "### 1.1 Deep" in text
    assert text.count("<table>") == 3
    assert json.loads((folder / "doc.json").read_text())["pages"][0]["blocks"][0]["level"] == 3


def test_unless_asked_for_nothing_is_joined_and_the_engines_markdown_stands(long_table: Assembly) -> None:
    assemble(long_table)
    folder = Path(long_table.output, "reports/doc")
    assert "the engine's own" in (folder / "doc.md").read_text()
    assert len(openpyxl.load_workbook(folder / "doc.xlsx").sheetnames) == 3
    assert "contin" not in (folder / "doc.json").read_text()


def test_failed_pages_end_a_table(long_table: Assembly) -> None:
    failed = (FailedPages(2, 2, FailureKind.TIMEOUT, "slow"),)
    assemble(replace(long_table, join_tables=True, failed=failed))
    workbook = openpyxl.load_workbook(Path(long_table.output, "reports/doc/doc.xlsx"))
    assert workbook.sheetnames == ["p001_t1", "p003_t1"]
