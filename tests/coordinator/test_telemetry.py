"""Where the time of a run went is on record: of each page, each folder and each worker."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.documents import many_page_pdf, text_pdf
from support.jobs import build, run_job

from batchocr import runs
from batchocr.datatypes import RunProgress, RunSummary
from batchocr.errors import SetupError, StorageError
from batchocr.ledger.queries import reading

PAGES = 12


@pytest.fixture(params=["local", "serial"])
def summary(tmp_path: Path, request: pytest.FixtureRequest) -> RunSummary:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES - 1)
    text_pdf(tmp_path / "in" / "b.pdf", "b")
    options = {"page_seconds": 0.05, "needs_image": True}
    return run_job(tmp_path, executor=request.param, engine_options=options, metrics=str(tmp_path / "run.prom"))


def test_times_of_every_page_and_folder_are_in_the_ledger(tmp_path: Path, summary: RunSummary) -> None:
    with closing(sqlite3.connect(tmp_path / "out" / ".batchocr" / "ledger.sqlite3")) as db:
        pages = db.execute("SELECT render_s, queue_wait_s, recognize_s, spool_s FROM pages").fetchall()
        folders = db.execute("SELECT write_s FROM documents").fetchall()
    assert len(pages) == PAGES
    assert all(render > 0 and wait >= 0 and recognize >= 0.05 and spool > 0 for render, wait, recognize, spool in pages)
    assert all(seconds > 0 for (seconds,) in folders)


def test_times_of_a_worker_are_the_sums_of_its_pages(tmp_path: Path, summary: RunSummary) -> None:
    (use,) = summary.workers
    assert (use.pages, use.loads) == (PAGES, 1)
    assert use.recognize_s == use.busy_s >= PAGES * 0.05
    assert use.busy_s <= use.ready_s <= summary.elapsed_s
    assert 0 <= use.idle_share < 1
    with reading(tmp_path / "out" / ".batchocr" / "ledger.sqlite3") as queries:
        assert queries.workers(summary.run_id) == [use]
        reports = list(queries.documents(summary.run_id))
    assert sum(report.times.recognize_s for report in reports) == pytest.approx(use.recognize_s)


def test_status_tells_workers_and_the_times_of_documents(tmp_path: Path, summary: RunSummary) -> None:
    found = runs.status(tmp_path / "out")
    assert found["workers"][0]["pages"] == PAGES
    assert found["workers"][0]["idle_share"] == summary.workers[0].idle_share
    assert found["documents"][0]["times"]["recognize_s"] >= 0.05 * (PAGES - 1)
    assert found["documents"][0]["write_s"] > 0


def test_metrics_of_a_finished_run_can_be_parsed(tmp_path: Path, summary: RunSummary) -> None:
    found = {family.name: family for family in text_string_to_metric_families((tmp_path / "run.prom").read_text())}
    samples = {(sample.name, *sample.labels.values()): sample.value for f in found.values() for sample in f.samples}
    assert found["batchocr_run"].samples[0].labels["run"] == summary.run_id
    assert samples["batchocr_run_active",] == 0
    assert samples["batchocr_documents", "ended"] == 2
    assert samples["batchocr_folders_total",] == 2
    assert samples["batchocr_pages", "done"] == PAGES
    assert sum(s.value for s in found["batchocr_worker_pages"].samples) == PAGES
    steps = {s.labels["step"]: s.value for s in found["batchocr_worker_seconds"].samples}
    assert steps["busy"] == pytest.approx(summary.workers[0].busy_s)
    assert [path.name for path in tmp_path.glob("*.prom*")] == ["run.prom"]


class Watcher:
    """Reads the metrics whenever it is told of progress."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.texts: set[str] = set()

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None: ...

    def on_warning(self, message: str) -> None: ...

    def on_progress(self, progress: RunProgress) -> None:
        self.texts.add(self._path.read_text())


def test_metrics_are_whole_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchocr.coordinator.loop.WRITE_EVERY_S", 0.1)
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 20)
    path = tmp_path / "new" / "run.prom"
    watcher = Watcher(path)
    runs.run(build(tmp_path, engine_options={"page_seconds": 0.05}, metrics=str(path)), listener=watcher)
    assert len(watcher.texts) > 2
    for text in watcher.texts:
        list(text_string_to_metric_families(text))


def test_hostile_names_do_not_break_the_metrics(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", "a")
    run_job(tmp_path, executor="serial", output=str(tmp_path / 'o"\n\\ut{}'), metrics=str(tmp_path / "run.prom"))
    families = list(text_string_to_metric_families((tmp_path / "run.prom").read_text()))
    assert families[0].samples[0].labels["output"] == 'o"\n\\ut{}'


def test_metrics_that_cannot_be_written_stop_the_run_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"--metrics .* cannot be written"):
        run_job(tmp_path, metrics=str(tmp_path / "file" / "run.prom"))


def test_missing_library_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    (tmp_path / "in").mkdir()
    with pytest.raises(SetupError, match=r"batchocr\[metrics\]"):
        run_job(tmp_path, metrics=str(tmp_path / "run.prom"))


def test_failed_tries_count_as_busy_and_not_as_pages(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", ["1", "2"])
    script = [{"do": "error", "pages": "1"}]
    (use,) = run_job(tmp_path, engine_options={"page_seconds": 0.1, "script": script}).workers
    assert use.pages == 1
    assert use.busy_s >= 0.3  # the failed page was tried twice
    assert use.recognize_s < use.busy_s


def test_page_that_hangs_until_its_worker_is_killed_counts_as_busy(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_pdf(tmp_path / "in" / "a.pdf", ["1", "2"])
    script = [{"do": "hang", "pages": "1"}]
    (use,) = run_job(tmp_path, engine_options={"script": script}, max_attempts=1, page_timeout_s=1).workers
    assert 1 <= use.busy_s <= use.ready_s


def test_waiting_for_the_renderer_is_no_recognition(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 6)
    (use,) = run_job(tmp_path, engine_options={"needs_image": True}, dpi=300).workers
    assert use.render_s > use.recognize_s
    assert use.idle_share > 0.5
