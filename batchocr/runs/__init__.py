"""The front desk: start, plan, retry and look at runs. Command line, notebook and scripts all come in here."""

from __future__ import annotations

from batchocr.coordinator.context import RunListener
from batchocr.coordinator.dry_run import Plan
from batchocr.coordinator.shutdown import StopWish, stop_on_signals
from batchocr.runs.choosing import describe_engine
from batchocr.runs.looking import content_of, files, find, report, report_data, status
from batchocr.runs.running import cancel, plan, retry, run
from batchocr.runs.simulating import simulate

__all__ = [
    "Plan", "RunListener", "StopWish", "cancel", "content_of", "describe_engine", "files", "find", "plan", "report",
    "report_data", "retry", "run", "simulate", "status", "stop_on_signals",
]  # fmt: skip
