"""How a notebook shows what a run came to. Everything is escaped; no script, no style sheet, no link to elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchocr.datatypes.reports import DocumentReport, RunSummary

SHOWN_FAILURES = 20
_LEFT = ' style="text-align:left"'


def summary_html(summary: RunSummary) -> str:
    """Gives a run's summary as a piece of HTML: counts, then the documents that are not whole, with their reasons."""
    speed = f" ({summary.pages_done / summary.elapsed_s:.2f} pages/s)" if summary.elapsed_s > 0 else ""
    failed = f", {summary.pages_failed} failed" if summary.pages_failed else ""
    rows = [
        ("documents", ", ".join(f"{number} {state}" for state, number in summary.documents.items()) or "none"),
        ("pages", f"{summary.pages_done} read{failed}{speed}"),
        ("engine", f"{summary.engine} on {', '.join(summary.devices)}"),
        ("results", summary.output),
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
            last = f"-{failed.last_page}" if failed.last_page != failed.first_page else ""
            page = f"page {failed.first_page}{last}: " if failed.first_page is not None else ""
            yield f"{report.source} ({report.state.value})", f"{page}{failed.kind.value}: {failed.message}"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = (f"<tr><th{_LEFT}>{_text(name)}</th><td{_LEFT}>{_text(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"


def _text(words: str) -> str:
    """Gives words as HTML; what is no valid Unicode (bytes of a file's name) is shown escaped."""
    return escape(words.encode("utf-8", "backslashreplace").decode("utf-8"))
