from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.documents import broken_pdf, many_page_pdf, png_page, text_pdf
from support.jobs import run_job, script

from batchocr import runs
from batchocr.cli.report import command
from batchocr.errors import ExitCode, StorageError
from batchocr.report import writing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "letter.pdf", ["one", "two", "three"])
    png_page(tmp_path / "in" / "scan.png", "hello")
    return tmp_path


def page_of(html: str, name: str) -> str:
    """Gives the part of a report that is one page of a document."""
    found = re.search(rf'<article class="page[^>]* id="{name}".*?</article>', html, re.DOTALL)
    assert found is not None
    return found[0]


def test_run_writes_a_report_with_pictures_boxes_and_text(folder: Path) -> None:
    assert run_job(folder, report=True).exit_code is ExitCode.OK
    html = (folder / "out" / "report.html").read_text("utf-8")
    page = page_of(html, "d1p3")
    assert 'src="data:image/jpeg;base64,' in page
    assert "Page 3 of letter.pdf" in page
    assert '<svg class="boxes"' in page
    assert 'href="./letter/letter.md"' in html
    assert not (folder / "out" / "report_files").exists()


def test_no_report_is_written_when_it_is_switched_off(folder: Path) -> None:
    run_job(folder, report=False)
    assert not (folder / "out" / "report.html").exists()
    assert not (folder / "out" / ".batchocr" / "samples.json").exists()


def test_failures_have_reason_remedy_command_and_picture(folder: Path) -> None:
    broken_pdf(folder / "in" / "broken.pdf", "garbage")
    run_job(folder, report=True, engine_options={"script": script(letter="error 2")}, max_attempts=1)
    html = (folder / "out" / "report.html").read_text("utf-8")
    assert html.index("The engine gave an error") < html.index('id="workers"')
    assert f"batchocr retry {folder / 'out'} --kind engine_error" in html
    assert page_of(html, "d2p2").count("scripted error on page 2") == 1
    assert '<span class="count">1 page</span>' in html
    assert '<span class="count">1 whole document</span>' in html
    assert "1 page and 1 whole document failed</em></h1>" in html
    assert "--kind document_unreadable" in html
    failures = html[html.index('id="failures"') : html.index('id="workers"')]
    assert failures.count("data:image/jpeg;base64,") == 1


def test_report_that_cannot_be_written_is_told_and_does_not_fail_the_run(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "report.html").write_text("mine")
    assert run_job(folder, report=True).exit_code is ExitCode.OK
    assert "the report was not written" in caplog.text
    assert (folder / "out" / "report.html").read_text() == "mine"
    with pytest.raises(StorageError, match="is no report of batchocr"):
        runs.report(folder / "out")


def test_report_after_a_run_without_anything_to_do_stays(folder: Path) -> None:
    run_job(folder, report=True)
    before = (folder / "out" / "report.html").read_bytes()
    run_job(folder, report=True)
    assert (folder / "out" / "report.html").read_bytes() == before


def test_many_pages_go_to_files_beside_the_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many_page_pdf(folder / "in" / "book.pdf", 25)
    run_job(folder)
    monkeypatch.setattr(writing, "MAX_PAGES_INSIDE", 10)
    monkeypatch.setattr(writing, "FILE_PAGES", 10)
    runs.report(folder / "out")
    html = (folder / "out" / "report.html").read_text("utf-8")
    rows = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])  # type: ignore[index]
    addresses = {row[0]: row[5] for row in rows}
    assert addresses["book.pdf"] == "report_files/0001.html#d1"
    assert rows[0][6] == [[11, "report_files/0002.html#d1-2"], [21, "report_files/0003.html#d1-3"]]
    files = sorted((folder / "out" / "report_files").iterdir())
    assert len(files) == 3
    texts = [file.read_text("utf-8") for file in files]
    assert "Page 25 of book.pdf" in "".join(texts)
    assert all(text.count('<article class="page"') <= 10 for text in texts)
    nexts = [re.findall(r'rel="next" href="(.*?)"', text) for text in texts]
    assert nexts == [["0002.html"], ["0003.html"], []]
    before = [re.findall(r'rel="prev" href="(.*?)"', text) for text in texts]
    assert before == [[], ["0001.html"], ["0002.html"]]
    name, _, anchor = addresses["scan.png"].partition("#")
    assert f'id="{anchor}"' in (folder / "out" / name).read_text("utf-8")
    assert "<article" not in html

    # A smaller run needs no files: those of the one before go.
    monkeypatch.setattr(writing, "MAX_PAGES_INSIDE", 100)
    runs.report(folder / "out")
    assert not (folder / "out" / "report_files").exists()


def test_folder_that_is_not_the_reports_is_left_alone(folder: Path) -> None:
    run_job(folder)
    (folder / "out" / "report_files").mkdir()
    (folder / "out" / "report_files" / "thesis.txt").write_text("mine")
    with pytest.raises(StorageError, match="not the report's"):
        runs.report(folder / "out")
    assert (folder / "out" / "report_files" / "thesis.txt").read_text() == "mine"


def test_pages_of_a_document_that_is_gone_come_from_its_layout_pdf(folder: Path) -> None:
    run_job(folder, engine_options={"script": script(letter="error 1")}, max_attempts=1)
    shutil.rmtree(folder / "in")
    runs.report(folder / "out")
    html = (folder / "out" / "report.html").read_text("utf-8")
    assert "from the layout PDF: the input is gone" in page_of(html, "d1p2")
    assert "data:image/jpeg" in page_of(html, "d1p3")
    assert "no picture: the input is gone" in page_of(html, "d1p1")


def test_input_that_changed_is_not_shown(folder: Path) -> None:
    run_job(folder, formats=("md",))
    text_pdf(folder / "in" / "letter.pdf", ["another", "text", "altogether"])
    runs.report(folder / "out")
    page = page_of((folder / "out" / "report.html").read_text("utf-8"), "d1p1")
    assert "no picture: the file changed" in page
    assert "data:image" not in page


def test_without_time_the_report_tells_what_is_left_out(folder: Path) -> None:
    run_job(folder)
    writing.write_report(folder / "out", folder / "out" / ".batchocr", detail_s=0.0)
    html = (folder / "out" / "report.html").read_text("utf-8")
    assert "<article" not in html
    assert "The pages of 2 finished documents are left out" in html
    assert '"./letter/"' in html


def test_large_run_without_time_leaves_no_folder_that_the_next_report_trips_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_job(folder)
    monkeypatch.setattr(writing, "MAX_PAGES_INSIDE", 1)
    for detail_s in (0.0, None, 0.0, None):
        writing.write_report(folder / "out", folder / "out" / ".batchocr", detail_s)
        assert (folder / "out" / "report_files").exists() == (detail_s is None)


def test_markdown_without_markers_stands_beside_the_first_page(folder: Path) -> None:
    run_job(folder, page_markers=False)
    runs.report(folder / "out")
    html = (folder / "out" / "report.html").read_text("utf-8")
    assert "Page 3 of letter.pdf" in page_of(html, "d1p1")


def test_command_names_the_file_and_gives_its_data(folder: Path) -> None:
    run_job(folder, engine_options={"script": script(letter="error 2")}, max_attempts=1)
    done = CliRunner().invoke(command, [str(folder / "out")], standalone_mode=False)
    assert done.stdout.strip() == str(folder / "out" / "report.html")
    (folder / "out" / "report.html").unlink()
    done = CliRunner().invoke(command, [str(folder / "out"), "--json"], standalone_mode=False)
    data = json.loads(done.stdout)
    assert data["totals"]["pages_failed"] == 1
    assert data["remedies"][0]["command"].endswith("--kind engine_error")
    assert data["slowest"]
    assert not (folder / "out" / "report.html").exists()


def test_command_says_where_there_was_no_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no run has written"):
        runs.report(tmp_path)
