"""Random jobs for the chaos program: a few small documents, and a script of what the engine does on their pages."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.documents import (
    BROKEN_KINDS,
    blank_pdf,
    broken_pdf,
    image_pdf,
    pdf_with_missing_pages,
    png_page,
    text_pdf,
)

# A worker does not survive these. Each costs two loads of the engine and a back-off, so a scenario has few of them.
LETHAL = ("crash", "abort", "exit", "kill", "hang")
HARMLESS = ("text", "blank", "error", "flaky", "silent", "out_of_memory", "slow", "garbage")
LEAK_BYTES = 40_000_000
LEAK_BUDGET = "200MiB"
PAGE_TIMEOUT_S = 1.5
# Drawing the first page includes the start of a renderer, which must not count as a hang on a busy machine.
DRAWN_PAGE_TIMEOUT_S = 3.0
MAX_PAGES = 30
SMALL_PAGE_PX = (248, 351)
PADDING_BYTES = 48 << 20


@dataclass(frozen=True)
class Scenario:
    """One job: its inputs, and the settings that change outputs.

    Attributes:
        number: of the scenario; it follows from the seed.
        script: rules of the scripted engine.
        options: the engine's other options.
        page_timeout_s: time without a finished page that counts as hung, s.
        leaks: workers have a small memory budget.
        pages: of all documents that can be opened.
        twins: names of files with equal content.
    """

    number: int
    script: tuple[dict[str, Any], ...]
    options: dict[str, Any]
    page_timeout_s: float
    leaks: bool
    pages: int
    twins: tuple[str, ...]

    def arguments(self, inputs: Path, output: Path) -> list[str]:
        """Gives the arguments of `batchocr` that run this job; how many workers there are is left to the caller."""
        options = {**self.options, "script": list(self.script)}
        engine = [part for key, value in options.items() for part in ("--engine-option", f"{key}={json.dumps(value)}")]
        memory = ["--max-worker-rss", LEAK_BUDGET] if self.leaks else []
        return [
            "run", str(inputs), "-o", str(output), "--no-report", "--engine", "fake", *engine, *memory, "--dpi", "72",
            "--page-timeout-s", str(self.page_timeout_s), "--render-timeout-s", "10", "--quiet",
        ]  # fmt: skip


def build_scenario(number: int, inputs: Path) -> Scenario:
    """Writes the documents of a scenario into a new folder; the same number always gives the same job."""
    rng = random.Random(f"scenario {number}")
    inputs.mkdir(parents=True)
    documents: dict[str, int] = {}
    for position in range(rng.randint(2, 6)):
        room = MAX_PAGES - sum(documents.values())
        name, pages = _document(rng, inputs, position, min(12, max(1, room)))
        documents[name] = pages
    twins = _twins(rng, inputs, documents)
    if rng.random() < 0.4:  # keeps the prober busy for some time
        heavy = png_page(inputs / "heavy.png", "heavy", size=SMALL_PAGE_PX, dpi=30)
        with heavy.open("ab") as file:
            file.write(rng.randbytes(1 << 20) * (PADDING_BYTES >> 20))
        documents[heavy.name] = 1
    needs_image = rng.random() < 0.6
    script = _script(rng, {name: pages for name, pages in documents.items() if pages})
    return Scenario(
        number=number,
        script=tuple(script),
        options={
            "needs_image": needs_image,
            "content": rng.choice(("text", "rich")),
            "page_seconds": round(rng.uniform(0.01, 0.08), 3),
            "load_seconds": round(rng.uniform(0.0, 0.3), 2),
            "in_flight": rng.choice((1, 1, 4)),
        },
        page_timeout_s=DRAWN_PAGE_TIMEOUT_S if needs_image else PAGE_TIMEOUT_S,
        leaks=any(rule["do"] == "leak" for rule in script),
        pages=sum(documents.values()) + (documents[twins[0]] if twins else 0),
        twins=twins,
    )


def _document(rng: random.Random, folder: Path, position: int, most: int) -> tuple[str, int]:
    """Writes one document; gives its name and how many pages it has, 0 if it cannot be opened."""
    pages = min(most, rng.choice((1, 1, 2, 3, 4, 5, 6, 8, 10, 12)))
    words = [f"Document {position}, page {page_no}, {rng.random()}" for page_no in range(1, pages + 1)]
    kind = rng.choice(("text", "text", "text", "image", "scan", "blank", "gaps", "broken"))
    if kind == "image":
        return _unique(png_page(folder / f"d{position}.png", words[0], size=SMALL_PAGE_PX, dpi=30)).name, 1
    path = folder / f"d{position}.pdf"
    if kind == "broken":
        broken_pdf(path, rng.choice(BROKEN_KINDS))
        return path.name, 0
    if kind == "text":
        text_pdf(path, words)
    elif kind == "scan":
        _unique(image_pdf(path, words, size=SMALL_PAGE_PX, dpi=30))
    elif kind == "blank":
        _unique(blank_pdf(path, pages))
    else:
        pages = max(2, pages)
        pdf_with_missing_pages(path, pages, missing=[rng.randint(1, pages)])
    return path.name, pages


def _unique(path: Path) -> Path:
    """Makes a file unlike every other: small pictures of different words may be equal, and only twins should be."""
    with path.open("ab") as file:
        file.write(f"%{path.name}\n".encode())
    return path


def _twins(rng: random.Random, folder: Path, documents: dict[str, int]) -> tuple[str, ...]:
    """Copies one of the documents, sometimes into a folder below; gives the names of the two."""
    readable = sorted(name for name, pages in documents.items() if pages)
    if not readable or rng.random() < 0.5:
        return ()
    first = rng.choice(readable)
    # The copy comes after its original in every order, and the rules' globs fit both.
    second = rng.choice(("z", "sub/z")) + first
    (folder / second).parent.mkdir(exist_ok=True)
    shutil.copyfile(folder / first, folder / second)
    return (first, second)


def _script(rng: random.Random, documents: dict[str, int]) -> list[dict[str, Any]]:
    """Gives rules for some pages: at most two that kill the worker, at most four others, sometimes a leak."""
    if not documents:
        return []
    behaviours = [rng.choice(LETHAL) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    behaviours += [rng.choice(HARMLESS) for _ in range(rng.randint(0, 4))]
    rng.shuffle(behaviours)
    rules: list[dict[str, Any]] = []
    for behaviour in behaviours:
        source = rng.choice(sorted(documents))
        rules.append({"do": behaviour, "source": f"*{source}", "pages": str(rng.randint(1, documents[source]))})
        if behaviour == "slow":
            rules[-1]["seconds"] = round(rng.uniform(0.1, 0.6), 2)
    if rng.random() < 0.2:
        rules.append({"do": "leak", "bytes": LEAK_BYTES})
    return rules
