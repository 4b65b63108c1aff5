from __future__ import annotations

import json
from pathlib import Path

from batchocr.datatypes import RunProgress, WorkerView
from batchocr.report.samples import MAX_SAMPLES, Sampler, read_samples
from batchocr.report.timeline import build_timeline


def progress(at_s: float, state: str, pages: int = 0, rss: int = 1_000) -> RunProgress:
    return RunProgress(100, pages, 0, 1, 0, False, at_s, (WorkerView("cpu:0", "cpu", state, rss_bytes=rss),))


def sampler(tmp_path: Path) -> Sampler:
    return Sampler("run-1", tmp_path, None)


def test_long_run_keeps_a_bounded_number_of_samples_and_every_page(tmp_path: Path) -> None:
    taken = sampler(tmp_path)
    for look in range(1, 20_001):
        taken.on_progress(progress(look * 0.25, "busy", pages=look))
    taken.end()
    assert len(taken.kept.samples) < MAX_SAMPLES
    assert taken.kept.samples[-1].pages_done == 20_000
    assert sum(sample.workers["cpu:0"].seen["busy"] for sample in taken.kept.samples) == 20_000
    lengths = {
        round(second.at_s - first.at_s, 6)
        for first, second in zip(taken.kept.samples, taken.kept.samples[1:-1], strict=False)
    }
    assert len(lengths) == 1


def test_samples_come_back_from_disk_for_their_own_run_alone(tmp_path: Path) -> None:
    taken = sampler(tmp_path)
    taken.on_progress(progress(1.0, "loading"))
    taken.on_progress(progress(2.0, "busy", 3, rss=5_000))
    taken.end()
    assert read_samples(tmp_path, "run-1") == taken.kept
    assert read_samples(tmp_path, "run-2") is None
    (tmp_path / "samples.json").write_text(json.dumps({"run": "run-1"}))
    assert read_samples(tmp_path, "run-1") is None


def test_new_start_is_marked_once_and_told_by_its_loss(tmp_path: Path) -> None:
    taken = sampler(tmp_path)
    states = ("waiting", "loading", "ready", "busy", "waiting", "waiting", "loading", "busy", "loading", "busy")
    for second, state in enumerate(states, start=1):
        taken.on_progress(progress(float(second), state))
    taken.end()
    assert taken.kept.marks == [("cpu:0", 5.0), ("cpu:0", 9.0)]
    timeline = build_timeline(taken.kept, [("cpu:0", "lost", 4.5)])
    assert timeline is not None
    assert [(mark.at_s, mark.why) for mark in timeline.workers[0].marks] == [(5.0, "lost"), (9.0, "replaced")]


def test_waiting_for_the_first_start_is_not_down(tmp_path: Path) -> None:
    taken = sampler(tmp_path)
    taken.on_progress(progress(1.0, "waiting"))
    taken.on_progress(progress(2.0, "ready"))
    taken.on_progress(progress(3.0, "waiting"))
    taken.end()
    seen = [dict(sample.workers["cpu:0"].seen) for sample in taken.kept.samples]
    assert seen == [{"loading": 1}, {"idle": 1}, {"down": 1}]


def test_samples_that_cannot_be_written_do_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "samples.new").mkdir()
    taken = sampler(tmp_path)
    taken.on_progress(progress(1.0, "busy"))
    taken.end()
    assert not (tmp_path / "samples.json").exists()


def test_time_line_tells_busy_share_speed_and_memory(tmp_path: Path) -> None:
    taken = sampler(tmp_path)
    for second, (state, pages) in enumerate((("loading", 0), ("busy", 2), ("busy", 4), ("busy", 6), ("idle", 6)), 1):
        taken.on_progress(progress(float(second), state, pages, rss=second * 1_000))
    taken.end()
    timeline = build_timeline(taken.kept, [])
    assert timeline is not None
    (line,) = timeline.workers
    assert (timeline.length_s, timeline.pages_done) == (5.0, 6)
    assert [(span.from_s, span.to_s, span.shares[0]) for span in line.spans] == [
        (0.0, 1.0, 0),
        (1.0, 4.0, 1),
        (4.0, 5.0, 0),
    ]
    assert line.busy_share == 0.75
    assert [rate for _, _, rate in timeline.rates] == [0, 2, 2, 2, 0]
    assert line.memory[-1] == (5.0, 5_000)


def test_no_samples_no_time_line() -> None:
    assert build_timeline(None, []) is None
