from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.documents import text_pdf
from support.jobs import run_job, script

from batchocr.errors import InputError
from batchocr.notebook import heading_html, page_html
from batchocr.preview import DocumentPreview, PagePreview, Picture, preview_document

JPEG = "data:image/jpeg;base64,/9j/"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "in" / "b").mkdir(parents=True)
    text_pdf(tmp_path / "in" / "b" / "a.pdf", ["one", "two", "three", "four"])
    options = {"needs_image": True, "content": "rich", "script": script(**{"b/a": "error 2"})}
    run_job(tmp_path, engine_options=options)
    return tmp_path / "out"


def test_pages_have_picture_visualization_and_markdown_with_its_images(output: Path) -> None:
    found = preview_document(output / "b" / "a", [1, 2, 4])
    assert (found.source, found.page_count) == ("b/a.pdf", 4)
    first, failed, last = found.pages
    for page in (first, last):
        assert isinstance(page.page, Picture)
        assert isinstance(page.layout, Picture)
        assert page.page.url.startswith(JPEG)
        assert page.layout.url.startswith(JPEG)
        assert f"page {page.page_no}" in page.markdown.lower()
        assert "](data:image/" in page.markdown
        assert "](images/" not in page.markdown
    assert isinstance(failed.page, Picture)
    assert failed.layout == "the page has no result"
    assert "engine_error" in failed.markdown


def test_first_pages_are_shown_unless_told_otherwise(output: Path) -> None:
    assert [page.page_no for page in preview_document(output / "b" / "a").pages] == [1, 2, 3]


def test_changed_input_is_not_shown_as_the_page(output: Path) -> None:
    text_pdf(output.parent / "in" / "b" / "a.pdf", ["another text"])
    (page,) = preview_document(output / "b" / "a", [1]).pages
    assert isinstance(page.page, str)
    assert isinstance(page.layout, Picture)


def test_folder_without_its_ledger_is_shown_without_the_page(output: Path) -> None:
    shutil.rmtree(output / ".batchocr")
    (page,) = preview_document(output / "b" / "a", [1]).pages
    assert page.page == "the ledger that knows where the document is, is not in the output folder"
    assert isinstance(page.layout, Picture)


def test_link_out_of_the_folder_is_not_followed(output: Path) -> None:
    folder = output / "b" / "a"
    (output / "secret.png").write_bytes(b"secret")
    (folder / "a.md").write_text("<!-- page: 1 -->\n![x](images/../../../secret.png)\n", "utf-8")
    assert "](images/../../../secret.png)" in preview_document(folder, [1]).pages[0].markdown


def test_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "an app"}), "utf-8")
    with pytest.raises(InputError, match="no document's folder"):
        preview_document(tmp_path)


def test_hostile_words_are_escaped_for_the_notebook() -> None:
    hostile = "<script>alert(1)</script>\x1b"
    page = PagePreview(1, hostile, Picture("data:,", 1, 1), "")
    for html in (heading_html(DocumentPreview(hostile, 1, (page,))), page_html(page)):
        assert "<script" not in html
        assert "\x1b" not in html
        assert "&lt;script&gt;" in html
