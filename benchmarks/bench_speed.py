"""Measures whole commands on a scanned document: batchocr with all its outputs, rapidocr, OCRmyPDF.

    python benchmarks/bench_speed.py [--pages 50] [--rounds 3] [--ocrmypdf PROGRAM]

The commands take turns within each round, and their order changes from round to round. Ratios are taken within a round,
and the median of the rounds is told, so that what else the machine does meets each alike; CPU seconds, which depend on
that less, are told beside wall-clock seconds. Start-up counts. rapidocr only reads and OCRmyPDF only writes a PDF with
text, while batchocr writes Markdown, JSON, tables, pictures and a PDF of the layout.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median

from measuring import (
    OURS,
    Timing,
    batchocr_command,
    find_ocrmypdf,
    machine,
    ocrmypdf_command,
    rapidocr_command,
    timed,
    write_result,
)
from pages import make_pages

LAYER = "batchocr, text layer"
MANY = 10


def commands(folder: Path, ocrmypdf: str | None) -> dict[str, Callable[[], list[str]]]:
    """Gives what is compared on the scan, each as a function that makes the command."""
    scan = folder / "scan.pdf"
    found: dict[str, Callable[[], list[str]]] = {
        name: lambda options=options: batchocr_command(scan, folder / "out", "--mode", "ocr", *options)  # type: ignore[misc]
        for name, options in OURS.items()
    }
    found["rapidocr"] = lambda: rapidocr_command(scan, folder / "rapidocr.json")
    if ocrmypdf:
        found["ocrmypdf"] = lambda: ocrmypdf_command(ocrmypdf, scan, folder / "ocrmypdf.pdf")
    return found


def rounds_of(makers: dict[str, Callable[[], list[str]]], rounds: int) -> list[dict[str, Timing]]:
    """Runs everything in each round, starting with another command each time."""
    names = list(makers)
    found = []
    for number in range(rounds):
        turn = names[number % len(names) :] + names[: number % len(names)]
        timings = {name: timed(makers[name]()) for name in turn}
        found.append({name: timings[name] for name in names})
        told = ", ".join(f"{name} {timing.wall_s} s ({timing.cpu_s} s of CPU)" for name, timing in found[-1].items())
        print(f"round {number + 1}: {told}", flush=True)
    return found


def ratios(found: list[dict[str, Timing]], base: str) -> dict[str, dict[str, float]]:
    """Gives how many times as long as `base` each command took, the median of the rounds."""
    return {
        name: {
            "wall": round(median(each[name].wall_s / each[base].wall_s for each in found), 2),
            "cpu": round(median(each[name].cpu_s / each[base].cpu_s for each in found), 2),
        }
        for name in found[0]
    }


def text_layer(folder: Path, pages: int) -> dict[str, float]:
    """Gives the seconds per further page where the text layer is taken, from documents of different length."""
    short, long = folder / "clean.pdf", folder / "many" / "clean.pdf"
    many = make_pages(long.parent, pages * MANY, seed=6, scans=False)
    one, ten = (timed(batchocr_command(file, folder / "out", "--mode", "auto")) for file in (short, long))
    further = len(many) - pages
    return {"wall_s": (ten.wall_s - one.wall_s) / further, "cpu_s": (ten.cpu_s - one.cpu_s) / further}


def main() -> None:
    """Measures, prints and keeps the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ocrmypdf", default=None, help="the program, if it is not on the PATH")
    arguments = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory(prefix="batchocr-bench-") as name:
        folder = Path(name)
        make_pages(folder, arguments.pages, seed=5)
        found = rounds_of(commands(folder, find_ocrmypdf(arguments.ocrmypdf)), arguments.rounds)
        layer = text_layer(folder, arguments.pages)
    result = {
        "command": " ".join(["python", "benchmarks/bench_speed.py", *sys.argv[1:]]),
        "machine": about,
        "pages": arguments.pages,
        "rounds": [{name: asdict(timing) for name, timing in each.items()} for each in found],
        "times_as_long": {base: ratios(found, base) for base in OURS},
        "text_layer_page": layer,
        "ocr_page_to_text_layer_page": {
            "wall": round(median(each["batchocr"].wall_s for each in found) / arguments.pages / layer["wall_s"], 1),
            "cpu": round(median(each["batchocr"].cpu_s for each in found) / arguments.pages / layer["cpu_s"], 1),
        },
    }
    for base, others in result["times_as_long"].items():
        for other, ratio in others.items():
            if other != base:
                print(f"{other} took {ratio['wall']} times as long as {base} ({ratio['cpu']} times the CPU time)")
    ratio = result["ocr_page_to_text_layer_page"]
    print(f"a page read by OCR took {ratio['wall']} times as long as one whose text layer was taken")
    write_result("speed", result)


if __name__ == "__main__":
    main()
