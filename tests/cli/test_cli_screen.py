"""What the screen of a run shows; how it behaves in a real terminal is in tests/e2e/test_terminal.py."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from rich.console import Console

from batchocr.cli.screen import ScreenProgress, size, worker_row
from batchocr.datatypes import RunProgress, WorkerView
from batchocr.logs import ConsoleHandler


def progress(*workers: WorkerView, **values: Any) -> RunProgress:
    known = {
        "pages_total": 100, "pages_done": 0, "pages_failed": 0, "documents_total": 10, "documents_ended": 0,
        "counting": False, "elapsed_s": 0.0, "workers": workers,
    }  # fmt: skip
    return RunProgress(**{**known, **values})


def busy(source: str, **values: Any) -> WorkerView:
    return WorkerView("gpu:0", "gpu:0", "busy", source, 12, 900 << 20, **values)


def console(columns: int = 80, lines: int = 24) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=columns, height=lines, markup=False, highlight=False,
        emoji=False, color_system=None,
    )  # fmt: skip


def shown(*events: RunProgress, columns: int = 80, lines: int = 24) -> str:
    """Gives all that was written to a terminal."""
    terminal = console(columns, lines)
    with ScreenProgress(terminal) as screen:
        for event in events:
            screen.on_progress(event)
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def test_screen_shows_share_pages_speed_time_left_failures_and_workers() -> None:
    text = shown(progress(busy("a.pdf"), pages_done=41, pages_failed=1, pages_per_s=2.5, left_s=(20, 30)))
    for words in (
        " 42 %",
        "42/100 pages",
        "2.50 pages/s",
        "20 to 30 s left",
        "0/10 documents",
        "1 page failed",
        "a.pdf",
    ):
        assert words in text


def test_share_waits_until_the_pages_are_counted() -> None:
    text = shown(progress(pages_done=41, counting=True))
    assert "41/100 pages so far" in text
    assert "%" not in text


def test_something_is_shown_before_anything_is_known() -> None:
    assert "Looking at documents" in shown()


def test_plan_stays_on_the_terminal_and_is_not_said_twice(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "batchocr")
    terminal = console()
    with ScreenProgress(terminal) as screen:
        screen.on_plan(3, 1, ("cpu",), "ppocr", "engine ppocr chosen; [bold]no GPU[/bold] \x1b[2J")
    assert isinstance(terminal.file, io.StringIO)
    text = terminal.file.getvalue()
    assert "3 found, 1 done before" in text
    assert "[bold]no GPU[/bold] \\x1b[2J" in text
    assert getattr(caplog.records[0], "shown", False)


def test_log_lines_go_above_the_screen() -> None:
    stream = io.StringIO()
    terminal = console()
    with ScreenProgress(terminal):
        ConsoleHandler(stream).emit(
            logging.makeLogRecord({"levelname": "WARNING", "msg": "worker [red]gpu:0[/red] was lost"})
        )
    assert isinstance(terminal.file, io.StringIO)
    assert "worker [red]gpu:0[/red] was lost" in terminal.file.getvalue()
    assert stream.getvalue() == ""


def test_more_workers_than_lines_are_counted() -> None:
    workers = [WorkerView(f"gpu:{number}", f"gpu:{number}", "busy") for number in range(16)]
    text = shown(progress(*workers), lines=12)
    assert "gpu:6" in text
    assert "gpu:7" not in text
    assert "and 9 more workers" in text


def test_narrow_terminal_gets_no_worker_lines() -> None:
    assert "a.pdf" not in shown(progress(busy("a.pdf"), pages_done=3), columns=40)


@pytest.mark.parametrize("source", ["a/very/long/path/" * 5 + "invoice.pdf", "发票" * 40 + "invoice.pdf", "x" * 50])
def test_worker_row_keeps_the_end_of_a_long_name_and_fits(source: str) -> None:
    row = worker_row(busy(source, gpu_bytes=3 << 30), 60)
    assert row.cell_len <= 60
    assert row.plain.startswith("  gpu:0   busy     ...")
    assert row.plain.endswith(source[-4:] + "  page 12  900 MiB  GPU 3.0 GiB")


def test_worker_row_of_a_hostile_name_is_harmless() -> None:
    assert worker_row(busy("\x1b[2J\n[red].pdf"), 80).plain.count("\\x1b[2J\\n[red].pdf") == 1


def test_worker_without_a_document_shows_its_state_alone() -> None:
    assert worker_row(WorkerView("cpu", "cpu", "loading"), 80).plain.split() == ["cpu", "loading"]


def test_sizes() -> None:
    assert (size(900 << 20), size(3 << 30)) == ("900 MiB", "3.0 GiB")
