"""Starts runs and retries, ends them in order, and says what came of them."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchocr.config import RunSettings, build_settings
from batchocr.coordinator.cancel import ask_cancel, cancel_asked
from batchocr.coordinator.context import Choose, RunContext, RunListener
from batchocr.coordinator.dry_run import Plan, plan_run
from batchocr.coordinator.lock import holder_of, require_local_disk, run_lock
from batchocr.coordinator.loop import Coordinator
from batchocr.coordinator.shutdown import StopWish, stop_on_signals
from batchocr.datatypes import DocumentReport, RunState, RunSummary, counted
from batchocr.documents.discovery import discover
from batchocr.errors import BatchOcrError, ConfigError, ExitCode, FailureKind
from batchocr.executors.base import Executor
from batchocr.executors.local import LocalExecutor
from batchocr.executors.serial import SerialExecutor
from batchocr.ledger.connection import FILE_NAME
from batchocr.ledger.ledger import Ledger
from batchocr.ledger.queries import reading
from batchocr.logs import end_logging, rotate_logs, run_logging
from batchocr.outputs.commit import recover
from batchocr.report.after_run import RunReport, reported
from batchocr.report.tally import RunTally
from batchocr.runs.choosing import run_context
from batchocr.runs.settings_record import portable_settings, stored_settings
from batchocr.version import __version__


def run(
    settings: RunSettings,
    *,
    listener: RunListener | None = None,
    handle_signals: bool = True,
    choose: Choose | None = None,
    retry_failed: bool = False,
) -> RunSummary:
    """Runs a job to its end and gives what came of it; the same call again does only what is missing.

    Args:
        settings: what to run.
        listener: is told how it goes.
        handle_signals: let Ctrl-C, SIGTERM and SIGHUP end the run in order (main thread only).
        choose: given a file and the output folder that it would get, gives the folder to use, or None to pass it over.
        retry_failed: read pages again that have failed before.

    Raises:
        ConfigError, InputError, SetupError, StorageError, RunFailedError: the run could not begin or stopped early;
            what was recorded is kept.
    """
    discover(settings.inputs)  # raises before anything is written if an input does not exist
    context = run_context(settings, frozenset(FailureKind) if retry_failed else None)
    return _execute(replace(context, choose=choose), listener, handle_signals=handle_signals)


def plan(settings: RunSettings) -> Plan:
    """Gives what `run` would do, without writing anything.

    Raises:
        ConfigError, InputError, SetupError, StorageError: as `run`.
    """
    return plan_run(run_context(settings))


def retry(
    output: Path,
    *,
    kinds: Iterable[str] = (),
    state_dir: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    listener: RunListener | None = None,
) -> RunSummary:
    """Runs the last job of an output folder again, failed pages included; what is done stays.

    Args:
        output: the output folder.
        kinds: failure kinds to try again; all of them unless given.
        state_dir: where the ledger is, if not in the output folder.
        overrides: settings to change, by name; engine options are added to those of the last run.
        listener: is told how it goes.

    Raises:
        ConfigError: a kind that does not exist.
        StorageError: no run has written there yet.
    """
    wanted = frozenset(_kind(name) for name in kinds) or frozenset(FailureKind)
    stored, overrides = stored_settings(output.absolute(), state_dir), overrides or {}
    engine_options = {**stored["engine_options"], **overrides.get("engine_options", {})}  # secrets are not stored
    values = {**stored, **overrides, "engine_options": engine_options}
    context = run_context(build_settings(values), retry_kinds=wanted)
    return _execute(context, listener, handle_signals=True)


def cancel(output: Path) -> str | None:
    """Asks the run that writes to an output folder to finish its pages in hand and stop; does not wait for that.

    The run ends as after SIGTERM: exit code 143, and the same command goes on.

    Returns:
        Who was asked (host, pid and start), for people; None if no run is writing there.

    Raises:
        StorageError: the folder cannot be written.
    """
    commit_dir = output.absolute() / ".batchocr"
    holder = holder_of(commit_dir)
    if holder is not None:
        ask_cancel(commit_dir)
    return holder


def _execute(context: RunContext, listener: RunListener | None, *, handle_signals: bool) -> RunSummary:
    begun = time.monotonic()
    wish = StopWish()
    require_local_disk(context.state_dir)
    with run_lock(context.commit_dir, context.state_dir), stop_on_signals(wish, enabled=handle_signals):
        cancel_asked(context.commit_dir)  # one that came too late for the last run is not meant for this one
        recover(context.output, context.commit_dir)
        context.log_dir.mkdir(parents=True, exist_ok=True)
        rotate_logs(context.log_dir)
        with _run_log(context), Ledger(context.state_dir / FILE_NAME) as ledger:
            ledger.start_run(
                context.run_id, version=__version__, host=platform.node(), settings=portable_settings(context),
                engine=context.engine_record(), devices=[device.name for device in context.devices],
                fingerprint=context.fingerprint,
            )  # fmt: skip
            ledger.flush()  # so that `status` knows of it at once
            with reported(context, listener, ledger.flush, wish) as report:
                coordinator = _coordinate(context, ledger, report.listener, wish)
                ledger.flush()
            return _summary(context, wish, coordinator, report, time.monotonic() - begun)


@contextmanager
def _run_log(context: RunContext) -> Iterator[None]:
    """Keeps this run's log; after a fault of ours it stays open, since the command line puts the traceback there."""
    handler = run_logging(context.state_dir, context.run_id, context.settings.log_level)
    try:
        yield
    except Exception as err:
        if isinstance(err, BatchOcrError):
            end_logging(handler)
        raise
    end_logging(handler)


def _coordinate(context: RunContext, ledger: Ledger, listener: RunListener | None, wish: StopWish) -> Coordinator:
    """Runs the coordinator; whatever happens, children are ended and the ledger says how the run ended."""
    executor: Executor = SerialExecutor() if context.settings.executor == "serial" else LocalExecutor(context.state_dir)
    try:
        coordinator = Coordinator(context, executor, ledger, listener, wish)
        coordinator.run()
    except BatchOcrError as err:
        ledger.end_run(context.run_id, RunState.FAILED, str(err))
        raise
    except BaseException:
        ledger.end_run(context.run_id, RunState.FAILED, "internal error; see the log")
        raise
    else:
        state, _, message = _end(context, wish, coordinator)
        ledger.end_run(context.run_id, state, message)
        return coordinator
    finally:
        executor.close(grace_s=0.0 if wish.abort else 5.0)


def _summary(
    context: RunContext, wish: StopWish, coordinator: Coordinator, report: RunReport, elapsed_s: float
) -> RunSummary:
    with reading(context.state_dir / FILE_NAME) as queries:
        counts = RunTally()
        troubled: list[DocumentReport] = []
        for document in queries.documents(context.run_id, is_going=False):
            counts.add(document)
            if document.failures:
                troubled.append(document)
    state, code, message = _end(context, wish, coordinator)
    return RunSummary(
        run_id=context.run_id,
        state=state,
        exit_code=ExitCode.PARTIAL if troubled and code is ExitCode.OK else code,
        output=str(context.output),
        engine=context.engine.name,
        devices=tuple(device.name for device in context.devices),
        documents=dict(counts.documents),
        pages=dict(counts.pages),
        pages_done=coordinator.books.pages_done,
        recycled=coordinator.recycled,
        elapsed_s=elapsed_s,
        failures_by_kind=counts.failures_by_kind,
        failures=tuple(troubled),
        workers=coordinator.telemetry.uses(),
        message=message,
        state_dir=None if context.settings.state_dir is None else str(context.state_dir),
        report=None if report.path is None else str(report.path),
    )


def _end(context: RunContext, wish: StopWish, coordinator: Coordinator) -> tuple[RunState, ExitCode, str]:
    """Gives how a run ended, what the command answers if nothing failed, and in words why it stopped early."""
    settings = context.settings
    if wish.drain:
        return RunState.INTERRUPTED, wish.exit_code, "stopped on request; the same command goes on"
    if coordinator.out_of_time:
        message = f"the time budget of {settings.time_budget:g} s is spent; the same command goes on"
        return RunState.INTERRUPTED, ExitCode.RUN_FAILED, message
    if coordinator.books.intake.limited:
        message = (
            f"stopped after {counted(settings.max_documents or 0, 'document')}, as --max-documents asks; there are more"
        )
        return RunState.COMPLETED, ExitCode.OK, message
    return RunState.COMPLETED, ExitCode.OK, ""


def _kind(name: str) -> FailureKind:
    try:
        return FailureKind(name)
    except ValueError:
        known = ", ".join(kind.value for kind in FailureKind)
        raise ConfigError(f"There is no failure kind {name!r}. Known kinds: {known}.") from None
