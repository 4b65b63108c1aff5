"""One bad page, whatever is bad about it, costs that page and nothing else. Real workers, really killed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.documents import many_page_pdf
from support.jobs import Directed, attempts_by_page, background_run, build, eventually, manifest, run_job, script, tree

from batchocr.coordinator.retry import MEMORY_LADDER
from batchocr.datatypes import DocumentReport, RunSummary
from batchocr.errors import ExitCode, FailureKind, RunFailedError, SetupError

PAGES = 4
BAD_PAGE = 2


def documents(folder: Path, *names: str, pages: int = PAGES) -> None:
    (folder / "in").mkdir()
    for name in names:
        many_page_pdf(folder / "in" / f"{name}.pdf", pages)
        with (folder / "in" / f"{name}.pdf").open("ab") as file:
            file.write(f"% {name}\n".encode())  # equal files would be one content


def misbehaving(folder: Path, *behaviours: str, **values: object) -> tuple[Path, RunSummary]:
    """Runs a job with one document per behaviour, which shows on its second page, and a good one."""
    documents(folder, *behaviours, "good")
    rules = script(**{name: f"{name} {BAD_PAGE}" for name in behaviours})
    return folder / "out", run_job(folder, engine_options={"script": rules}, task_pages=PAGES, **values)


def failure_of(summary: RunSummary, name: str) -> DocumentReport:
    (report,) = (report for report in summary.failures if report.source == f"{name}.pdf")
    return report


def text_of(output: Path, name: str) -> str:
    return (output / name / f"{name}.md").read_text("utf-8")


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    folder = tmp_path_factory.mktemp("deaths")
    return misbehaving(folder, "crash", "abort", "exit", "kill", devices="cpu:0,cpu:1")


@pytest.fixture(scope="module")
def hangs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    folder = tmp_path_factory.mktemp("hangs")
    return misbehaving(folder, "hang", "hang_hard", devices="cpu:0,cpu:1", page_timeout_s=1.5)


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    folder = tmp_path_factory.mktemp("errors")
    return misbehaving(folder, "error", "flaky", "silent", "garbage", "out_of_memory", "blank", "fatal")


@pytest.mark.parametrize("name", ["crash", "abort", "exit", "kill"])
def test_page_that_kills_its_worker_fails_after_two_tries_and_its_neighbours_are_delivered(
    deaths: tuple[Path, RunSummary], name: str
) -> None:
    output, summary = deaths
    check_partial(output, summary, name, FailureKind.WORKER_LOST)
    assert attempts_by_page(output)[f"{name}.pdf", BAD_PAGE] == ["lost", "lost"]


def test_run_with_killed_workers_is_partial_and_loses_no_page_but_the_bad_ones(
    deaths: tuple[Path, RunSummary],
) -> None:
    output, summary = deaths
    assert summary.exit_code is ExitCode.PARTIAL
    assert summary.documents == {"partial": 4, "done": 1}
    assert (summary.pages_done, summary.pages_failed) == (4 * (PAGES - 1) + PAGES, 4)
    assert {page_no for _, page_no in attempts_by_page(output)} == {BAD_PAGE}


@pytest.mark.parametrize("name", ["hang", "hang_hard"])
def test_page_that_hangs_is_timed_out_twice_and_its_neighbours_are_delivered(
    hangs: tuple[Path, RunSummary], name: str
) -> None:
    output, summary = hangs
    check_partial(output, summary, name, FailureKind.TIMEOUT)
    assert attempts_by_page(output)[f"{name}.pdf", BAD_PAGE] == ["timed_out", "timed_out"]


@pytest.mark.parametrize("name", ["error", "silent", "fatal"])
def test_page_that_the_engine_refuses_fails_after_two_tries_and_its_neighbours_are_delivered(
    errors: tuple[Path, RunSummary], name: str
) -> None:
    output, summary = errors
    check_partial(output, summary, name, FailureKind.ENGINE_ERROR)
    assert attempts_by_page(output)[f"{name}.pdf", BAD_PAGE] == ["failed", "failed"]


def test_page_for_which_memory_never_suffices_fails_at_the_end_of_the_ladder(errors: tuple[Path, RunSummary]) -> None:
    output, summary = errors
    check_partial(output, summary, "out_of_memory", FailureKind.ENGINE_OUT_OF_MEMORY)
    assert attempts_by_page(output)["out_of_memory.pdf", BAD_PAGE] == ["failed"] * (1 + len(MEMORY_LADDER))


def test_page_that_fails_once_succeeds_alone_on_a_fresh_engine(errors: tuple[Path, RunSummary]) -> None:
    output, summary = errors
    assert attempts_by_page(output)["flaky.pdf", BAD_PAGE] == ["failed"]
    assert "flaky.pdf" not in {report.source for report in summary.failures}
    assert manifest(output, "flaky")["done"] == [[1, PAGES]]


def test_garbage_from_an_engine_stays_inside_its_folder(errors: tuple[Path, RunSummary]) -> None:
    output, summary = errors
    assert "garbage.pdf" not in {report.source for report in summary.failures}
    names = [name.removeprefix("garbage/") for name in tree(output) if name.startswith("garbage")]
    assert all(re.fullmatch(r"(images/p0002_\w+|garbage\w*|manifest)\.\w+", name) for name in names)
    assert {path.name for path in output.parent.iterdir()} == {"in", "out"}
    assert "<script>" not in text_of(output, "garbage")


def test_blank_page_is_done(errors: tuple[Path, RunSummary]) -> None:
    output, _ = errors
    assert manifest(output, "blank")["blank"] == [[BAD_PAGE, BAD_PAGE]]
    assert manifest(output, "blank")["failed"] == []


def check_partial(output: Path, summary: RunSummary, name: str, kind: FailureKind) -> None:
    report = failure_of(summary, name)
    assert report.state.value == "partial"
    assert [(f.first_page, f.last_page, f.kind) for f in report.failures] == [(BAD_PAGE, BAD_PAGE, kind)]
    text = text_of(output, name)
    for page_no in range(1, PAGES + 1):
        assert (f"Page {page_no} of {name}.pdf" in text) is (page_no != BAD_PAGE)
    assert f"<!-- page: {BAD_PAGE} failed: {kind.value}" in text
    assert manifest(output, name)["done"] == [[1, BAD_PAGE - 1], [BAD_PAGE + 1, PAGES]]


def test_three_pages_that_lose_the_device_fail_and_the_run_goes_on(tmp_path: Path) -> None:
    documents(tmp_path, "fatal", pages=5)
    summary = run_job(tmp_path, engine_options={"script": script(fatal="fatal 2-4")}, max_attempts=1)
    assert [f.first_page for f in summary.failures[0].failures] == [2, 3, 4]
    assert manifest(tmp_path / "out", "fatal")["done"] == [[1, 1], [5, 5]]


def test_document_whose_pages_all_fail_has_no_folder_and_fails(tmp_path: Path) -> None:
    documents(tmp_path, "error", pages=3)
    summary = run_job(tmp_path, engine_options={"script": script(error="error")})
    assert summary.exit_code is ExitCode.PARTIAL
    assert summary.documents == {"failed": 1}
    assert [(f.first_page, f.last_page) for f in summary.failures[0].failures] == [(1, 1), (2, 2), (3, 3)]
    assert not (tmp_path / "out" / "error").exists()


def test_engine_that_cannot_load_stops_the_run_with_its_own_words(tmp_path: Path) -> None:
    documents(tmp_path, "a")
    with pytest.raises(SetupError, match="fake cannot be loaded on cpu: the weights are on holiday"):
        run_job(tmp_path, engine_options={"load_error": "the weights are on holiday"})


def test_load_that_hangs_is_ended_and_the_run_stops_resumable(tmp_path: Path) -> None:
    documents(tmp_path, "a")
    with pytest.raises(RunFailedError, match=r"not loaded within 0\.2 s.*run the same command again"):
        run_job(tmp_path, engine_options={"load_seconds": 3600}, load_timeout_s=0.2)
    assert run_job(tmp_path).exit_code is ExitCode.OK


class Warnings:
    """Keeps what a person is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def on_plan(self, documents: int, skipped: int, devices: tuple[str, ...], engine: str, note: str) -> None: ...

    def on_progress(self, progress: object) -> None: ...

    def on_warning(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    return Directed(tmp_path / "orders", monkeypatch)


def test_device_that_cannot_load_later_is_left_out_and_the_run_goes_on(tmp_path: Path, directed: Directed) -> None:
    documents(tmp_path, "a", pages=3)
    directed.tell("one-load", "hold-2")
    warnings = Warnings()
    wanted = build(tmp_path, **directed.settings(), devices="cpu:0,cpu:1", task_pages=1)
    with background_run(wanted, warnings) as run:
        directed.wait_at(2, run)
        eventually(lambda: any("is left out" in message for message in warnings.messages), "a device to be left out")
        directed.recall("hold-2")
        summary = run.result()
    assert summary.documents == {"done": 1}
    assert any("cpu:1 cannot load the engine and is left out: no second load" in m for m in warnings.messages)


def test_device_that_cannot_load_later_stops_a_strict_run(tmp_path: Path, directed: Directed) -> None:
    documents(tmp_path, "a", pages=3)
    directed.tell("one-load", "hold-2")
    wanted = build(tmp_path, **directed.settings(), devices="cpu:0,cpu:1", task_pages=1, strict_devices=True)
    with background_run(wanted) as run:
        eventually((directed.folder / "refused").exists, "the second load")
        directed.recall("hold-2")
        with pytest.raises(SetupError, match="cpu:1: no second load"):
            run.result()
