"""Whole runs for tests: in this process, or with a coordinator of its own that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from batchocr import runs
from batchocr.config import RunSettings, build_settings
from batchocr.datatypes import RunSummary

ENGINES = Path(__file__).resolve().parent / "engines"
WORKER, FINISHER, DOCUMENT_CHILD = "batchocr.worker.process", "batchocr.worker.finisher", "batchocr.documents.child"
_COORDINATOR = """\
import json, sys
from batchocr import runs
from batchocr.config import build_settings
class Listener:
    def on_plan(self, *plan): pass
    def on_progress(self, progress): pass
    def on_warning(self, message): print(message, file=sys.stderr, flush=True)
summary = runs.run(build_settings(json.loads(sys.argv[1])), listener=Listener())
print(json.dumps({"exit_code": int(summary.exit_code), "pages_done": summary.pages_done}))
raise SystemExit(int(summary.exit_code))
"""


def settings(folder: Path, **values: Any) -> dict[str, Any]:
    """Gives the settings of a run from `folder/in` to `folder/out` with the scripted engine, which draws no pages."""
    options = {"needs_image": False, **values.pop("engine_options", {})}
    return {
        "inputs": [str(folder / "in")], "output": str(folder / "out"), "engine": "fake", "engine_options": options,
        "devices": "cpu", "report": False, **values,
    }  # fmt: skip


def run_job(folder: Path, **values: Any) -> RunSummary:
    """Runs such a job in this process."""
    return runs.run(build(folder, **values))


def build(folder: Path, **values: Any) -> RunSettings:
    """Gives such settings, checked."""
    return build_settings(settings(folder, **values))


def script(**pages: str) -> list[dict[str, str]]:
    """Gives a script: document name without `.pdf` to `behaviour` or `behaviour pages`."""
    rules = []
    for source, words in pages.items():
        behaviour, _, page_nos = words.partition(" ")
        rules.append({"do": behaviour, "source": f"*{source}.pdf", "pages": page_nos or "*"})
    return rules


def tree(output: Path) -> dict[str, bytes]:
    """Gives every file of an output folder but batchocr's own; the commit id of manifests is blanked."""
    files = {}
    for path in sorted(output.rglob("*")):
        name = path.relative_to(output).as_posix()
        if path.is_file() and not name.startswith((".batchocr/", "report.html")):
            content = path.read_bytes()
            if path.name == "manifest.json":
                content = content.replace(json.loads(content)["commit_id"].encode(), b"")
            files[name] = content
    return files


def manifest(output: Path, folder: str) -> dict[str, Any]:
    """Gives the manifest of one document's folder."""
    return json.loads((output / folder / "manifest.json").read_text("ascii"))  # type: ignore[no-any-return]


def attempts_by_page(output: Path) -> dict[tuple[str, int], list[str]]:
    """Gives document and page to the states of the failed tries of it, oldest first."""
    import sqlite3

    db = sqlite3.connect(output / ".batchocr" / "ledger.sqlite3")
    try:
        rows = db.execute(
            "SELECT d.source, p.page_no, p.state FROM page_attempts p JOIN attempts a ON a.id = p.attempt_id"
            " JOIN documents d ON d.content_id = a.content_id ORDER BY p.rowid"
        ).fetchall()
    finally:
        db.close()
    found: dict[tuple[str, int], list[str]] = {}
    for source, page_no, state in rows:
        found.setdefault((source, page_no), []).append(state)
    return found


class Directed:
    """The folder of files that direct the `directed` engine."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        monkeypatch.setenv("PYTHONPATH", str(ENGINES), prepend=os.pathsep)

    def settings(self, **options: Any) -> dict[str, Any]:
        """Gives the settings that choose the engine."""
        return {"engine": "directed", "engine_options": {"folder": str(self.folder), **options}}

    def tell(self, *names: str) -> None:
        """Gives orders."""
        for name in names:
            (self.folder / name).touch()

    def recall(self, *names: str) -> None:
        """Takes orders back."""
        for name in names:
            (self.folder / name).unlink()

    def pages_read(self) -> list[str]:
        """Gives `source page_no` of every page that the engine was given, in order."""
        log = self.folder / "pages.log"
        return log.read_text("utf-8").splitlines() if log.exists() else []

    def wait_at(self, page_no: int, run: Future[RunSummary] | None = None) -> None:
        """Waits until the engine holds at that page; raises what the run raises if it ends before."""
        sign = self.folder / f"at-{page_no}"
        eventually(lambda: sign.exists() or (run and run.done()), f"the engine to hold at page {page_no}")
        if run and not sign.exists():
            pytest.fail(f"the run ended before page {page_no}: {run.result()}")


def eventually(true: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain for {what}"
        time.sleep(0.05)


@contextmanager
def background_run(run_settings: RunSettings, listener: runs.RunListener | None = None) -> Iterator[Future[RunSummary]]:
    """Runs a job on a thread of this process, so that the test can kill its children."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(runs.run, run_settings, listener=listener, handle_signals=False)


@contextmanager
def coordinator(values: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """Starts a coordinator in a process of its own; it prints exit code and pages done as JSON, warnings to stderr."""
    process = subprocess.Popen(
        [sys.executable, "-c", _COORDINATOR, json.dumps(values)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def children(module: str, parent: int | None = None) -> list[psutil.Process]:
    """Gives the descendants of a process (this one unless given) that run a module of batchocr."""
    found = []
    for process in psutil.Process(parent).children(recursive=True):
        try:
            if any(f"from {module} import" in part for part in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue  # it has just ended
    return found


def the_child(module: str, parent: int | None = None) -> psutil.Process:
    """Waits for the one such descendant and gives it."""
    eventually(lambda: children(module, parent), f"a child that runs {module}")
    (child,) = children(module, parent)
    return child
