"""`batchocr doctor`: what would keep a run from working on this machine, each finding with its remedy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from batchocr.cli.engines import EngineStatus, engine_status
from batchocr.cli.options import emit, emit_json, wrapped
from batchocr.cli.smoke import smoke_findings
from batchocr.config import parse_engine_options
from batchocr.devices import Finding, check_machine, list_gpus
from batchocr.devices.checkup import check_gpus
from batchocr.devices.gpu_facts import read_gpu_facts
from batchocr.engines.paddle.checkup import check_paddle
from batchocr.engines.paddle.models import cache_home
from batchocr.engines.registry import engine_class, engine_entry_points
from batchocr.errors import ConfigError, ExitCode

# It reads nothing, so that it runs does not help.
SCRIPTED = "fake"
PADDLE_ENGINES = ("auto", "paddleocr-vl", "paddlex")


@click.command("doctor")
@click.option("--engine", default="auto", metavar="NAME", help="the engine that must run  [default: auto, any of them]")
@click.option(
    "--engine-option",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="an option of that engine; may be given several times  [default: none]",
)
@click.option(
    "--devices", default="auto", metavar="LIST", help="where it must run, such as gpu:0,gpu:1  [default: auto]"
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("output"),
    help="folder for results  [default: output]",
)
@click.option(
    "--smoke/--no-smoke", default=None, help="read a drawn page on each device  [default: if --engine names one]"
)
@click.option("--json", "as_json", is_flag=True, help="write one JSON object")
def command(engine: str, pairs: tuple[str, ...], devices: str, output: Path, smoke: bool | None, as_json: bool) -> int:
    """Looks at interpreter, cores, memory, GPUs, disk, engines and Paddle's models, and says what to do about it.

    With --engine it also reads one drawn page on each device, which loads the engine there. The exit code is 4 if the
    engine cannot run here or not read that page, and 5 if the output folder cannot be written.
    """
    options = parse_engine_options(pairs)
    if options and engine == "auto":
        raise ConfigError("--engine-option is about one engine: name it with --engine.")
    if engine == "auto":
        names = list(engine_entry_points())
    else:
        names = [engine]
        if engine not in engine_entry_points():
            engine_class(engine)  # raises, and lists those there are
    gpus = list_gpus()
    asked = [engine_status(name, devices, options, gpus=lambda: gpus) for name in names]
    findings = [
        *machine_findings(engine, output),
        *(engine_finding(entry, must_run=engine != "auto") for entry in asked),
    ]
    if smoke or (smoke is None and engine != "auto"):
        able = [entry.name for entry in asked if entry.runs and (engine != "auto" or entry.name != SCRIPTED)]
        findings += [finding for name in able for finding in smoke_findings(name, devices, options)]
    code = exit_code(asked, findings)
    if as_json:
        emit_json({"schema": 1, "exit_code": int(code), "findings": [asdict(finding) for finding in findings]})
    else:
        emit(findings_text(findings, code))
    return int(code)


def machine_findings(engine: str, output: Path) -> tuple[Finding, ...]:
    """Gives what was found out about the machine, and about Paddle where it is wanted. May take seconds."""
    facts = read_gpu_facts()
    found = (*check_machine(output), *check_gpus(facts))
    return (*found, *check_paddle(cache_home(os.environ), facts, os.environ)) if engine in PADDLE_ENGINES else found


def engine_finding(status: EngineStatus, *, must_run: bool) -> Finding:
    """Gives what was found out about an engine; one that was asked for by name and cannot run is a problem."""
    name = f"engine {status.name}"
    if status.runs:
        return Finding(name, "ok", status.message)
    return Finding(name, "problem" if must_run else "note", f"cannot run here: {status.message}")


def exit_code(engines: Sequence[EngineStatus], findings: Sequence[Finding]) -> ExitCode:
    """Gives `setup` if no engine can run or a smoke run failed, `storage` if the output cannot be written, else `ok`.

    Args:
        engines: those that were asked for.
        findings: about the machine.
    """
    named = len(engines) == 1
    if not any(entry.runs for entry in engines if named or entry.name != SCRIPTED):
        return ExitCode.SETUP
    if any(finding.name.startswith("smoke ") and finding.state == "problem" for finding in findings):
        return ExitCode.SETUP
    unwritable = any(finding.name == "output" and finding.state == "problem" for finding in findings)
    return ExitCode.STORAGE if unwritable else ExitCode.OK


def findings_text(findings: Sequence[Finding], code: ExitCode) -> str:
    """Gives the findings for people, each with its remedy below it, and what follows from them."""
    width = max(len(finding.name) for finding in findings)
    indent = " " * (10 + width)
    lines = []
    for finding in findings:
        head = f"{finding.state:<8}{finding.name:<{width}}  "
        lines += wrapped(finding.message, head, indent)
        if finding.remedy:
            lines += wrapped(f"-> {finding.remedy}", indent, indent + "   ")
    ending = {
        ExitCode.OK: "A run can work here.",
        ExitCode.SETUP: "What was asked for cannot run here.",
        ExitCode.STORAGE: "The results could not be written.",
    }
    return "\n".join([*lines, "", ending[code]])
