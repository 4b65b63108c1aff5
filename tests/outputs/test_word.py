from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from outputs_builders import block, noise, record

from batchocr.datatypes import FailedPages
from batchocr.errors import FailureKind
from batchocr.outputs.spool import PageRecord, read_segment

docx = pytest.importorskip("docx", reason="python-docx is not installed (extra docx)")


@pytest.fixture
def word_file(tmp_path: Path, write_segment: Callable[..., str]) -> Callable[..., Path]:
    """Writes page records, and gaps where there are any, as a Word file and gives its path."""
    from batchocr.outputs.word import WordWriter

    def write(*events: PageRecord | FailedPages, name: str = "doc.docx") -> Path:
        shutil.rmtree(tmp_path / "spool", ignore_errors=True)
        warnings: list[tuple[str, int]] = []
        writer = WordWriter(tmp_path / name, lambda message, page_no: warnings.append((message, page_no)))
        for number, event in enumerate(events):
            if isinstance(event, FailedPages):
                writer.add_gap(event)
            else:
                for page in read_segment(Path(write_segment(f"s{number}", [event]))):
                    writer.add_page(page)
        writer.close()
        write.warnings = warnings  # type: ignore[attr-defined]
        return tmp_path / name

    return write


def paragraphs(path: Path) -> list[tuple[str, str]]:
    return [(p.style.name, p.text) for p in docx.Document(str(path)).paragraphs if p.text.strip()]


def test_each_kind_of_block_becomes_its_paragraph(word_file: Callable[..., Path]) -> None:
    page = record(
        1,
        block("doc_title", "The\ntitle", 1),
        block("paragraph_title", "Part", 2, level=3),
        block("text", "one\ntwo", 3),
        block("list", "- a\n2. b", 4),
        block("display_formula", "x<1", 5),
        block("formula_number", "(7)", 6),
        block("figure_title", "Fig. 1", 7),
        block("seal", "stamp", 8),
        block("header", "furniture", 9),
        block("algorithm", "for x:\n  y", 10),
    )
    path = word_file(page)
    assert paragraphs(path) == [
        ("Heading 1", "The title"),
        ("Heading 3", "Part"),
        ("Normal", "one\ntwo"),
        ("List Bullet", "a"),
        ("List Paragraph", "2. b"),
        ("Normal", "$$x\\lt 1 \\tag{7}$$"),
        ("Caption", "Fig. 1"),
        ("Normal", "Seal: stamp"),
        ("Normal", "for x:\n  y"),
    ]
    fonts = [p.runs[0].font.name for p in docx.Document(str(path)).paragraphs if p.runs]
    assert fonts.count("Courier New") == 2


def test_spans_become_merged_cells(word_file: Callable[..., Path]) -> None:
    html = "<table><thead><tr><th rowspan=2>a<th colspan=2>b</thead><tr><td>c<td>d<tr><td>e</table>"
    table = docx.Document(str(word_file(record(1, block("table", html=html))))).tables[0]
    texts = [[cell.text for cell in row.cells] for row in table.rows]
    assert texts == [["a", "b", "b"], ["a", "c", "d"], ["e", "", ""]]
    assert table.cell(0, 0)._tc is table.cell(1, 0)._tc
    assert table.cell(0, 1)._tc is table.cell(0, 2)._tc


def test_a_table_too_wide_for_word_stands_as_text_with_a_warning(word_file: Callable[..., Path]) -> None:
    path = word_file(record(4, block("table", html="<table><tr>" + "<td>x" * 64)))
    assert docx.Document(str(path)).tables == []
    assert paragraphs(path) == [("Normal", "\t".join("x" * 64))]
    assert word_file.warnings == [("a table of more than 63 columns stands in the Word file as text", 4)]  # type: ignore[attr-defined]


def test_a_picture_has_its_size_on_the_page_at_most_that_of_the_text(
    word_file: Callable[..., Path],
) -> None:
    pictures = {"small": noise(100, 200), "wide": noise(10, 4000)}
    path = word_file(record(1, block("image", image="small"), block("image", order=2, image="wide"), images=pictures))
    shapes = docx.Document(str(path)).inline_shapes
    assert [(round(s.width.inches, 2), round(s.height.inches, 2)) for s in shapes] == [(1.0, 0.5), (6.0, 0.01)]


def test_pages_begin_on_pages_and_failed_ones_leave_a_red_line(word_file: Callable[..., Path]) -> None:
    path = word_file(
        record(1, block(text="one")),
        record(2),
        FailedPages(3, 5, FailureKind.TIMEOUT, "slow"),
        record(6, block(text="6")),
    )
    found = docx.Document(str(path))
    assert sum('w:type="page"' in p._p.xml for p in found.paragraphs) == 3
    line = next(p for p in found.paragraphs if "could not be read" in p.text)
    assert line.text == "Pages 3 to 5 could not be read (timeout: slow)."
    assert str(line.runs[0].font.color.rgb) == "C00000"


def test_a_page_that_is_only_markdown_is_not_lost(word_file: Callable[..., Path]) -> None:
    assert paragraphs(word_file(record(1, markdown="# words"))) == [("Normal", "# words")]


def test_hostile_text_stays_text(word_file: Callable[..., Path]) -> None:
    evil = '<w:p/> {HYPERLINK "http://evil"} =cmd \x00\ud800 \u202e'
    path = word_file(record(1, block(text=evil), block("table", html=f"<table><tr><td>{evil}</table>", order=2)))
    with zipfile.ZipFile(path) as archive:
        xml = archive.read("word/document.xml").decode()
    assert "w:hyperlink" not in xml
    assert "w:instrText" not in xml
    assert "HYPERLINK" in paragraphs(path)[0][1]


def test_the_same_document_gives_the_same_bytes(word_file: Callable[..., Path], tmp_path: Path) -> None:
    def page() -> Any:
        return record(1, block(text="x"), block("image", image="a", order=2), images={"a": noise()})

    one, other = word_file(page(), name="a.docx").read_bytes(), word_file(page(), name="a.docx").read_bytes()
    assert one == other
    with zipfile.ZipFile(tmp_path / "a.docx") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"python-docx" not in archive.read("docProps/core.xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.docx", "spool"]
