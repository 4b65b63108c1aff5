"""Makes the HTML: templates with autoescape, one style sheet, one script, and a policy that lets nothing else act."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from batchocr.datatypes import in_order
from batchocr.logs import printable
from batchocr.report import charts
from batchocr.report.details import DocumentView
from batchocr.report.facts import MAX_FAILURES, MAX_LISTED, Facts
from batchocr.report.overview import FailureGroup, Told, listing

GENERATOR = "batchocr report"
_BUFFERED = 64


def overview_page(
    facts: Facts, groups: list[FailureGroup], documents: Iterable[DocumentView] | None, told: Callable[[], Told]
) -> Iterator[str]:
    """Gives `report.html` piece by piece.

    Args:
        facts: of the run.
        groups: its failures.
        documents: those whose pages stand in this file, read while the pieces are taken; None if there are other files.
        told: asked once `documents` are written.
    """
    return _pieces(
        "overview.html",
        facts,
        groups=groups,
        documents=documents or (),
        texts_inside=documents is not None,
        told=told,
        listing=lambda: listing(facts, told()),
        max_failures=MAX_FAILURES,
        max_listed=MAX_LISTED,
        **_drawn(facts),
    )


def document_page(
    facts: Facts, documents: Iterable[DocumentView], before: str, following: Callable[[], str]
) -> Iterator[str]:
    """Gives a file of `report_files/` piece by piece.

    Args:
        facts: of the run.
        documents: read meanwhile.
        before: name of the file before this one, or "".
        following: gives the name of the next one, or "", once `documents` are written.
    """
    return _pieces("documents.html", facts, documents=documents, before=before, following=following)


def _pieces(template: str, facts: Facts, **values: Any) -> Iterator[str]:
    style, script = _asset("report.css"), _asset("report.js")
    policy = "; ".join(
        (
            "default-src 'none'", f"script-src '{_digest(script)}'", f"style-src '{_digest(style)}'",
            "img-src data: 'self' file:", "base-uri 'none'", "form-action 'none'",
        )
    )  # fmt: skip
    stream = _environment().get_template(template).stream(
        facts=facts, counts=facts.counts, run=facts.run, policy=policy, style=Markup(style), script=Markup(script),
        generator=GENERATOR, **values,
    )  # fmt: skip
    stream.enable_buffering(_BUFFERED)
    return iter(stream)


def _drawn(facts: Facts) -> dict[str, Any]:
    timeline, uses = facts.timeline, {use.worker: use for use in facts.workers}
    if timeline is None:
        return {"timeline": None}
    return {
        "timeline": timeline,
        "ticks": charts.ticks(timeline.length_s),
        "bars": [charts.worker_bar(line, timeline, uses.get(line.worker)) for line in timeline.workers],
        "rates": charts.rate_chart(timeline),
        "memory": charts.memory_chart(timeline.workers, timeline, gpu=False),
        "gpu_memory": charts.memory_chart(timeline.workers, timeline, gpu=True),
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("batchocr.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        clock=charts.clock, printable=printable, local_time=_local_time, number=_number, states=_states
    )
    return environment


def _local_time(utc: str) -> str:
    return datetime.fromisoformat(utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _states(counts: Mapping[str, int]) -> str:
    """Gives counts by state in words: `9 done, 1 failed`."""
    return ", ".join(f"{_number(count)} {state}" for state, count in in_order(counts).items())


@cache
def _asset(name: str) -> str:
    return (files("batchocr.report") / "templates" / name).read_text("utf-8").strip()


def _digest(text: str) -> str:
    """Gives a text's hash as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
