from __future__ import annotations

import io
import logging
import sys
from typing import Any

import pytest

from batchocr.cli.progress import BarProgress, LineProgress, choose_progress, duration, progress_line, worker_line
from batchocr.datatypes import RunProgress, WorkerView


def progress(**values: Any) -> RunProgress:
    known = {
        "pages_total": 100, "pages_done": 0, "pages_failed": 0, "documents_total": 10, "documents_ended": 0,
        "counting": False, "elapsed_s": 0.0,
    }  # fmt: skip
    return RunProgress(**{**known, **values})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.7, "1 min 0 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_line_tells_share_speed_time_left_and_failures() -> None:
    now = progress(pages_done=18, pages_failed=2, documents_ended=3)
    assert progress_line(now, 10.0) == "20/100 pages (20 %), 2.00 pages/s, 40 s left, 2 failed; 3/10 documents"


def test_line_promises_nothing_while_pages_are_being_counted() -> None:
    assert progress_line(progress(pages_done=5, counting=True), 10.0) == (
        "5/100 pages so far, 0.50 pages/s; 0/10 documents"
    )


def test_line_before_the_first_page() -> None:
    assert progress_line(progress(pages_total=0, counting=True), 0.0) == "0/0 pages so far; 0/10 documents"


def test_lines_come_every_ten_seconds_and_at_each_tenth(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "batchocr")
    said = []
    listener = LineProgress()
    for now in (
        progress(elapsed_s=4), progress(elapsed_s=11), progress(elapsed_s=12), progress(elapsed_s=13, pages_done=9),
        progress(elapsed_s=14, pages_done=10), progress(elapsed_s=15, pages_done=19),
        progress(elapsed_s=16, pages_done=55),
        progress(elapsed_s=25, pages_done=56), progress(elapsed_s=26, pages_done=57),
    ):  # fmt: skip
        before = len(caplog.records)
        listener.on_progress(now)
        if len(caplog.records) > before:
            said.append(now.elapsed_s)
    assert said == [11, 14, 16, 26]


def test_time_for_loading_the_engine_does_not_count_as_slow_reading(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "batchocr")
    listener = LineProgress()
    listener.on_progress(progress(elapsed_s=300))
    listener.on_progress(progress(elapsed_s=310, pages_done=20))
    assert "2.00 pages/s, 40 s left" in caplog.messages[-1]


def test_worker_line_keeps_the_end_of_a_long_name() -> None:
    worker = WorkerView("gpu:0", "gpu:0", "busy", "a/very/long/path/" * 5 + "invoice.pdf", 12, 900 << 20)
    line = worker_line(worker, 60)
    assert len(line) == 60
    assert line.startswith("  gpu:0   busy")
    assert line.endswith("invoice.pdf page 12  900 MiB")


def test_worker_line_of_a_hostile_name_is_harmless() -> None:
    assert "\x1b" not in worker_line(WorkerView("cpu", "cpu", "busy", "\x1b[2J.pdf", 1), 80)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_shows_pages_failures_and_workers_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    with choose_progress(quiet=False) as listener:
        assert isinstance(listener, BarProgress)
        listener.on_progress(progress(pages_total=0, counting=True, workers=(WorkerView("cpu", "cpu", "loading"),)))
        listener.on_progress(
            progress(pages_done=3, pages_failed=1, workers=(WorkerView("cpu", "cpu", "busy", "a.pdf", 4),))
        )
    text = screen.getvalue()
    assert "counting" in text
    assert "4/100 pages" in text
    assert "1 failed" in text
    assert "a.pdf page 4" in text
    assert text.rpartition("\n")[2].rpartition("\r")[2] == ""


def test_small_terminal_gets_no_worker_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "24")
    with choose_progress(quiet=False) as listener:
        listener.on_progress(progress(pages_done=3, workers=(WorkerView("cpu", "cpu", "busy", "a.pdf", 4),)))
    assert "a.pdf" not in screen.getvalue()


def test_no_terminal_gets_lines_and_quiet_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(choose_progress(quiet=False), LineProgress)
    assert not isinstance(choose_progress(quiet=True), LineProgress | BarProgress)
