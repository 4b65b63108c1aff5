"""`batchocr doctor`: what would keep a run from working on this machine, each finding with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from batchocr.cli.engines import EngineStatus, engine_status
from batchocr.cli.options import emit, emit_json
from batchocr.cli.summary import wrapped
from batchocr.devices import Finding, check_machine, list_gpus
from batchocr.engines.registry import engine_class, engine_entry_points
from batchocr.errors import ExitCode

# It reads nothing, so that it runs does not help.
SCRIPTED = "fake"


@click.command("doctor")
@click.option("--engine", default="auto", help="the engine that must run  [default: auto, any of them]")
@click.option("--devices", default="auto", help="where it must run, such as gpu:0,gpu:1  [default: auto]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("output"),
    help="folder for results  [default: output]",
)
@click.option("--json", "as_json", is_flag=True, help="write one JSON object")
def command(engine: str, devices: str, output: Path, as_json: bool) -> int:
    """Looks at interpreter, cores, memory, GPUs, disk and engines, and says what to do about what it finds.

    The exit code is 4 if the engine cannot run here, and 5 if the output folder cannot be written.
    """
    if engine == "auto":
        names = list(engine_entry_points())
    else:
        names = [engine]
        if engine not in engine_entry_points():
            engine_class(engine)  # raises, and lists those there are
    gpus = list_gpus()
    asked = [engine_status(name, devices, gpus=lambda: gpus) for name in names]
    findings = [*check_machine(output), *(engine_finding(entry, must_run=engine != "auto") for entry in asked)]
    code = exit_code(asked, findings)
    if as_json:
        emit_json({"schema": 1, "exit_code": int(code), "findings": [asdict(finding) for finding in findings]})
    else:
        emit(findings_text(findings, code))
    return int(code)


def engine_finding(status: EngineStatus, *, must_run: bool) -> Finding:
    """Gives what was found out about an engine; one that was asked for by name and cannot run is a problem."""
    name = f"engine {status.name}"
    if status.runs:
        return Finding(name, "ok", status.message)
    return Finding(name, "problem" if must_run else "note", f"cannot run here: {status.message}")


def exit_code(engines: Sequence[EngineStatus], findings: Sequence[Finding]) -> ExitCode:
    """Gives `setup` if no engine that reads pages can run, `storage` if the output cannot be written, else `ok`.

    Args:
        engines: those that were asked for.
        findings: about the machine.
    """
    named = len(engines) == 1
    if not any(entry.runs for entry in engines if named or entry.name != SCRIPTED):
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
        ExitCode.SETUP: "No engine that was asked for can run here.",
        ExitCode.STORAGE: "The results could not be written.",
    }
    return "\n".join([*lines, "", ending[code]])
