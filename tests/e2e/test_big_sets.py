"""Long documents: everything arrives, in order, and again nothing is read twice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from e2e_commands import batchocr, states
from support.documents import image_pdf, many_page_pdf

PAGES_IN_ORDER = re.compile(r"<!-- page: (\d+) -->")


def _page_nos(markdown: Path) -> list[int]:
    return [int(number) for number in PAGES_IN_ORDER.findall(markdown.read_text("utf-8"))]


@pytest.mark.timeout(300)
def test_five_thousand_pages_arrive_in_order(tmp_path: Path) -> None:
    many_page_pdf(tmp_path / "long.pdf", 5000)
    command = ("run", "long.pdf", "-o", "out", "--engine", "fake", "--devices", "cpu:0,cpu:1", "--json", "--dpi", "36",
               "--formats", "md,json")  # fmt: skip
    done = batchocr(*command, cwd=tmp_path, timeout_s=280)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pages_done"] == 5000
    assert _page_nos(tmp_path / "out" / "long" / "long.md") == list(range(1, 5001))
    again = batchocr(*command, cwd=tmp_path)
    assert json.loads(again.stdout)["pages_done"] == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_three_hundred_scanned_pages_are_read_in_order(tmp_path: Path) -> None:
    image_pdf(tmp_path / "scan.pdf", [f"This is page number {number}" for number in range(1, 301)])
    done = batchocr("run", "scan.pdf", "-o", "out", "--engine", "ppocr", cwd=tmp_path, timeout_s=1700)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path / "out") == {"scan.pdf": "done"}
    text = (tmp_path / "out" / "scan" / "scan.md").read_text("utf-8")
    assert _page_nos(tmp_path / "out" / "scan" / "scan.md") == list(range(1, 301))
    assert re.findall(r"page number (\d+)", text) == [str(number) for number in range(1, 301)]
