"""The front desk: start, plan, retry and look at runs. Command line, notebook and scripts all come in here."""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from batchocr.config import RunSettings, build_settings, fingerprint
from batchocr.coordinator.cancel import ask_cancel, cancel_asked
from batchocr.coordinator.context import Choose, RunContext, RunListener
from batchocr.coordinator.dry_run import Plan, plan_run
from batchocr.coordinator.lock import holder_of, require_local_disk, run_lock
from batchocr.coordinator.loop import Coordinator
from batchocr.coordinator.shutdown import StopWish, stop_on_signals
from batchocr.datatypes import (
    DocumentReport,
    DocumentState,
    EngineInfo,
    FoundFolder,
    KnownFile,
    RunState,
    RunSummary,
)
from batchocr.devices import available_memory_bytes, resolve_devices
from batchocr.documents.discovery import discover
from batchocr.documents.passwords import PasswordFile
from batchocr.engines.registry import engine_entry_points
from batchocr.errors import BatchOcrError, ConfigError, ExitCode, FailureKind, SetupError, StorageError
from batchocr.executors.base import Executor
from batchocr.executors.local import LocalExecutor
from batchocr.executors.serial import SerialExecutor
from batchocr.launcher import launch
from batchocr.ledger.connection import FILE_NAME, display_name
from batchocr.ledger.ledger import Ledger
from batchocr.ledger.queries import reading
from batchocr.logs import end_logging, rotate_logs, run_logging
from batchocr.outputs.commit import recover
from batchocr.outputs.manifest import read_manifest
from batchocr.report.after_run import reported
from batchocr.report.entries import document_entry, failed_pages, worker_entry
from batchocr.version import __version__

__all__ = [
    "Plan", "RunListener", "cancel", "content_of", "describe_engine", "files", "find", "plan", "report", "report_data",
    "retry", "run", "simulate", "status",
]  # fmt: skip

logger = logging.getLogger(__name__)

DESCRIBE_TIMEOUT_S = 120.0
# Engines that `auto` tries, best first.
PREFERRED = ("paddleocr-vl", "ppocr")


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
    context = _context(settings, frozenset(FailureKind) if retry_failed else None)
    return _execute(replace(context, choose=choose), listener, handle_signals=handle_signals)


def plan(settings: RunSettings) -> Plan:
    """Gives what `run` would do, without writing anything.

    Raises:
        ConfigError, InputError, SetupError, StorageError: as `run`.
    """
    return plan_run(_context(settings))


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
    stored, overrides = _stored_settings(output.absolute(), state_dir), overrides or {}
    engine_options = {**stored["engine_options"], **overrides.get("engine_options", {})}  # secrets are not stored
    values = {**stored, **overrides, "engine_options": engine_options}
    context = _context(build_settings(values), retry_kinds=wanted)
    return _execute(context, listener, handle_signals=True)


def status(output: Path, state_dir: Path | None = None) -> dict[str, Any]:
    """Gives the last run of an output folder as JSON-safe data (schema 1); works while it is going.

    Raises:
        StorageError: no run has written there yet, or the ledger cannot be read.
    """
    with reading((state_dir or output / ".batchocr") / FILE_NAME) as queries:
        last = queries.last_run()
        if last is None:
            raise StorageError(f"No run has written to {output} yet.")
        documents = [document_entry(report) for report in queries.documents(last.run_id)]
        workers = [worker_entry(use) for use in queries.workers(last.run_id)]
    states = Counter(entry["state"] for entry in documents)
    return {
        "schema": 1,
        "run": {
            "id": last.run_id, "state": last.state, "started_at": last.started_at, "ended_at": last.ended_at,
            "engine": last.engine["name"], "devices": list(last.devices), "host": last.host, "pid": last.pid,
            "version": last.version, "message": last.message,
        },
        "totals": {
            "documents": len(documents), **{state.value: states[state.value] for state in DocumentState},
            "pages": sum(entry["pages"] or 0 for entry in documents),
            "pages_done": sum(entry["pages_done"] for entry in documents),
            "pages_failed": sum(failed_pages(entry["failures"]) for entry in documents),
        },
        "workers": workers,
        "documents": documents,
    }  # fmt: skip


def find(settings: RunSettings) -> Iterator[FoundFolder]:
    """Gives what a run would look at, folder by folder; nothing is opened.

    Raises:
        InputError: an input does not exist.
    """
    return discover(settings.inputs, excluded=[settings.output])


def files(settings: RunSettings, run_id: str) -> Iterator[tuple[KnownFile, DocumentReport]]:
    """Gives the documents that a run met, with the files that were read.

    Raises:
        StorageError: the ledger cannot be read.
    """
    with reading(settings.state_path / FILE_NAME) as queries:
        for file, report in queries.files(run_id):
            yield replace(file, path=os.path.normpath(settings.output.absolute() / file.path)), report


def content_of(output: Path, folder: str) -> str | None:
    """Gives the sha256 of the document whose results stand in a folder of an output, None if there are none."""
    manifest = read_manifest(output / folder)
    return None if manifest is None else str(manifest.get("sha256"))


def report(output: Path, state_dir: Path | None = None) -> Path:
    """Writes the HTML report of the last run of an output folder and gives its path.

    Raises:
        StorageError: no run has written there yet, the ledger cannot be read, or the report cannot be written.
    """
    from batchocr.report.writing import write_report

    return write_report(output, state_dir or output / ".batchocr")


def report_data(output: Path, state_dir: Path | None = None) -> dict[str, Any]:
    """Gives what the report shows of a run, as JSON-safe data (schema 1).

    Raises:
        StorageError: no run has written there yet, or the ledger cannot be read.
    """
    from batchocr.report.facts import Place, report_json

    return report_json(Place(output, state_dir or output / ".batchocr"))


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


def simulate(
    devices: int,
    *,
    pages: int = 1_000_000,
    sizes_of: Path | None = None,
    page_s: float = 1.0,
    speed_spread: float = 0.0,
    startup_s: float = 20.0,
    failures_per_hour: float = 0.0,
    order: Literal["biggest", "input", "smallest"] = "biggest",
    task_pages: int = 16,
    seed: int = 0,
) -> dict[str, Any]:
    """Gives what would come of a run on so many devices, as JSON-safe data: real policy, virtual time.

    Args:
        devices: how many.
        pages: of all documents together, whose sizes are drawn at random, heavy-tailed.
        sizes_of: output folder whose last run's documents are taken instead.
        page_s: what a page takes a device, s.
        speed_spread: share by which devices differ from that.
        startup_s: what loading takes, s.
        failures_per_hour: how often a device dies.
        order: as the setting.
        task_pages: as the setting.
        seed: of all chance.

    Raises:
        StorageError: that folder has no ledger, or no document of its last run was counted.
    """
    from batchocr.coordinator import simulation

    sizes = simulation.draw_sizes(pages, seed) if sizes_of is None else _sizes_of(sizes_of)
    speeds = simulation.draw_speeds(devices, page_s, speed_spread, seed)
    scenario = simulation.Scenario(sizes, speeds, startup_s, 0.3, failures_per_hour, task_pages, order, seed)
    outcome = simulation.simulate(scenario)
    return {**asdict(outcome), "over_bound": outcome.makespan_s / outcome.bound_s - 1}


def _sizes_of(output: Path) -> list[int]:
    with reading(output / ".batchocr" / FILE_NAME) as queries:
        last = queries.last_run()
        sizes = queries.page_counts(last.run_id) if last else []
    if not sizes:
        raise StorageError(f"The last run to {output} has counted no documents, so there are no sizes to take.")
    return sizes


def describe_engine(name: str, options: Mapping[str, Any] | None = None) -> EngineInfo:
    """Asks an engine, in a process of its own, what it is with these options.

    Raises:
        ConfigError: unknown engine or option.
        SetupError: the engine cannot run here; names the remedy.
    """
    return _describe(name, options or {}, None)[0]


def _describe(name: str, options: Mapping[str, Any], mode: str | None) -> tuple[EngineInfo, dict[str, Any]]:
    """Gives what the engine is, and its options with the run's mode among them."""
    child = launch("batchocr.worker.describe", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    question = json.dumps({"engine": name, "options": dict(options), "mode": mode}).encode()
    try:
        reply, printed = child.communicate(question, timeout=DESCRIBE_TIMEOUT_S)
    except subprocess.TimeoutExpired as err:
        raise SetupError(f"Engine {name} did not say what it is within {DESCRIBE_TIMEOUT_S:g} s.") from err
    finally:  # also where Ctrl-C ends the waiting
        child.kill()
        child.communicate()
    words = printed.decode("utf-8", "backslashreplace").splitlines()
    for line in words:
        logger.debug("engine %s printed: %s", name, line)
    if not reply:
        last = f"; it said last: {words[-1]}" if words else ""
        raise SetupError(
            f"Engine {name} ended the process that asked it what it is (exit code {child.returncode}){last}."
        )
    answer = json.loads(reply)
    if "error" in answer:
        raise {"ConfigError": ConfigError, "SetupError": SetupError}.get(answer["error"], SetupError)(answer["message"])
    info = EngineInfo(**{**answer["info"], "devices": tuple(answer["info"]["devices"])})
    return info, answer["options"]


def _context(settings: RunSettings, retry_kinds: frozenset[FailureKind] | None = None) -> RunContext:
    begun = time.monotonic()
    settings = settings.model_copy(
        update={
            "output": settings.output.absolute(),
            "state_dir": settings.state_dir.absolute() if settings.state_dir else None,
        }
    )
    info, options, why = _choose_engine(settings)
    choice = resolve_devices(settings.devices, info.devices, engine=info.name)
    return RunContext(
        run_id=f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}",
        settings=settings,
        engine=info,
        engine_options=options,
        devices=choice.devices[:1] if settings.executor == "serial" else choice.devices,
        fingerprint=fingerprint(settings, info),
        memory_bytes=available_memory_bytes(),
        passwords=PasswordFile.load(settings.password_file) if settings.password_file else None,
        retry_kinds=retry_kinds,
        note="; ".join(part for part in (why, choice.note) if part),
        begun=begun,
    )


def _choose_engine(settings: RunSettings) -> tuple[EngineInfo, dict[str, Any], str]:
    """Gives the engine to use, its options, and why it was chosen if the user named none."""
    if settings.engine != "auto":
        return (*_describe(settings.engine, settings.engine_options, settings.mode), "")
    faults: list[ConfigError | SetupError] = []
    for name in (name for name in PREFERRED if name in engine_entry_points()):
        try:
            info, options = _describe(name, settings.engine_options, settings.mode)
            where = resolve_devices(settings.devices, info.devices, engine=name).devices
        except (SetupError, ConfigError) as err:  # it cannot run here, or the options are another engine's
            faults.append(err)
            continue
        if info.devices[0] != "cpu" and all(device.kind == "cpu" for device in where):
            told = f"Engine {name} takes minutes for a page without a GPU; name it with --engine to use it so."
            faults.append(SetupError(told))
            continue
        return info, options, f"engine {name} chosen: the best that can run here"
    reasons = [str(fault) for fault in faults]
    if faults and all(isinstance(fault, ConfigError) for fault in faults):
        raise ConfigError(" ".join(reasons))
    raise SetupError("No engine can run here. " + " ".join(reasons or ['Install one: pip install "batchocr[cpu]".']))


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
                context.run_id, version=__version__, host=platform.node(), settings=_portable(context),
                engine=context.engine_record(), devices=[device.name for device in context.devices],
                fingerprint=context.fingerprint,
            )  # fmt: skip
            ledger.flush()  # so that `status` knows of it at once
            with reported(context, listener, ledger.flush, wish) as told:
                coordinator = _coordinate(context, ledger, told, wish)
                ledger.flush()
            return _summary(context, wish, coordinator, time.monotonic() - begun)


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


def _summary(context: RunContext, wish: StopWish, coordinator: Coordinator, elapsed_s: float) -> RunSummary:
    with reading(context.state_dir / FILE_NAME) as queries:
        states: Counter[str] = Counter()
        troubled: list[DocumentReport] = []
        for report in queries.documents(context.run_id):
            states[report.state.value] += 1
            if report.failures:
                troubled.append(report)
    state, code, message = _end(context, wish, coordinator)
    return RunSummary(
        run_id=context.run_id,
        state=state,
        exit_code=ExitCode.PARTIAL if troubled and code is ExitCode.OK else code,
        output=str(context.output),
        engine=context.engine.name,
        devices=tuple(device.name for device in context.devices),
        documents=dict(states),
        pages_done=coordinator.books.pages_done,
        recycled=coordinator.recycled,
        pages_failed=sum(failed_pages(document_entry(report)["failures"]) for report in troubled),
        elapsed_s=elapsed_s,
        failures=tuple(troubled),
        workers=coordinator.telemetry.uses(),
        message=message,
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
        message = f"stopped after {settings.max_documents} document(s), as --max-documents asks; there are more"
        return RunState.COMPLETED, ExitCode.OK, message
    return RunState.COMPLETED, ExitCode.OK, ""


def _portable(context: RunContext) -> dict[str, Any]:
    """Gives the settings as the ledger stores them: paths relative to the output folder, no secrets."""
    stored = context.settings.ledger_safe()
    stored["inputs"] = [
        "@" + context.relative(item[1:]) if item.startswith("@") else context.relative(item)
        for item in context.settings.inputs
    ]
    stored["output"] = "."
    for key in ("state_dir", "password_file", "metrics"):
        stored[key] = context.relative(stored[key]) if stored[key] else None
    return json.loads(display_name(json.dumps(stored, ensure_ascii=False)))  # type: ignore[no-any-return]


def _stored_settings(output: Path, state_dir: Path | None) -> dict[str, Any]:
    with reading((state_dir or output / ".batchocr") / FILE_NAME) as queries:
        last = queries.last_run()
    if last is None:
        raise StorageError(f"No run has written to {output} yet.")
    values = dict(last.settings)
    values["inputs"] = [
        "@" + str(output / item[1:]) if item.startswith("@") else str(output / item) for item in values["inputs"]
    ]
    for key in ("state_dir", "password_file", "metrics"):
        values[key] = output / values[key] if values.get(key) else None
    return {**values, "output": output, "force": False, "dry_run": False, "time_budget": None}


def _kind(name: str) -> FailureKind:
    try:
        return FailureKind(name)
    except ValueError:
        known = ", ".join(kind.value for kind in FailureKind)
        raise ConfigError(f"There is no failure kind {name!r}. Known kinds: {known}.") from None
