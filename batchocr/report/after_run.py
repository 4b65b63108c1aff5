"""The report at the end of a run: it takes its share of the time, and never fails the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batchocr.config import RunSettings
from batchocr.logs import get_logger
from batchocr.report.facts import Place
from batchocr.report.samples import Listener, Sampler

logger = get_logger(__name__)

# What pages and pictures may take, in all: a share of the run's own time, and at least so many seconds.
SHARE, LEAST_S = 0.1, 3.0


class Reported(Protocol):
    """What the report needs to know of a run; the coordinator's context is one."""

    @property
    def run_id(self) -> str:
        """The ledger's name of the run."""

    @property
    def output(self) -> Path:
        """The output folder."""

    @property
    def state_dir(self) -> Path:
        """The folder of its ledger."""

    @property
    def settings(self) -> RunSettings:
        """Its settings; `report` may be off."""


class Wish(Protocol):
    """Whether somebody asked the run to stop."""

    @property
    def drain(self) -> bool:
        """In order."""

    @property
    def abort(self) -> bool:
        """At once."""


@dataclass
class RunReport:
    """The report of a run that goes on.

    Attributes:
        listener: to be told how the run goes.
        path: of the report, once there is one.
    """

    listener: Listener | None
    path: Path | None = None


@contextmanager
def reported(run: Reported, listener: Listener | None, flush: Callable[[], None], wish: Wish) -> Iterator[RunReport]:
    """Gives the listener to use for a run, and writes its report however it ends, unless it was ended at once.

    Args:
        run: the run.
        listener: the user's own.
        flush: makes the ledger readable.
        wish: whether somebody asked the run to stop; who does so waits, and gets no pages of documents.
    """
    if not run.settings.report:
        yield RunReport(listener)
        return
    begun = time.monotonic()
    sampler = Sampler(run.run_id, run.state_dir, listener)
    report = RunReport(sampler)
    try:
        yield report
    finally:
        if not wish.abort:
            sampler.end()
            detail_s = 0.0 if wish.drain else max(LEAST_S, SHARE * (time.monotonic() - begun))
            report.path = _write(run, detail_s, flush, sampler)


def _write(run: Reported, detail_s: float, flush: Callable[[], None], listener: Listener) -> Path | None:
    """Writes the report and gives its path; what goes wrong is logged and told, and that is all."""
    try:
        flush()
        # Only now: templates and renderer are wanted for a moment, not during the run.
        from batchocr.report.writing import write_report

        return write_report(run.output, run.state_dir, detail_s, keep_if_idle=True)
    except Exception as err:
        again = Place(run.output, run.state_dir).command("report")
        told = f"the report was not written ({err}); try again with: {again}"
        logger.warning("%s", told, exc_info=err)
        listener.on_warning(told)
        return None
