"""Processes whose memory grows are replaced between pages: everything is delivered, and no process gets much larger.

The peak is what the operating system measured of the largest process of a run, page by page, not a sample.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.documents import many_page_pdf, png_page, text_pdf
from support.jobs import attempts_by_page, manifest, run_job, settings, tree

from batchocr.coordinator.retry import MEMORY_LADDER

pytestmark = pytest.mark.faults

MIB = 1 << 20
LEAK_BYTES = 50 * MIB
LEAKS = Path(__file__).resolve().parent.parent / "support" / "leaks"
PEAK = """\
import json, resource, sys
from batchocr import runs
from batchocr.config import build_settings
from batchocr.executors import local
values, finisher_bytes = json.loads(sys.argv[1])
local.FINISHER_RSS_BYTES = finisher_bytes
summary = runs.run(build_settings(values))
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"exit_code": summary.exit_code, "pages_done": summary.pages_done, "peak_kib": peak}))
"""
SIZES = [
    pytest.param(40, 300 * MIB, id="short"),
    pytest.param(400, 1024 * MIB, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
]


@dataclass(frozen=True)
class Peak:
    """A run in a process of its own: its exit code, pages, and the peak of the largest of its children, bytes."""

    exit_code: int
    pages_done: int
    peak_bytes: int


def measured(values: dict[str, Any], finisher_bytes: int = 1024 * MIB) -> Peak:
    """Gives what a run came to; its children have all ended by then."""
    if sys.platform != "linux":
        pytest.skip("other systems count the peak of ended children otherwise, or not at all")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, json.dumps([values, finisher_bytes])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return Peak(found["exit_code"], found["pages_done"], found["peak_kib"] << 10)


@pytest.fixture
def leaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gives the folder in which every leaking child leaves a file; `leak_in` says which those are."""
    (tmp_path / "in").mkdir()
    (tmp_path / "leaking").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(LEAKS))
    return tmp_path / "leaking"


def leak_in(monkeypatch: pytest.MonkeyPatch, folder: Path, module: str, name: str) -> None:
    orders = {"module": module, "name": name, "folder": str(folder), "bytes": LEAK_BYTES}
    monkeypatch.setenv("LEAK", json.dumps(orders))


def check(run: Peak, pages: int, most_bytes: int, recycled: int, least: int, record: Any, kind: str) -> None:
    record(f"{kind}_peak_mib", run.peak_bytes // MIB)
    record(f"{kind}_recycled", recycled)
    assert (run.exit_code, run.pages_done) == (0, pages)
    assert run.peak_bytes <= most_bytes
    assert recycled >= least


@pytest.mark.parametrize(("pages", "budget_bytes"), SIZES)
def test_leak_in_a_worker_costs_no_page_and_stays_within_its_budget(
    tmp_path: Path, pages: int, budget_bytes: int, record_property: Any
) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", pages)
    options = {"script": [{"do": "leak", "bytes": LEAK_BYTES}]}
    run = measured(settings(tmp_path, engine_options=options, max_worker_rss=str(budget_bytes)))
    logs = (tmp_path / "out" / ".batchocr" / "logs").glob("run-*.jsonl")
    recycled = sum(path.read_text().count("it had used up its memory budget") for path in logs)
    least = pages * LEAK_BYTES // budget_bytes - 1
    check(run, pages, budget_bytes + LEAK_BYTES, recycled, least, record_property, "worker")
    assert manifest(tmp_path / "out", "a")["done"] == [[1, pages]]
    assert attempts_by_page(tmp_path / "out") == {}


@pytest.mark.parametrize(("pages", "budget_bytes"), SIZES)
def test_leak_in_a_renderer_costs_no_page_and_stays_within_its_limit(
    tmp_path: Path, leaking: Path, monkeypatch: pytest.MonkeyPatch, pages: int, budget_bytes: int, record_property: Any
) -> None:
    many_page_pdf(tmp_path / "in" / "a.pdf", pages)
    leak_in(monkeypatch, leaking, "batchocr.documents.child", "Session._render")
    options = {"needs_image": True}
    run = measured(settings(tmp_path, engine_options=options, dpi=36, render_memory=budget_bytes))
    recycled = len(list(leaking.iterdir())) - 2  # the first renderer, and the prober
    check(run, pages, budget_bytes + LEAK_BYTES, recycled, pages * LEAK_BYTES // budget_bytes - 1, record_property,
          "renderer")  # fmt: skip
    assert manifest(tmp_path / "out", "a")["failed"] == []


@pytest.mark.parametrize(("pages", "budget_bytes"), SIZES)
def test_leak_in_the_finisher_costs_no_document_and_stays_within_its_budget(
    tmp_path: Path, leaking: Path, monkeypatch: pytest.MonkeyPatch, pages: int, budget_bytes: int, record_property: Any
) -> None:
    for number in range(pages):
        text_pdf(tmp_path / "in" / f"{number}.pdf", f"document {number}")
    leak_in(monkeypatch, leaking, "batchocr.worker.finisher", "assemble")
    run = measured(settings(tmp_path, formats="md"), budget_bytes)
    recycled = len(list(leaking.iterdir())) - 1
    check(run, pages, budget_bytes + LEAK_BYTES, recycled, pages * LEAK_BYTES // budget_bytes - 1, record_property,
          "finisher")  # fmt: skip
    assert len(tree(tmp_path / "out")) == 2 * pages


def test_page_too_large_for_the_engine_is_read_with_fewer_pixels_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)  # 500,990 pixels a page at 72 dpi, half of that at 70 %
    png_page(tmp_path / "in" / "b.png", "hello", size=(1000, 500))
    rules = [{"do": "out_of_memory", "pixels": 300_000, "pages": "2", "source": "a.pdf"},
             {"do": "out_of_memory", "pixels": 300_000, "source": "b.png"}]  # fmt: skip
    summary = run_job(tmp_path, engine_options={"needs_image": True, "script": rules}, dpi=72)
    assert (summary.exit_code, summary.pages_done) == (0, 4)
    assert attempts_by_page(tmp_path / "out") == {("a.pdf", 2): ["failed"] * 2, ("b.png", 1): ["failed"] * 2}
    warning = "read at 70% of the resolution after the engine had run out of memory"
    assert [(entry["pages"], entry["message"]) for entry in manifest(tmp_path / "out", "a")["warnings"]] == [
        ([[2, 2]], warning)
    ]
    assert [entry["message"] for entry in manifest(tmp_path / "out", "b")["warnings"]] == [warning]


def test_page_for_which_memory_never_suffices_is_tried_on_every_device_before_it_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", 12)
    script = [{"do": "out_of_memory", "pages": "2"}, {"do": "slow", "seconds": 0.2}]
    summary = run_job(tmp_path, engine_options={"needs_image": False, "script": script}, devices="npu:0,npu:1")
    assert (summary.exit_code, summary.pages_done, summary.pages_failed) == (6, 11, 1)
    with closing(sqlite3.connect(tmp_path / "out" / ".batchocr" / "ledger.sqlite3")) as ledger:
        tried = [device for (device,) in ledger.execute(
            "SELECT a.device FROM page_attempts p JOIN attempts a ON a.id = p.attempt_id WHERE p.page_no = 2"
        )]  # fmt: skip
    assert set(tried) == {"npu:0", "npu:1"}
    assert len(tried) >= 1 + len(MEMORY_LADDER)
