"""What a run works with: its engine and devices, chosen or as they were named."""

from __future__ import annotations

import json
import logging
import subprocess
import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from batchocr.config import RunSettings, fingerprint
from batchocr.coordinator.context import RunContext
from batchocr.datatypes import EngineInfo
from batchocr.devices import available_memory_bytes, resolve_devices
from batchocr.documents.passwords import PasswordFile
from batchocr.engines.registry import engine_entry_points
from batchocr.errors import ConfigError, FailureKind, SetupError
from batchocr.launcher import launch

logger = logging.getLogger(__name__)

DESCRIBE_TIMEOUT_S = 120.0
# Engines that `auto` tries, best first.
PREFERRED = ("paddleocr-vl", "ppocr")


def run_context(settings: RunSettings, retry_kinds: frozenset[FailureKind] | None = None) -> RunContext:
    """Gives the resolved facts of a run: paths made absolute, engine and devices chosen.

    Args:
        settings: what to run.
        retry_kinds: failed pages of these kinds are tried again; None: failed pages stay failed.

    Raises:
        ConfigError, InputError, SetupError: the run could not begin so.
    """
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


def describe_engine(name: str, options: Mapping[str, Any] | None = None) -> EngineInfo:
    """Asks an engine, in a process of its own, what it is with these options.

    Raises:
        ConfigError: unknown engine or option.
        SetupError: the engine cannot run here; names the remedy.
    """
    return _describe(name, options or {}, None)[0]


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
