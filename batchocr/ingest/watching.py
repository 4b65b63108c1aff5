"""Ingests for as long as it is let: what is there already, then whatever comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from batchocr.errors import BatchOcrError, ExitCode, SetupError
from batchocr.ingest.ingesting import Ingest
from batchocr.ingest.instance import single_instance
from batchocr.ingest.job import IngestJob
from batchocr.ingest.outcome import Outcome
from batchocr.ingest.settling import Settling
from batchocr.logs import file_logging, get_logger
from batchocr.runs import RunListener, StopWish, stop_on_signals

logger = get_logger(__name__)

# Folders are looked at that often even if nobody reports a change: network folders tell nothing of other machines.
LOOK_EVERY_S = 60.0
AFTER_ERROR_S = 60.0
POLL_MS = 2000
SLICE_S = 0.5
# A run that goes on takes the signals itself, and ends with one of these.
STOPPED = {ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.HANGUP}


def watch(
    job: IngestJob,
    tell: Callable[[Outcome], None],
    *,
    poll: bool = False,
    wait_s: float = 0.0,
    listener: RunListener | None = None,
) -> ExitCode:
    """Ingests until Ctrl-C, SIGTERM or SIGHUP, whose exit code it gives; a run that goes on then ends in order.

    An error after a first good look is told, and tried again after a minute: shares come back, disks get free.

    Args:
        job: what to do.
        tell: is told each outcome that is worth it.
        poll: look at the folders every few seconds instead of waiting for the system to report changes.
        wait_s: how long to wait while another ingest of this job is at work.
        listener: is told how runs go.

    Raises:
        SetupError: watchfiles is not installed.
        BatchOcrError: the first look failed, or its run.
    """
    if find_spec("watchfiles") is None:
        raise SetupError(
            'batchocr watch needs watchfiles: pip install "batchocr[watch]". `batchocr ingest` from cron does without.'
        )
    stop, awake = StopWish(), threading.Event()
    log = file_logging(job.log_path, __package__ or "", job.run.log_level)
    with (
        single_instance(job.state_dir, wait_s),
        log,
        stop_on_signals(stop, enabled=True),
        _watching(job, awake, poll=poll),
    ):
        settling = Settling(job.ingest.settle_s)
        ingest: Ingest | None = Ingest(job, settling)
        first = True
        while not stop.drain:
            awake.clear()
            try:
                ingest = ingest or Ingest(job, settling)
                outcome = _step(ingest, job, listener)
                pause_s = min(LOOK_EVERY_S, settling.next_s(time.monotonic()) or LOOK_EVERY_S)
            except BatchOcrError as err:
                if first:
                    raise
                logger.error("%s", err)  # noqa: TRY400 - its traceback helps nobody
                outcome = Outcome(job.name, err.exit_code, message=f"{err} It is tried again in {AFTER_ERROR_S:g} s.")
                pause_s, ingest = AFTER_ERROR_S, None
            first = False
            if outcome.worth_telling:
                tell(outcome)
            if outcome.exit_code in STOPPED:
                return outcome.exit_code
            _pause(pause_s, stop, awake if ingest else threading.Event())
    return stop.exit_code


def _step(ingest: Ingest, job: IngestJob, listener: RunListener | None) -> Outcome:
    look = ingest.look()
    return Outcome(job.name) if look.is_empty else ingest.work(look, listener)


def _pause(seconds: float, stop: StopWish, awake: threading.Event) -> None:
    """Waits in slices: a signal handler must not touch the event that its own thread waits for."""
    until = time.monotonic() + seconds
    while not stop.drain and not awake.is_set() and time.monotonic() < until:
        awake.wait(min(SLICE_S, max(0.01, until - time.monotonic())))


@contextmanager
def _watching(job: IngestJob, awake: threading.Event, *, poll: bool) -> Iterator[None]:
    """Lets a thread set the event whenever something changes in the input folders."""
    from watchfiles import watch as changes_of

    done = threading.Event()

    def report() -> None:
        try:
            for _ in changes_of(
                *job.run.inputs, watch_filter=None, stop_event=done, raise_interrupt=False, rust_timeout=1000,
                force_polling=poll or None, poll_delay_ms=POLL_MS, ignore_permission_denied=True,
            ):  # fmt: skip
                awake.set()
        except (OSError, RuntimeError) as err:  # a folder that went, or the system's limit of watched folders
            logger.warning(
                "No more changes are reported (%s): folders are looked at every %g s. --poll looks more often.",
                err, LOOK_EVERY_S,
            )  # fmt: skip

    thread = threading.Thread(target=report, name="watchfiles", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
