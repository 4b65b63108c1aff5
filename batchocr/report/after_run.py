"""The report at the end of a run: it takes its share of the time, and never fails the run."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from batchocr.config import RunSettings
from batchocr.logs import get_logger
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


@contextmanager
def reported(
    run: Reported, listener: Listener | None, flush: Callable[[], None], wish: Wish
) -> Iterator[Listener | None]:
    """Gives the listener to use for a run, and writes its report however it ends, unless it was ended at once."""
    if not run.settings.report:
        yield listener
        return
    begun = time.monotonic()
    report = RunReport(run.run_id, run.output, run.state_dir, listener)
    try:
        yield report.listener
    finally:
        if not wish.abort:
            report.write(time.monotonic() - begun, stopping=wish.drain, flush=flush)


class RunReport:
    """Watches a run from its start and writes its report at its end.

    Args:
        run_id: the ledger's name of the run.
        output: the output folder.
        state_dir: folder of its ledger.
        listener: the user's own.
    """

    def __init__(self, run_id: str, output: Path, state_dir: Path, listener: Listener | None) -> None:
        self.listener = Sampler(run_id, state_dir, listener)
        self._output = output
        self._state_dir = state_dir

    def write(self, elapsed_s: float, *, stopping: bool, flush: Callable[[], None]) -> None:
        """Writes the report; what goes wrong is logged and told, and that is all.

        Args:
            elapsed_s: what the run took, s.
            stopping: somebody waits for the run to end, so no pages of documents are shown.
            flush: makes the ledger readable.
        """
        self.listener.end()
        try:
            flush()
            # Only now: templates and renderer are wanted for a moment, not during the run.
            from batchocr.report.writing import write_report

            detail_s = 0.0 if stopping else max(LEAST_S, SHARE * elapsed_s)
            write_report(self._output, self._state_dir, detail_s, keep_if_idle=True)
        except Exception as err:
            told = (
                f"the report was not written ({err}); try again with: batchocr report {shlex.quote(str(self._output))}"
            )
            logger.warning("%s", told, exc_info=err)
            self.listener.on_warning(told)
