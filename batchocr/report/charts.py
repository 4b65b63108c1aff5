"""Draws the time line as SVG that stretches to its place: shapes only, words stand beside it as HTML.

All in are numbers and our own words. Widths are shares of 1,000 units; heights of 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from batchocr.datatypes import WorkerUse
from batchocr.report.timeline import Timeline, WorkerLine

MAX_LINES = 8
_WIDTH, _HEIGHT = 1000.0, 100.0
_SVG = (
    '<svg class="{kind}" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="{label}">{body}</svg>'
)
_MARK_WORDS = {"lost": "died", "timed_out": "hung, was ended", "replaced": "was replaced"}


@dataclass(frozen=True)
class Bar:
    """One worker's bar, with its words."""

    worker: str
    device: str
    svg: Markup
    busy: str
    pages: int | None
    lost: int
    timed_out: int
    replaced: int


@dataclass(frozen=True)
class Chart:
    """A chart with the words of its axes: `top` is the value at its upper edge, `names` are its lines in order."""

    svg: Markup
    top: str
    names: tuple[str, ...] = ()


def ticks(length_s: float) -> list[str]:
    """Gives five times from the start to the end of a run."""
    times = [length_s * step / 4 for step in range(5)]
    return [f"{time:.2f} s" if length_s < 1 else clock(time) for time in times]


def clock(seconds: float) -> str:
    """Gives a span of time: `40 ms`, `8.2 s`, `3:20 min`, `2:05 h`."""
    if 0 < seconds < 0.1:
        return f"{max(1.0, 1000 * seconds):.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}:{int(seconds % 60):02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"


def worker_bar(line: WorkerLine, timeline: Timeline, use: WorkerUse | None) -> Bar:
    """Gives a worker's bar: the share of each state over time, busy at the bottom, and a line at each new start."""
    scale = _WIDTH / max(timeline.length_s, 1e-9)
    paths = {state: list[str]() for state in timeline.states}
    for span in line.spans:
        bottom = _HEIGHT
        for state, share in zip(timeline.states, span.shares, strict=True):
            if share:
                height = share * _HEIGHT
                bottom -= height
                paths[state].append(_box(span.from_s * scale, bottom, (span.to_s - span.from_s) * scale, height))
    body = "".join(f'<path class="{state}" d="{"".join(boxes)}"/>' for state, boxes in paths.items() if boxes)
    for mark in line.marks:
        words = f"{_MARK_WORDS[mark.why]} after {clock(mark.at_s)}"
        x = mark.at_s * scale
        body += f'<path class="mark {mark.why}" d="M{x:.1f} 0v100"><title>{words}</title></path>'
    counts = {why: sum(mark.why == why for mark in line.marks) for why in _MARK_WORDS}
    # The ledger knows to the millisecond when the engine had pages, but not of pages that took the worker with them;
    # looks know whether there was a task.
    by_ledger = use is not None and use.ready_s and not counts["lost"] and not counts["timed_out"]
    busy_share = 1 - use.idle_share if use is not None and by_ledger else line.busy_share
    if busy_share is None:
        busy = "never ready"
    else:
        busy = f"engine at work {busy_share:.0%}" if by_ledger else f"{busy_share:.0%} busy"
    svg = _svg("bar", f"{line.worker}: {busy}", body)
    return Bar(line.worker, line.device, svg, busy, use.pages if use else None, **counts)


def rate_chart(timeline: Timeline) -> Chart:
    """Gives pages per second over time, as columns."""
    scale = _WIDTH / max(timeline.length_s, 1e-9)
    top = _round_up(max((rate for _, _, rate in timeline.rates), default=0.0))
    boxes = [
        _box(from_s * scale, _HEIGHT - rate / top * _HEIGHT, (to_s - from_s) * scale, rate / top * _HEIGHT)
        for from_s, to_s, rate in timeline.rates
        if rate
    ]
    return Chart(_svg("plot", "pages per second", f'<path class="busy" d="{"".join(boxes)}"/>'), f"{top:g}")


def memory_chart(lines: Iterable[WorkerLine], timeline: Timeline, *, gpu: bool) -> Chart | None:
    """Gives memory over time for the workers that took most, at most `MAX_LINES`; None if nothing is known."""
    series = [(line.worker, line.gpu_memory if gpu else line.memory) for line in lines]
    known = [(name, points) for name, points in series if any(value for _, value in points)]
    known.sort(key=lambda entry: -max(value for _, value in entry[1]))
    known = sorted(known[:MAX_LINES])
    if not known:
        return None
    top_gb = _round_up(max(value for _, points in known for _, value in points) / 1e9)
    body = "".join(
        f'<path class="line line{number}" d="{_line(points, timeline.length_s, top_gb * 1e9)}"/>'
        for number, (_, points) in enumerate(known)
    )
    label = "GPU memory" if gpu else "memory"
    return Chart(_svg("plot", f"{label} of workers", body), f"{top_gb:g} GB", tuple(name for name, _ in known))


def _line(points: Sequence[tuple[float, int]], length_s: float, top: float) -> str:
    scale = _WIDTH / max(length_s, 1e-9)
    return "".join(
        f"{'L' if number else 'M'}{at_s * scale:.1f} {_HEIGHT - value / top * _HEIGHT:.1f}"
        for number, (at_s, value) in enumerate(points)
    )


def _box(x: float, y: float, width: float, height: float) -> str:
    # A hair wider, or the gaps between neighbours would show.
    return f"M{x:.1f} {y:.1f}h{width + 0.6:.1f}v{height:.1f}h-{width + 0.6:.1f}z"


def _round_up(value: float) -> float:
    """Gives the next round number."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (len(f"{value:.0f}") - 1) if value >= 1 else 10.0 ** -len(f"{1 / value:.0f}")
    return next(
        step * power
        for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 60, 80, 100)
        if step * power >= value
    )


def _svg(kind: str, label: str, body: str) -> Markup:
    # Worker names come from the user's --devices, so the label is escaped; the body is made of numbers and our words.
    return Markup(_SVG).format(kind=kind, label=label, body=Markup(body))
