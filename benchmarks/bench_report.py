"""What the report of a large run costs: to write, on the disk, and in a browser.

    .venv/bin/python benchmarks/bench_report.py                1,000 and 10,000 pages
    .venv/bin/python benchmarks/bench_report.py 300 --keep DIR

Documents of 1 to 40 pages full of text are read by the scripted engine, one page in 50 fails; what that takes does not
count. Then `batchocr report` writes, and a headless Chromium opens the file from disk. Needs the environment of
`make setup-dev` and Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shlex
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measuring

import batchocr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.chromium import Tab, chromium  # noqa: E402
from support.documents import text_pdf  # noqa: E402

WORDS = (ROOT / "benchmarks" / "words_en.txt").read_text("utf-8").split()
ROUNDS = 3
SCROLLS = 120
# When this comes, what can be seen has been drawn.
DRAWN = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
# Scrolls so many screens, one a frame, and gives what each frame took, ms.
SCROLL = f"""new Promise(done => {{
  const frames = []; let before = performance.now();
  const step = () => {{
    const now = performance.now(); frames.push(now - before); before = now;
    scrollBy(0, innerHeight);
    frames.length < {SCROLLS} ? requestAnimationFrame(step) : done(frames);
  }};
  requestAnimationFrame(step);
}})"""


def make_run(folder: Path, pages: int) -> Path:
    """Makes documents of so many pages in all, has them read, and gives the output folder."""
    chance, left, number = random.Random(pages), pages, 0
    while left:
        count = min(left, chance.choice((1, 1, 2, 3, 5, 8, 20, 40)))
        texts = [[" ".join(chance.choices(WORDS, k=11)) for _ in range(38)] for _ in range(count)]
        path = folder / "in" / f"{chance.choice(WORDS)}-{number // 50}" / f"{chance.choice(WORDS)} {number:04d}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        text_pdf(path, texts)
        left, number = left - count, number + 1
    script = [{"pages": str(page_no), "source": f"*{page_no}.pdf", "do": "error"} for page_no in range(1, 10)]
    batchocr.run(
        folder / "in", output=folder / "out", engine="fake", devices="cpu:0,cpu:1", formats="md,json", dpi=36,
        max_attempts=1, report=False, engine_options={"content": "rich", "script": script},
    )  # fmt: skip
    return folder / "out"


def write(output: Path) -> dict[str, Any]:
    """Gives what `batchocr report` took, and how large its files are."""
    cost = measuring.timed([sys.executable, "-m", "batchocr", "report", str(output)])
    beside = [path.stat().st_size for path in (output / "report_files").glob("*")]
    return {
        "write_s": cost.wall_s, "write_cpu_s": cost.cpu_s, "write_peak_rss_mb": cost.peak_rss_mb,
        "report_mb": round((output / "report.html").stat().st_size / 1e6, 2),
        "files": len(beside), "files_mb": round(sum(beside) / 1e6, 1),
        "largest_file_mb": round(max(beside, default=0) / 1e6, 2),
    }  # fmt: skip


def look(output: Path, profile: Path) -> dict[str, Any]:
    """Gives what the report takes a browser: to open, to search, to open a document, to scroll."""
    found: dict[str, Any] = {}
    with chromium(profile) as tab:
        report = (output / "report.html").as_uri()
        found["open_s"] = statistics.median(opened(tab, report) for _ in range(ROUNDS))
        found["listed"] = tab.value("JSON.parse(document.getElementById('data').textContent).length")
        # Words that stand in many documents, in one, in none; the first search is the dearest.
        for name, words in (("first_search_s", "page 3 of"), ("search_s", "0017.pdf"), ("search_none_s", "no such")):
            found[name] = searched(tab, words)
        searched(tab, "")
        found["overview_frame_ms"] = frames(tab)
        longest = "[...document.querySelectorAll('#list a')].find(a => a.href.includes('#d'))?.href"
        tab.value("document.querySelector('th[data-sort=\"2\"] button').click()")
        tab.value("document.querySelector('th[data-sort=\"2\"] button').click()")
        address = tab.value(longest)
        found["open_document_s"] = opened(tab, address)
        found["document_frame_ms"] = frames(tab)
        found["heap_mb"] = round(tab.value("performance.memory.usedJSHeapSize") / 1e6, 1)
    return found


def opened(tab: Tab, address: str) -> float:
    """Opens a page and gives the seconds until its list or document can be seen and used."""
    tab.open(address)
    tab.wait_for("document.querySelector('#list tbody tr, section.shown') !== null")
    # From the navigation's start; looking every 20 ms whether it is there adds a little.
    return round(tab.value(f"{DRAWN}.then(() => performance.now())") / 1000, 3)


def searched(tab: Tab, words: str) -> float:
    """Types words into the search and gives the seconds that finding and drawing take, the pause for typing apart."""
    script = f"""(() => {{
      const box = document.getElementById("search"); box.focus(); box.value = {json.dumps(words)};
      const begun = performance.now();
      box.dispatchEvent(new KeyboardEvent("keydown", {{key: "Enter", bubbles: true}}));
      return {DRAWN}.then(() => performance.now() - begun);
    }})()"""
    return round(tab.value(script) / 1000, 3)


def frames(tab: Tab) -> dict[str, float]:
    """Scrolls from the top and gives the usual and the longest time between two frames, ms."""
    tab.value("scrollTo(0, 0)")
    times = tab.value(SCROLL)[1:]
    return {"median": round(statistics.median(times), 1), "longest": round(max(times), 1)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures reports of the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=int, default=[1_000, 10_000])
    parser.add_argument("--keep", type=Path, help="folder to leave runs in, and to find them in again")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/report.json")
    given = parser.parse_args(arguments)
    measured = []
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for pages in given.pages:
            output = folder / str(pages) / "out"
            if not output.exists():
                output = make_run(folder / str(pages), pages)
            # Helpers of the browser may write there a moment longer than it lives.
            scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            profile = Path(stack.enter_context(scratch)) / "profile"
            measured.append({"pages": pages, **write(output), **look(output, profile)})
            print(json.dumps(measured[-1]), flush=True)
    if given.save:
        result = {"command": shlex.join(sys.argv), "machine": measuring.machine(), "report": measured}
        measuring.write_result("report", result)


if __name__ == "__main__":
    main()
