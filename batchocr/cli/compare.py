"""`batchocr compare`: what changes when an engine computes with another runtime."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from batchocr.cli.options import emit, emit_json
from batchocr.config import build_settings
from batchocr.errors import BatchOcrError, ConfigError, ExitCode, InputError, RunFailedError, SetupError
from batchocr.launcher import launch

ALL_RUNTIMES = "openvino,onnxruntime,torch"
# The only engine that has a choice of runtimes.
ENGINES = ("ppocr",)
ERRORS: dict[str, type[BatchOcrError]] = {
    error.__name__: error for error in (ConfigError, InputError, SetupError, RunFailedError)
}
FOLDER = click.Path(exists=True, file_okay=False, resolve_path=True)


@click.command("compare")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, resolve_path=True))
@click.option("--engine", type=click.Choice(ENGINES), default=ENGINES[0], help="whose runtimes  [default: ppocr]")
@click.option(
    "--runtimes",
    default=None,
    metavar="LIST",
    help=f"first the one that the others are held against; `openvino:int8` names a precision, `torch@gpu:0` a device  "
    f"[default: {ALL_RUNTIMES}]",
)
@click.option("--pages", default=None, metavar="RANGES", help="pages to read, such as 1-3,7  [default: all]")
@click.option("--dpi", type=click.IntRange(36, 1200), default=200, metavar="N",
              help="pixels per inch of PDF pages  [default: 200]")  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 64), default=1, metavar="N",
              help="CPU threads of each runtime  [default: 1]")  # fmt: skip
@click.option("--det-model-dir", type=FOLDER, default=None, metavar="FOLDER",
              help="of another detector  [default: the bundled one]")  # fmt: skip
@click.option("--rec-model-dir", type=FOLDER, default=None, metavar="FOLDER",
              help="of another recognizer  [default: the bundled one]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="write one JSON object")
def command(file: str, engine: str, runtimes: str | None, pages: str | None, as_json: bool, **options: Any) -> int:
    """Reads the pages of FILE with several runtimes, and says how numbers, text and time differ.

    All runtimes are open in one process and take turns page by page, so that times can be compared; the text comes
    from images, never from a text layer. The exit code is 4 if a runtime that was named cannot be used here.
    """
    del engine  # there is one
    ranges = build_settings({"inputs": (file,), "pages": pages}).page_ranges()
    wanted = [name.strip() for name in (runtimes or ALL_RUNTIMES).split(",") if name.strip()]
    if len(set(wanted)) != len(wanted):
        raise ConfigError(f"runtimes {runtimes!r}: one is there twice.")
    question = {**options, "path": file, "pages": ranges.ranges if ranges else None, "runtimes": wanted}
    answer = _ask(question)
    if as_json:
        emit_json({"schema": 1, "file": Path(file).name, "engine": ENGINES[0], **answer})
    else:
        emit(comparison_text(answer))
    return int(ExitCode.SETUP if runtimes and answer["missing"] else ExitCode.OK)


def _ask(question: Mapping[str, Any]) -> dict[str, Any]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(question["threads"]))
    child = launch("batchocr.worker.compare", environment=threads, stdout=subprocess.PIPE)
    try:
        reply, _ = child.communicate(json.dumps(question).encode())
    finally:
        child.kill()
        child.wait()
    if not reply:
        raise RunFailedError(
            f"The process that compares ended without an answer (exit code {child.returncode}); compare fewer runtimes "
            "at once if memory was short."
        )
    answer: dict[str, Any] = json.loads(reply)
    if "error" in answer:
        raise ERRORS.get(answer["error"], SetupError)(answer["message"])
    return answer


def comparison_text(answer: Mapping[str, Any]) -> str:
    """Gives the comparison as tables for people."""
    reports = answer["runtimes"]
    pages = answer["pages"]
    width = max(16, *(len(report["name"]) for report in reports))
    first = reports[0]["name"]
    lines = [
        f"{pages} page{'s' if pages != 1 else ''}; all differences are from {first}.",
        "",
        f"{'seconds a page':<{width}}  {'detect':>9} {'orient':>9} {'recognize':>9} {'in all':>9}  version",
    ]
    for report in reports:
        stages = report["seconds"]
        cells = [stages["detect"], stages["orient"], stages["recognize"], sum(stages.values())]
        version = next(iter(report["versions"].values()), "?")
        lines.append(f"{report['name']:<{width}}  {' '.join(f'{cell / pages:>9.3f}' for cell in cells)}  {version}")
    lines += ["", f"{'numbers':<{width}}  {'network':<12} {'largest difference':>18} {'decided otherwise':>26}"]
    for report in reports[1:]:
        for network, found in report["networks"].items():
            otherwise = f"{found['decided_otherwise']} of {found['places']}"
            lines.append(f"{report['name']:<{width}}  {network:<12} {found['max_abs']:>18.2e} {otherwise:>26}")
    lines += ["", f"{'text':<{width}}  {'lines':>9} {'otherwise':>9} {'characters':>26}"]
    for report in reports:
        wrong, characters = report["wrong_characters"], report["characters"]
        edits = f"{wrong} of {characters} ({wrong / max(1, characters):.3%})"
        lines.append(f"{report['name']:<{width}}  {report['lines']:>9} {report['lines_otherwise']:>9} {edits:>26}")
    for report in reports:
        for page_no, one, other in report["examples"]:
            lines += [
                f"  page {page_no}: {first}: {one or '(nothing)'}",
                f"    {report['name']}: {other or '(nothing)'}",
            ]
    lines += [f"\n{name} is left out: {why}" for name, why in answer["missing"].items()]
    return "\n".join(lines)
