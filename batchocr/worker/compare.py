"""The child of `batchocr compare`: reads the pages of one document with several runtimes of an engine.

Its standard input holds one JSON object `{"path", "pages": [[first, last], ...] or null, "dpi", "runtimes": [...],
"threads", "det_model_dir", "rec_model_dir"}`; its standard output gets the answer: `{"pages": n, "runtimes": [...],
"missing": {runtime: why}}` or `{"error": name of an error of ours, "message": "..."}`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from batchocr.datatypes import DocumentRef, Limits, PageImage
from batchocr.documents.client import DocumentChild
from batchocr.engines.ppocr.engine import PpOcrEngine
from batchocr.engines.ppocr.weights import find_weights
from batchocr.errors import BatchOcrError, DocumentError, EngineError, InputError, RunFailedError, SetupError


def compare_document(question: dict[str, Any]) -> dict[str, Any]:
    """Gives the answer to a question. Blocks until all pages are read by all runtimes.

    Raises:
        ConfigError, SetupError: there are no two runtimes to compare.
        InputError: the document, or a page of it, cannot be had.
        RunFailedError: a runtime failed on a page.
    """
    try:
        from batchocr.engines.ppocr.parity import Reader, compare, parse_variant
    except ImportError as err:
        raise SetupError(f'a library cannot be imported ({err}); install it with: pip install "batchocr[cpu]"') from err

    variants = [parse_variant(text, question["threads"]) for text in question["runtimes"]]
    folders = [Path(question[name]) if question[name] else None for name in ("det_model_dir", "rec_model_dir")]
    weights = find_weights(*folders)
    readers, missing, versions = [], {}, {}
    for variant in variants:
        try:
            versions[variant.name] = dict(PpOcrEngine.describe(variant.options).versions)
            readers.append(Reader(variant, weights))
        except SetupError as err:
            missing[variant.name] = str(err)
    if len(readers) < 2:
        raise SetupError("\n".join(["There are no two runtimes to compare.", *missing.values()]))
    child = DocumentChild(Limits(), "renderer")
    try:
        pages = _pages(child, question["path"], question["pages"], question["dpi"])
        count, reports = compare(pages, readers)
    except DocumentError as err:
        raise InputError(f"{question['path']}: {err}") from err
    except EngineError as err:
        raise RunFailedError(f"{question['path']}: a runtime failed: {err}") from err
    finally:
        child.close()
    if not count:
        raise InputError(f"{question['path']}: it has none of the pages that were asked for.")
    found = [{**asdict(report), "versions": versions[report.name]} for report in reports]
    return {"pages": count, "runtimes": found, "missing": missing}


def _pages(child: DocumentChild, path: str, ranges: list[list[int]] | None, dpi: int) -> Iterator[PageImage]:
    probe = child.probe(path)
    name = Path(path).name
    document = DocumentRef(path, name, probe.sha256, probe.identity, probe.format, probe.page_count)
    for first, last in ranges or [[1, probe.page_count]]:
        for page_no in range(first, min(last, probe.page_count) + 1):
            yield child.render(document, page_no, dpi, want_text=False)


def main() -> None:
    """Answers one question."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not end up in the answer
    question = json.load(sys.stdin)
    try:
        answer = compare_document(question)
    except BatchOcrError as err:
        answer = {"error": type(err).__name__, "message": str(err)}
    json.dump(answer, out)
    out.close()
    os._exit(0)
