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

# Documents with a text layer, of which one has this many times the pages of the other.
SHORT, LONG = "text layer, short", "text layer, long"
MANY = 10


def commands(folder: Path, ocrmypdf: str | None) -> dict[str, Callable[[], list[str]]]:
    """Gives what is compared on the scan, and documents with a text layer, each as a function that makes a command."""
    scan = folder / "scan.pdf"
    found: dict[str, Callable[[], list[str]]] = {
        name: lambda options=options: batchocr_command(scan, folder / "out", "--mode", "ocr", *options)  # type: ignore[misc]
        for name, options in OURS.items()
    }
    found["rapidocr"] = lambda: rapidocr_command(scan, folder / "rapidocr.json")
    if ocrmypdf:
        found["ocrmypdf"] = lambda: ocrmypdf_command(ocrmypdf, scan, folder / "ocrmypdf.pdf")
    for name, file in ((SHORT, folder / "clean.pdf"), (LONG, folder / "many" / "clean.pdf")):
        found[name] = lambda file=file: batchocr_command(file, folder / "out", "--mode", "auto")  # type: ignore[misc]
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
    """Gives how many times as long as `base` each command took on the scan, the median of the rounds."""
    return {
        name: {
            "wall": round(median(each[name].wall_s / each[base].wall_s for each in found), 2),
            "cpu": round(median(each[name].cpu_s / each[base].cpu_s for each in found), 2),
        }
        for name in found[0]
        if name not in {SHORT, LONG}
    }


def layer_page(each: dict[str, Timing], pages: int) -> tuple[float, float]:
    """Gives the wall-clock and CPU seconds of a further page whose text layer is taken, from one round."""
    further = pages * (MANY - 1)
    short, long = each[SHORT], each[LONG]
    return (long.wall_s - short.wall_s) / further, (long.cpu_s - short.cpu_s) / further


def text_layer(found: list[dict[str, Timing]], pages: int) -> dict[str, dict[str, float]]:
    """Gives what a page costs whose text layer is taken, s, and how many times as long OCR takes for one.

    The medians of the rounds; start-up counts for OCR alone, of whose time it is a fiftieth.
    """
    layers = [layer_page(each, pages) for each in found]
    reads = [(each["batchocr"].wall_s / pages, each["batchocr"].cpu_s / pages) for each in found]
    return {
        kind: {
            "page_s": round(median(layer[place] for layer in layers), 4),
            "ocr_times_as_long": round(
                median(read[place] / layer[place] for read, layer in zip(reads, layers, strict=True)), 1
            ),
        }
        for place, kind in enumerate(("wall", "cpu"))
    }


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
        make_pages(folder / "many", arguments.pages * MANY, seed=6, scans=False)
        found = rounds_of(commands(folder, find_ocrmypdf(arguments.ocrmypdf)), arguments.rounds)
    result = {
        "command": " ".join(["python", "benchmarks/bench_speed.py", *sys.argv[1:]]),
        "machine": about,
        "pages": arguments.pages,
        "rounds": [{name: asdict(timing) for name, timing in each.items()} for each in found],
        "times_as_long": {base: ratios(found, base) for base in OURS},
        "text_layer": text_layer(found, arguments.pages),
    }
    for base, others in result["times_as_long"].items():
        for other, ratio in others.items():
            if other != base:
                print(f"{other} took {ratio['wall']} times as long as {base} ({ratio['cpu']} times the CPU time)")
    ratio = result["text_layer"]
    print(
        f"a page read by OCR took {ratio['wall']['ocr_times_as_long']} times as long as one whose text layer was taken "
        f"({ratio['cpu']['ocr_times_as_long']} times the CPU time)"
    )
    write_result("speed", result)


if __name__ == "__main__":
    main()
