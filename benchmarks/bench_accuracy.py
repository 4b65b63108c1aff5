"""Measures character error rates, reading order included: batchocr, rapidocr with its defaults, OCRmyPDF.

    python benchmarks/bench_accuracy.py [--pages 27] [--corpus FOLDER] [--ocrmypdf PROGRAM]

on the generator's pages, clean and as scans, and on the real scans and photographs of the corpus that have an exact
text as their truth. White space does not count; dashes and quotes of one kind are equal. Every page is read from its
image (`--mode ocr`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import img2pdf
import pypdfium2
from measuring import (
    HERE,
    OURS,
    batchocr_command,
    errors_of,
    find_ocrmypdf,
    machine,
    ocrmypdf_command,
    page_texts,
    rapidocr_command,
    timed,
    write_result,
)
from pages import make_pages

# Folders of the corpus whose files are pictures of paper.
SCANS = ("scan/", "images/")


def readings(file: Path, folder: Path, ocrmypdf: str | None) -> dict[str, list[str]]:
    """Gives what each program reads in one document: a text per page."""
    found = {}
    for name, options in OURS.items():
        timed(batchocr_command(file, folder / "out", "--mode", "ocr", *options))
        found[name] = page_texts(folder / "out")
    timed(rapidocr_command(file, folder / "rapidocr.json"))
    found["rapidocr"] = json.loads((folder / "rapidocr.json").read_text("utf-8"))
    if ocrmypdf:
        target = folder / "ocrmypdf.pdf"
        timed(ocrmypdf_command(ocrmypdf, file, target))
        found["ocrmypdf"] = target.with_suffix(".txt").read_text("utf-8").split("\f")
    return found


def image_only(clean: Path, target: Path) -> None:
    """Writes the pages of a PDF as images without loss, so that there is no text layer to take."""
    with pypdfium2.PdfDocument(clean) as document:
        names = []
        for index, page in enumerate(document):
            names.append(target.with_name(f"clean{index:03}.png"))
            page.render(scale=200 / 72).to_pil().convert("L").save(names[-1], dpi=(200, 200))
    target.write_bytes(img2pdf.convert([str(name) for name in names], engine=img2pdf.Engine.internal, nodate=True))


def generated(folder: Path, pages: int, ocrmypdf: str | None) -> dict[str, dict[str, list[int]]]:
    """Gives for each group of the generator's pages and each program the wrong characters and all characters."""
    truths = make_pages(folder, pages, seed=5)
    image_only(folder / "clean.pdf", folder / "clean-images.pdf")
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for look, name in (("clean", "clean-images.pdf"), ("scan", "scan.pdf")):
        for program, texts in readings(folder / name, folder, ocrmypdf).items():
            for truth, text in zip(truths, texts, strict=False):
                language, layout, _ = truth.kind.split(", ")
                wrong, count = errors_of("".join(truth.lines), text)
                for group in (f"{look}, {language}, {layout}", look, "all"):
                    sums[group][program][0] += wrong
                    sums[group][program][1] += count
    return sums


def corpus_files(corpus: Path) -> list[tuple[Path, str]]:
    """Gives the scans that have an exact text as their truth, with that text."""
    found = []
    for entry in json.loads((corpus / "manifest.json").read_text("utf-8"))["files"]:
        texts = {}
        for truth in entry.get("truth", ()):
            exact = truth["type"] == "text" and truth.get("quality") == "exact"
            if exact and (truth.get("text") or truth.get("file")) and entry["file"].startswith(SCANS):
                page = re.match(r"page (\d+):", truth.get("origin", ""))
                text = truth.get("text") or (corpus / truth["file"]).read_text("utf-8")
                texts.setdefault(int(page[1]) if page else 0, text)
        if texts:
            found.append((corpus / entry["file"], "\n".join(texts[number] for number in sorted(texts))))
    return found


def real(corpus: Path, folder: Path, ocrmypdf: str | None) -> dict[str, dict[str, float]]:
    """Gives each real scan's error rate with each program."""
    table = {}
    for file, truth in corpus_files(corpus):
        rates = {}
        for program, texts in readings(file, folder, ocrmypdf).items():
            wrong, count = errors_of(truth, "\n".join(texts))
            rates[program] = round(wrong / count, 4)
        table[file.relative_to(corpus).as_posix()] = rates
        print(f"{file.name}: {rates}", flush=True)
    return table


def main() -> None:
    """Measures, prints and keeps the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=27, help="of the generator; 0 for the corpus alone")
    parser.add_argument(
        "--corpus", type=Path, default=os.environ.get("BATCHOCR_CORPUS") or HERE.parent.parent / "shared" / "corpus"
    )
    parser.add_argument("--ocrmypdf", default=None, help="the program, if it is not on the PATH")
    arguments = parser.parse_args()
    ocrmypdf = find_ocrmypdf(arguments.ocrmypdf)
    about = {"command": f"python benchmarks/bench_accuracy.py --pages {arguments.pages}", "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="batchocr-bench-") as name:
        if arguments.pages:
            groups = {
                group: rates(each) for group, each in sorted(generated(Path(name), arguments.pages, ocrmypdf).items())
            }
            for group, each in groups.items():
                print(f"{group:<28}", *(f"{program} {found['rate']:.3%}" for program, found in each.items()))
            write_result("accuracy_generated", {**about, "pages": arguments.pages, "groups": groups})
        if (arguments.corpus / "manifest.json").is_file():
            write_result("accuracy_corpus", {**about, "files": real(arguments.corpus, Path(name), ocrmypdf)})
        else:
            print(f"without real scans: there is no corpus at {arguments.corpus}")


def rates(sums: Mapping[str, Sequence[int]]) -> dict[str, dict[str, float]]:
    """Gives the error rate of each program with the figures behind it."""
    return {
        program: {"wrong": wrong, "characters": count, "rate": round(wrong / count, 5)}
        for program, (wrong, count) in sums.items()
    }


if __name__ == "__main__":
    main()
