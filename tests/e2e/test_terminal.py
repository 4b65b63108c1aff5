"""`batchocr run` in a real terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_commands import COMMAND
from support.documents import text_pdf
from support.terminals import TmuxTerminal, tmux_terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7]|[34]8;[0-9;]+)m")
pytestmark = pytest.mark.timeout(180)
LOCALE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        parent = tmp_path / "in" / f"{number}-{'发票' * 12}-{'long' * 8}"
        parent.mkdir(parents=True)
        text_pdf(parent / f"invoice {number}.pdf", [f"{number}.{page}" for page in range(6)])
    return tmp_path


@pytest.fixture
def terminal(folder: Path) -> Iterator[TmuxTerminal]:
    with tmux_terminal(folder, LOCALE) as opened:
        yield opened


def run_line(*more: str, page_s: float = 0.2) -> str:
    words = [str(COMMAND), "run", "in", "-o", "out", "--engine", "fake", "--devices", "cpu:0,cpu:1"]
    return " clear; " + shlex.join([*words, "--engine-option", f"page_seconds={page_s}", *more])


def test_run_shows_plan_bar_and_workers_and_leaves_a_summary(terminal: TmuxTerminal) -> None:
    terminal.type(run_line(page_s=0.6))
    screen = terminal.wait_for("documents  4 found", "engine     fake on cpu:0, cpu:1", "pages/s", " left", "page ")
    rows = screen.splitlines()
    workers = [row for row in rows if re.match(r"  cpu:[01]   ", row)]
    assert len(workers) == 2
    assert sum("━" in row for row in rows) == 1
    after = terminal.wait_for_prompt()
    assert "4 done" in after
    assert "report     out/report.html\n" in after
    assert "Next: batchocr report out --open" in after
    assert "━" not in after
    assert "cpu:0   " not in after
    assert terminal.cursor_is_visible()


def test_ctrl_c_drains_and_leaves_the_terminal_clean(terminal: TmuxTerminal) -> None:
    terminal.type(run_line(page_s=0.5))
    terminal.wait_for("pages/s")
    terminal.press("C-c")
    after = terminal.wait_for_prompt()
    assert " interrupted after " in after
    assert "Next: the same command again" in after
    assert "━" not in after
    assert terminal.cursor_is_visible()
    terminal.type(run_line(page_s=0))
    assert "4 done" in terminal.wait_for_prompt()


def test_ctrl_c_twice_stops_at_once_and_leaves_the_terminal_clean(terminal: TmuxTerminal) -> None:
    terminal.type(run_line(page_s=50))
    terminal.wait_for("busy")
    terminal.press("C-c")
    terminal.wait_for("stopping")
    terminal.press("C-c")
    assert " interrupted after " in terminal.wait_for_prompt(timeout_s=25)
    assert terminal.cursor_is_visible()


def test_terminal_that_shrinks_while_a_run_goes_on_is_usable_afterwards(terminal: TmuxTerminal) -> None:
    terminal.type(run_line())
    terminal.wait_for("pages/s")
    terminal.resize(50, 12)
    assert "batchocr retry" not in terminal.wait_for_prompt()
    assert terminal.cursor_is_visible()


def test_failure_ends_with_the_command_that_helps(terminal: TmuxTerminal) -> None:
    terminal.type(run_line("--engine-option", "script=[{pages: '2', source: '3-*', do: error}]", page_s=0))
    after = terminal.wait_for_prompt()
    assert "Failed: 1 page\n" in after
    assert "page 2: scripted error" in after
    assert "Next: batchocr retry" in after


def test_no_color_is_heeded(folder: Path) -> None:
    with tmux_terminal(folder, LOCALE) as coloured:
        coloured.type(run_line())
        coloured.wait_for("busy")
        assert COLOUR.search(coloured.screen(colours=True))
    with tmux_terminal(folder, {**LOCALE, "NO_COLOR": "1"}) as plain:
        plain.type(run_line("--force"))
        plain.wait_for("busy")
        assert not COLOUR.search(plain.screen(colours=True))


def test_terminal_that_cannot_move_its_cursor_gets_lines(folder: Path) -> None:
    with tmux_terminal(folder, {**LOCALE, "TERM": "dumb"}) as terminal:
        terminal.type(run_line())
        after = terminal.wait_for_prompt()
    assert "pages (" in after
    assert "4 done" in after


def test_hostile_name_cannot_steer_the_terminal(folder: Path) -> None:
    try:
        text_pdf(folder / "in" / "\x1b[2J\x1b]0;owned\x07\r[red]x.pdf", [str(page) for page in range(9)])
    except OSError:
        pytest.skip("this file system refuses control characters in names")
    with tmux_terminal(folder, LOCALE) as terminal:
        terminal.type(run_line("--engine-option", "script=[{pages: '9', do: error}]", page_s=0.3))
        terminal.wait_for("[red]x.pdf  page", "busy")
        after = terminal.wait_for_prompt()
        title = terminal.tmux("display-message", "-p", "-t", "main", "#{pane_title}")
    assert r"\x1b[2J" in after
    assert "owned" not in title


def test_redirected_output_has_lines_and_no_escapes(terminal: TmuxTerminal, folder: Path) -> None:
    terminal.type(run_line() + " >log 2>&1")
    terminal.wait_for_prompt()
    text = (folder / "log").read_text("utf-8")
    assert "4 documents, engine fake on cpu:0, cpu:1" in text
    assert re.search(r"\(\d+ %\), \d", text)
    assert "\x1b" not in text
    assert "\r" not in text
