"""Hostile files cost no more than themselves: bounded time and memory, a reason for each, and the others are read."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from documents.document_bombs import BOMBS, ODD_NAMES, memory_bomb, time_bomb, write_bombs, write_oddities
from support.documents import many_page_pdf
from support.jobs import run_job

from batchocr.datatypes import DocumentRef, DocumentReport, Limits, RunSummary
from batchocr.documents.client import DocumentChild
from batchocr.errors import DocumentError, ExitCode, FailureKind

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such special files"),
]

FAILING = {
    "comment.png": FailureKind.DOCUMENT_UNREADABLE,
    "count-million.pdf": FailureKind.DOCUMENT_TOO_LARGE,
    "deep-objects.pdf": FailureKind.DOCUMENT_UNREADABLE,
    "dense-pattern.pdf": FailureKind.PAGE_RENDER_FAILED,
    "device.pdf": FailureKind.DOCUMENT_UNREADABLE,
    "encrypted-garbage.pdf": FailureKind.DOCUMENT_ENCRYPTED,
    "fifo.pdf": FailureKind.DOCUMENT_UNREADABLE,
    "form-in-itself.pdf": FailureKind.PAGE_RENDER_FAILED,
    "frames.tif": FailureKind.DOCUMENT_TOO_LARGE,
    "header-16383.webp": FailureKind.DOCUMENT_UNREADABLE,
    "header-30000.bmp": FailureKind.DOCUMENT_TOO_LARGE,
    "header-65500.jpg": FailureKind.DOCUMENT_TOO_LARGE,
    "header-giant.bmp": FailureKind.DOCUMENT_TOO_LARGE,
    "header-negative.bmp": FailureKind.DOCUMENT_TOO_LARGE,
    "loop-a.pdf": FailureKind.DOCUMENT_UNREADABLE,
    "loop-b.pdf": FailureKind.DOCUMENT_UNREADABLE,
    "loop.pdf": FailureKind.DOCUMENT_UNREADABLE,
    "memory.pdf": FailureKind.PAGE_RENDER_FAILED,
    "page-tree-cycle.pdf": FailureKind.PAGE_RENDER_FAILED,
    "page-tree-shared.pdf": FailureKind.DOCUMENT_TOO_LARGE,
    "pages-missing.pdf": FailureKind.PAGE_RENDER_FAILED,
    "progressive-30000.jpg": FailureKind.PAGE_RENDER_FAILED,
    "socket.pdf": FailureKind.DOCUMENT_UNREADABLE,
    "truncated.webp": FailureKind.DOCUMENT_UNREADABLE,
    "zeros-16bit.png": FailureKind.DOCUMENT_TOO_LARGE,
    "zeros-60000.png": FailureKind.DOCUMENT_TOO_LARGE,
    "zeros-900-megapixels.tif": FailureKind.DOCUMENT_TOO_LARGE,
    "zeros-bits.png": FailureKind.DOCUMENT_TOO_LARGE,
    "zeros-long.png": FailureKind.DOCUMENT_TOO_LARGE,
    "zeros-rgb.png": FailureKind.DOCUMENT_TOO_LARGE,
    "zeros-rgba.png": FailureKind.DOCUMENT_TOO_LARGE,
    "zeros-wide.png": FailureKind.DOCUMENT_TOO_LARGE,
}
# Some of their pages can be had.
PARTIAL = {"count-thirty.pdf", "count-three.pdf", "time.pdf"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    write_bombs(folder / "in")
    return folder


@pytest.fixture(scope="module")
def summary(folder: Path) -> RunSummary:
    """One run on all of them, with limits that end the slow ones soon."""
    return run_job(
        folder,
        engine_options={"needs_image": True},
        dpi=72,
        render_timeout_s=20,
        render_memory="1GiB",
        max_pages=6000,
    )


@pytest.fixture(scope="module")
def reports(summary: RunSummary) -> dict[str, DocumentReport]:
    return {report.source: report for report in summary.failures}


def test_run_completes_and_says_that_some_failed(summary: RunSummary) -> None:
    assert summary.exit_code is ExitCode.PARTIAL


def test_every_bomb_ends_as_it_should(reports: dict[str, DocumentReport]) -> None:
    found = {source: {failure.kind for failure in report.failures} for source, report in reports.items()}
    expected = {source: {kind} for source, kind in FAILING.items()}
    expected.update((source, {FailureKind.PAGE_RENDER_FAILED}) for source in PARTIAL)
    if "node.pdf" in found:  # only root may make one
        expected["node.pdf"] = {FailureKind.DOCUMENT_UNREADABLE}
    assert found == expected


def test_every_failure_has_a_reason(reports: dict[str, DocumentReport]) -> None:
    assert all(len(failure.message) > 20 for report in reports.values() for failure in report.failures)


def test_all_other_documents_are_written(folder: Path, summary: RunSummary) -> None:
    manifests = [json.loads(path.read_text("ascii")) for path in (folder / "out").glob("*/manifest.json")]
    pages = {found["source"]: found["page_count"] for found in manifests if not found["failed"]}
    done = (BOMBS.keys() | ODD_NAMES) - FAILING.keys() - PARTIAL
    assert pages == {name: {"frames-200.tif": 200, "frames-cyclic.tif": 3}.get(name, 1) for name in done}
    assert summary.documents["done"] == len(done)
    assert summary.documents["partial"] == len(PARTIAL)


def test_twenty_pages_in_a_row_that_cannot_be_loaded_end_a_document(reports: dict[str, DocumentReport]) -> None:
    failures = reports["pages-missing.pdf"].failures
    assert failures[0].first_page == 1
    assert failures[-1].last_page == 5000
    assert len(failures) <= 2


def test_pages_of_an_unloadable_document_are_one_range(reports: dict[str, DocumentReport]) -> None:
    assert len(reports["pages-missing.pdf"].failures) == 1


def test_no_process_is_left(summary: RunSummary) -> None:
    assert summary.exit_code is ExitCode.PARTIAL
    assert [child.name() for child in psutil.Process().children(recursive=True)] == []


LIMITS = Limits(render_timeout_s=25, render_memory_bytes=256 << 20, max_file_bytes=1 << 50)


@pytest.fixture
def child() -> Iterator[DocumentChild]:
    client = DocumentChild(LIMITS, "renderer of test")
    yield client
    client.close()


def probed(client: DocumentChild, path: Path) -> DocumentRef:
    probe = client.probe(str(path))
    return DocumentRef(str(path), path.name, probe.sha256, probe.identity, probe.format, probe.page_count)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds memory at once; elsewhere a watch does, later")
@pytest.mark.parametrize("bomb", [memory_bomb, time_bomb])
def test_memory_of_a_renderer_never_exceeds_its_limit(child: DocumentChild, tmp_path: Path, bomb) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(bomb())
    document = probed(child, path)
    assert child.pid is not None
    peaks = [0]
    watch = threading.Thread(target=watch_memory, args=(psutil.Process(child.pid), peaks))
    watch.start()
    with pytest.raises(DocumentError) as caught:
        child.render(document, 1, 200, want_text=True)
    watch.join()
    assert caught.value.kind is FailureKind.PAGE_RENDER_FAILED
    assert 100 << 20 < peaks[0] <= 256 << 20


def watch_memory(process: psutil.Process, peaks: list[int]) -> None:
    """Notes the peak until the process ends."""
    try:
        while True:
            peaks[0] = max(peaks[0], process.memory_info().rss)
            time.sleep(0.005)
    except psutil.Error:
        return


def test_file_that_grows_as_fast_as_it_is_read_is_reported_as_changed(child: DocumentChild, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    many_page_pdf(path, 1)
    size = 256 << 20
    os.truncate(path, size)
    stopped = threading.Event()

    def grow() -> None:
        grown = size
        while not stopped.wait(0.005):
            grown += 64 << 20
            os.truncate(path, grown)  # no bytes are written: it is all holes

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(DocumentError, match="changed while it was read") as caught:
            child.probe(str(path))
    finally:
        stopped.set()
        writer.join()
    assert caught.value.kind is FailureKind.DOCUMENT_CHANGED


def test_special_files_are_refused_even_where_they_took_a_documents_place(child: DocumentChild, tmp_path: Path) -> None:
    reasons = {}
    for name in write_oddities(tmp_path):
        with pytest.raises(DocumentError) as caught:
            child.probe(str(tmp_path / name))
        reasons[name] = str(caught.value)
    assert all("not a regular file" in reasons[name] for name in ("fifo.pdf", "device.pdf"))
    assert all("cannot be opened" in reasons[name] for name in ("socket.pdf", "loop.pdf", "loop-a.pdf"))


def test_special_files_that_are_named_as_inputs_fail_and_do_not_hang(tmp_path: Path) -> None:
    names = write_oddities(tmp_path)
    summary = run_job(tmp_path, inputs=[str(tmp_path / name) for name in names])
    assert summary.exit_code is ExitCode.PARTIAL
    assert {report.source for report in summary.failures} == set(names)
