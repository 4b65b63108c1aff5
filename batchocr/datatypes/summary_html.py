"""How a notebook shows what a run came to. Everything is escaped; no script, no style sheet, no link to elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

from batchocr.datatypes.states import in_order

if TYPE_CHECKING:
    from batchocr.datatypes.reports import DocumentReport, RunSummary

SHOWN_FAILURES = 20
_LEFT = ' style="text-align:left"'


def summary_html(summary: RunSummary) -> str:
    """Gives a run's summary as a piece of HTML: counts, then the documents that are not whole, with their reasons."""
    speed = f" ({summary.pages_done / summary.elapsed_s:.2f} pages/s)" if summary.elapsed_s > 0 else ""
    rows = [
        ("documents", _counts(summary.documents)),
        ("pages", _counts(summary.pages)),
        ("read now", f"{summary.pages_done}{speed}"),
        *([("failed", str(summary.failed))] if summary.failed.total else []),
        ("engine", f"{summary.engine} on {', '.join(summary.devices)}"),
        ("results", summary.output),
        *([("report", summary.report)] if summary.report else []),
        *([("note", summary.message)] if summary.message else []),
    ]
    head = (
        f"Run {summary.run_id} {summary.state.value} in {summary.elapsed_s:.1f} s, exit code {int(summary.exit_code)}"
    )
    parts = [f"<p><b>{_text(head)}</b></p>", _table(rows)]
    if summary.failures:
        parts += ["<p><b>Not whole</b></p>", _table(_failures(summary.failures[:SHOWN_FAILURES]))]
    if len(summary.failures) > SHOWN_FAILURES:
        parts.append(f"<p>and {len(summary.failures) - SHOWN_FAILURES} more: <code>summary.failures</code></p>")
    return "".join(parts)


def _failures(reports: Iterable[DocumentReport]) -> Iterable[tuple[str, str]]:
    for report in reports:
        for failed in report.failures:
            where = f"{failed.where}: " if failed.where else ""
            yield f"{report.source} ({report.state.value})", f"{where}{failed.kind.value}: {failed.message}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in in_order(counts).items()) or "none"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = (f"<tr><th{_LEFT}>{_text(name)}</th><td{_LEFT}>{_text(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"


def _text(words: str) -> str:
    """Gives words as HTML; what is no valid Unicode (bytes of a file's name) is shown escaped."""
    return escape(words.encode("utf-8", "backslashreplace").decode("utf-8"))
