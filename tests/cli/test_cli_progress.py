from __future__ import annotations

import io
import logging
import sys
from typing import Any

import pytest

from batchocr.cli.progress import LineProgress, Progress, choose_progress, duration, left_text, progress_line
from batchocr.cli.screen import ScreenProgress
from batchocr.datatypes import RunProgress


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


@pytest.mark.parametrize(
    ("left_s", "text"),
    [
        ((38.2, 55.4), "38 to 55 s left"), ((41.1, 41.3), "41 s left"), ((150, 260), "2 to 4 min left"),
        ((170, 185), "3 min left"), ((5000, 9000), "1.4 to 2.5 h left"),
    ],
)  # fmt: skip
def test_time_left_is_a_range_in_one_unit(left_s: tuple[float, float], text: str) -> None:
    assert left_text(left_s) == text


def test_line_tells_share_speed_time_left_and_failures() -> None:
    now = progress(pages_done=18, pages_failed=2, documents_ended=3, pages_per_s=2.0, left_s=(35.0, 45.0))
    assert progress_line(now) == "20/100 pages (20 %), 2.00 pages/s, 35 to 45 s left, 2 pages failed; 3/10 documents"


def test_line_promises_nothing_while_pages_are_being_counted() -> None:
    assert progress_line(progress(pages_done=5, counting=True, pages_per_s=0.5)) == (
        "5/100 pages so far, 0.50 pages/s; 0/10 documents"
    )


def test_line_before_the_first_page() -> None:
    assert progress_line(progress(pages_total=0, counting=True)) == "0/0 pages so far; 0/10 documents"


def test_lines_come_at_the_start_every_ten_seconds_and_at_each_tenth(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "batchocr")
    said = []
    listener = LineProgress()
    for now in (
        progress(elapsed_s=1), progress(elapsed_s=4), progress(elapsed_s=11), progress(elapsed_s=12),
        progress(elapsed_s=13, pages_done=9), progress(elapsed_s=14, pages_done=10),
        progress(elapsed_s=15, pages_done=19), progress(elapsed_s=16, pages_done=55),
        progress(elapsed_s=25, pages_done=56), progress(elapsed_s=26, pages_done=57),
    ):  # fmt: skip
        before = len(caplog.records)
        listener.on_progress(now)
        if len(caplog.records) > before:
            said.append(now.elapsed_s)
    assert said == [1, 11, 14, 16, 26]


def test_plan_names_documents_engine_devices_and_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "batchocr")
    Progress().on_plan(3, 1, ("cpu:0", "cpu:1"), "ppocr", "no GPU was found")
    assert caplog.messages == ["3 documents (1 done before), engine ppocr on cpu:0, cpu:1; no GPU was found"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_gets_a_screen_and_one_that_cannot_move_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(choose_progress(quiet=False), ScreenProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose_progress(quiet=False), LineProgress)


def test_no_terminal_gets_lines_and_quiet_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(choose_progress(quiet=False), LineProgress)
    assert type(choose_progress(quiet=True)) is Progress
