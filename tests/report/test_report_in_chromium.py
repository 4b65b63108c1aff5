"""The report as a browser shows it, opened from disk: hostile text, keys, search, links."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from support.chromium import Tab
from support.documents import text_pdf
from support.jobs import run_job, script

from batchocr import runs
from batchocr.report import writing

HOSTILE_NAMES = (
    "<img src=x onerror=document.title='owned'>.pdf",
    "\" onmouseover=\"document.title='owned'.pdf",
    "javascript:document.title='owned'.pdf",
    "{{ 7*7 }}<!--.pdf",
    "abc\u202egnp.exe.pdf",
    "<\x3cscript>document.title='owned'<\x1b[31m.pdf",
)
ATTACK = """<script>document.title='owned'</script>

<svg/onload="document.title='owned'"> <img src=x onerror="document.title='owned'">

[click](javascript:document.title='owned') ![x](javascript:document.title='owned') <javascript:alert(1)>

![x" onerror="document.title='owned'](images/none.jpg)

<table>
<tr><td onclick="document.title='owned'" style="position:fixed"><script>document.title='owned'</script>cell</td></tr>
</table>

</div></article></section></main><base href="https://example.org/"><meta http-equiv="refresh" content="0;url=data:,x">

\u202e rtl \u0000\u0007 ]]> --> <!-- <plaintext>
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives the output folder of a run with a failure and two documents."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "in" / "2024").mkdir(parents=True)
    text_pdf(folder / "in" / "2024" / "Übung 1#2%.pdf", ["one", "two", "three"])
    text_pdf(folder / "in" / "other.pdf", ["four"])
    options = {"script": script(other="error 1"), "content": "rich", "needs_image": True}
    text_pdf(folder / "in" / "third.pdf", ["five", "six"])
    run_job(folder, report=True, engine_options=options, max_attempts=1)
    runs.report(folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives the output folder of documents whose names, text, JSON and warnings attack."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "in").mkdir()
    for name in HOSTILE_NAMES:
        text_pdf(folder / "in" / name, ["one", "two"])
    run_job(folder)
    for markdown in (folder / "out").rglob("*.md"):
        huge = "<table>\n<tr>" + "<td>" + "x" * 50_000 + "</td>" + "<td>y</td>" * 900 + "</tr>\n</table>\n"
        markdown.write_text(f"<!-- page: 1 -->\n{ATTACK}\n<!-- page: 2 -->\n{huge}", "utf-8")
        page = {
            "page_no": 1, "width_px": 100, "height_px": 100, "warnings": [ATTACK],
            "blocks": [{"label": '"><script>', "bbox": [1, 2, 30, 40], "order": 1}],
        }  # fmt: skip
        markdown.with_suffix(".json").write_text('{"pages": [\n' + json.dumps(page) + "\n]}\n", "utf-8")
    runs.report(folder / "out")
    return folder / "out"


def opened(tab: Tab, output: Path, anchor: str = "", **options: bool | int) -> None:
    tab.open((output / "report.html").as_uri() + anchor, **options)  # type: ignore[arg-type]


def complaints(tab: Tab) -> Iterator[str]:
    """Gives what the browser's console says."""
    for entry in tab.told("Log.entryAdded"):
        yield entry["entry"]["text"]
    for exception in tab.told("Runtime.exceptionThrown"):
        yield str(exception)


def test_nothing_of_a_hostile_document_acts(tab: Tab, hostile: Path) -> None:
    opened(tab, hostile)
    for number in range(1, len(HOSTILE_NAMES) + 1):
        tab.value(f"location.hash = 'd{number}'")
        tab.wait_for(f"document.querySelector('section.shown')?.id === 'd{number}'")
        tab.value(
            "document.querySelectorAll('section.shown *').forEach(element => {"
            " element.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));"
            " if (element.closest('.text')) element.dispatchEvent(new MouseEvent('click', {bubbles: true})); })"
        )
    assert tab.value("document.title").startswith("Run ")
    assert tab.value("document.querySelectorAll('script').length") == 2
    bad = "[onclick],[onerror],[onload],[onmouseover],[style],base,iframe,plaintext,object,embed,a[href^=javascript]"
    assert tab.value(f"document.querySelectorAll('{bad}').length") == 0
    assert tab.value("document.querySelectorAll('meta[http-equiv]').length") == 1
    schemes = {urlsplit(entry["request"]["url"]).scheme for entry in tab.told("Network.requestWillBeSent")}
    assert schemes <= {"file", "data", "about"}


def test_hostile_text_is_shown_as_text(tab: Tab, hostile: Path) -> None:
    opened(tab, hostile, "#d1")
    text = tab.value("document.querySelector('section.shown .text').textContent")
    assert "<script>document.title='owned'</script>" in text
    assert tab.value("document.querySelectorAll('section.shown td').length") > 500
    names = tab.value("[...document.querySelectorAll('section.document h2')].map(e => e.textContent)")
    assert "abc\\u202egnp.exe.pdf" in names
    assert HOSTILE_NAMES[0] in names


def test_policy_stops_a_script_that_would_be_injected(tab: Tab, plain: Path) -> None:
    opened(tab, plain)
    tab.value("const s = document.createElement('script'); s.textContent = 'document.title=1'; document.body.append(s);"
              "const i = document.createElement('div'); i.innerHTML = '<img src=x onerror=document.title=1>';"
              "document.body.append(i); new Promise(r => setTimeout(r, 200))")  # fmt: skip
    assert tab.value("document.title").startswith("Run ")


def test_report_opens_without_a_complaint(tab: Tab, plain: Path) -> None:
    opened(tab, plain, "#d1")
    assert list(complaints(tab)) == []


def test_links_lead_to_files(tab: Tab, plain: Path) -> None:
    opened(tab, plain)
    links = tab.value("[...document.querySelectorAll('.links a')].map(a => a.href)")
    assert len(links) >= 8
    for link in links:
        assert Path(unquote(urlsplit(link).path)).is_file(), link
    tab.value("location.hash = 'd1'")
    images = "[...document.querySelectorAll('section.shown .text img')]"
    tab.wait_for(f"{images}.length === 3 && {images}.every(i => {{ i.loading = 'eager'; return i.naturalWidth > 0; }})")


def test_page_of_a_document_shows_picture_blocks_and_text(tab: Tab, plain: Path) -> None:
    opened(tab, plain, "#d1p2")
    page = "document.activeElement"
    assert tab.value(f"{page}.id") == "d1p2"
    tab.wait_for(f"[...{page}.querySelectorAll('figure img')].every(image => image.naturalWidth > 100)")
    assert tab.value(f"{page}.querySelectorAll('.boxes path').length") == 4
    assert "Page 2 of 2024/Übung 1#2%.pdf" in tab.value(f"{page}.querySelector('.text').textContent")


def test_keys_walk_through_documents_and_pages(tab: Tab, plain: Path) -> None:
    shown = "document.querySelector('section.shown')?.id"
    opened(tab, plain)
    tab.press("n")
    tab.wait_for(f"{shown} === 'd1'")
    tab.press("j")
    assert tab.value("document.activeElement.id") == "d1p1"
    tab.press("j")
    assert tab.value("document.activeElement.id") == "d1p2"
    tab.press("k")
    assert tab.value("document.activeElement.id") == "d1p1"
    tab.press("n")
    tab.wait_for(f"{shown} === 'd3'")  # the second has no page that could be read, hence no folder
    tab.press("p")
    tab.wait_for(f"{shown} === 'd1'")
    tab.press("Escape")
    tab.wait_for("!document.getElementById('overview').hidden")
    tab.press("?")
    assert tab.value("document.getElementById('help').open")


def test_buttons_and_keys_lead_from_file_to_file(tab: Tab, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_PAGES_INSIDE", 1)
    monkeypatch.setattr(writing, "FILE_PAGES", 2)
    runs.report(plain)
    shown = "location.pathname.split('/').pop() + ' ' + document.querySelector('section.shown')?.id"
    try:
        tab.open((plain / "report_files" / "0001.html").as_uri())
        assert tab.value(shown) == "0001.html d1"
        tab.value("setTimeout(() => document.querySelector('section.shown button[data-turn=\"1\"]').click())")
        tab.wait_for(f"document.readyState === 'complete' && {shown} === '0002.html d1-2'")
        tab.press("n")
        tab.wait_for(f"document.readyState === 'complete' && {shown} === '0003.html d3'")
        tab.press("p")
        tab.wait_for(f"document.readyState === 'complete' && {shown} === '0002.html d1-2'")
        tab.press("p")
        tab.wait_for(f"document.readyState === 'complete' && {shown} === '0001.html d1'")
    finally:
        monkeypatch.undo()
        runs.report(plain)


def test_search_finds_documents_by_name_and_text(tab: Tab, plain: Path) -> None:
    rows = "[...document.querySelectorAll('#list tbody tr')].map(row => row.cells[0].textContent)"
    opened(tab, plain)
    assert len(tab.value(rows)) == 3
    tab.press("/")
    tab.type("THIRD")
    tab.wait_for(f"{rows}.length === 1")
    assert tab.value(rows) == ["third.pdf"]
    tab.press("Escape")
    tab.wait_for(f"{rows}.length === 3")
    tab.type("page 3 of")
    tab.wait_for(f"{rows}.length === 1")
    tab.press("Enter")
    assert tab.value("document.activeElement.textContent") == "2024/Übung 1#2%.pdf"


def test_search_in_a_document_leaves_the_pages_that_say_so(tab: Tab, plain: Path) -> None:
    opened(tab, plain, "#d1")
    tab.press("/")
    tab.type("Page 2 of")
    visible = "[...document.querySelectorAll('section.shown .page:not([hidden])')].map(page => page.id)"
    tab.wait_for(f"{visible}.length === 1")
    assert tab.value(visible) == ["d1p2"]
    assert tab.value("CSS.highlights.get('found').size") >= 1


def test_list_is_filtered_by_state_and_sorted(tab: Tab, plain: Path) -> None:
    opened(tab, plain)
    tab.value("[...document.querySelectorAll('#filters button')].find(b => b.textContent === 'failed').click()")
    names = "[...document.querySelectorAll('#list tbody tr')].map(row => row.cells[0].textContent)"
    assert tab.value(names) == ["other.pdf"]
    tab.value("document.querySelector('#filters button').click()")
    tab.value("document.querySelector('th[data-sort=\"2\"] button').click()")
    assert tab.value(names) == ["2024/Übung 1#2%.pdf", "third.pdf", "other.pdf"]


@pytest.mark.parametrize("dark", [False, True])
def test_colours_follow_the_system_until_a_key_changes_them(tab: Tab, plain: Path, dark: bool) -> None:
    tab.open((plain / "report.html").as_uri(), dark=dark)
    tab.value("localStorage.clear()")
    tab.open((plain / "report.html").as_uri(), dark=dark)
    assert tab.value("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    tab.press("t")
    assert tab.value("document.documentElement.dataset.theme") == ("light" if dark else "dark")
    tab.value("localStorage.clear()")


@pytest.mark.parametrize("anchor", ["", "#d1"])
def test_narrow_window_needs_no_sideways_scrolling(tab: Tab, plain: Path, anchor: str) -> None:
    opened(tab, plain, anchor, width=400)
    assert tab.value("document.documentElement.scrollWidth") <= 400
