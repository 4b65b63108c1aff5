"""Reads hostile documents again and again: is it the same each time, and what does it cost which process?

    python benchmarks/hostile.py --corpus ../shared/corpus --runs 20
    python benchmarks/hostile.py --corpus ../shared/corpus --runs 2 --engine ppocr

First every document by itself in a document child (time of its slowest page), then whole runs of the command on the
corpus's `bad` folder with the generated bombs (resident memory of every process, results of every document). Ends with
exit code 1 and a list if a limit was broken or two runs differ. Linux and macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from batchocr.datatypes import DocumentRef, Limits
from batchocr.documents.client import DocumentChild
from batchocr.errors import DocumentError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from documents.document_bombs import write_bombs

SAMPLE_EVERY_S = 0.05
# A page is ended when the watch, which looks every tenth of a second, sees that its time is up.
PAGE_LIMIT_S = Limits().render_timeout_s + 0.5
GIB = 1 << 30
MEMORY_LIMITS = {"prober": 2 * GIB, "renderer": 2 * GIB, "worker": GIB, "finisher": GIB, "coordinator": GIB}
MODULES = {"batchocr.worker.process": "worker", "batchocr.worker.finisher": "finisher"}
PAGES_TIMED = 3


def main() -> None:
    """Measures, prints, and says by its exit code whether every promise was kept."""
    arguments = parsed()
    work = Path(tempfile.mkdtemp(prefix="batchocr-hostile-"))
    try:
        faults = measured(arguments, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{len(faults)} promise(s) broken" if faults else "every promise kept")
    raise SystemExit(1 if faults else 0)


def parsed() -> argparse.Namespace:
    """Gives the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="folder with a `bad` folder in it; bombs alone without")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--engine", default="fake")
    parser.add_argument("--devices", default="cpu")
    parser.add_argument("--skip-pages", action="store_true", help="only whole runs")
    return parser.parse_args()


def measured(arguments: argparse.Namespace, work: Path) -> list[str]:
    """Does all measuring below `work`; gives a line for every broken promise."""
    inputs = work / "in"
    write_bombs(inputs)
    if arguments.corpus is not None:
        shutil.copytree(arguments.corpus / "bad", inputs / "bad", copy_function=shutil.copyfile)
    faults = [] if arguments.skip_pages else page_faults(inputs, work / "child.log")
    first: dict[str, str] = {}
    for number in range(1, arguments.runs + 1):
        output = work / "out"
        seconds, code, peaks = run_once(arguments, inputs, output)
        now = results_of(output)
        first = first or now
        memory = ", ".join(f"{kind} {peaks[kind] / 2**20:,.0f}" for kind in MEMORY_LIMITS)
        print(f"run {number}: {seconds:.0f} s, exit code {code}, {len(now)} documents; peak MiB: {memory}", flush=True)
        if arguments.engine != "fake":
            del peaks["worker"]  # printed above; how much an engine takes is its own affair
        found = [f"run {number}: {fault}" for fault in run_faults(code, peaks, first, now)]
        print("\n".join(found), end="\n" * bool(found), flush=True)
        faults += found
        shutil.rmtree(output)
    return faults


def run_faults(code: int, peaks: dict[str, int], first: dict[str, str], now: dict[str, str]) -> list[str]:
    """Gives what one run did that it should not, compared with the results of the first run."""
    faults = [] if code == 6 else [f"exit code {code} instead of 6"]
    faults += [f"a {kind} held {peak:,} bytes" for kind, peak in peaks.items() if peak > MEMORY_LIMITS[kind]]
    faults += [
        f"{source!r} was {first.get(source)} and is {now.get(source)}"
        for source in sorted(first.keys() | now.keys())
        if first.get(source) != now.get(source)
    ]
    return faults


def page_faults(inputs: Path, log_path: Path) -> list[str]:
    """Opens and draws each document by itself and prints the slow ones; gives those that took too long."""
    longest: dict[str, float] = {}
    with log_path.open("wb") as log:
        for path in sorted(inputs.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with contextlib.closing(DocumentChild(Limits(), "renderer of hostile", log)) as child:
                    longest[path.name] = max(page_seconds(child, str(path)))
    for name in sorted(longest, key=longest.__getitem__, reverse=True)[:8]:
        print(f"slowest page of {name:28} {longest[name]:5.1f} s", flush=True)
    faults = [f"a page of {name!r} took {most:.1f} s" for name, most in longest.items() if most > PAGE_LIMIT_S]
    print("\n".join(faults), end="\n" * bool(faults), flush=True)
    return faults


def page_seconds(child: DocumentChild, path: str) -> Iterator[float]:
    """Gives how long opening a document took, and each of its first and its last page, s."""
    begun = time.monotonic()
    try:
        probe = child.probe(path)
    except DocumentError:
        yield time.monotonic() - begun
        return
    yield time.monotonic() - begun
    document = DocumentRef(path, path, probe.sha256, probe.identity, probe.format, probe.page_count)
    for page_no in sorted({*range(1, min(PAGES_TIMED, probe.page_count) + 1), probe.page_count}):
        begun = time.monotonic()
        with contextlib.suppress(DocumentError):  # what counts here is how long it took to fail
            child.render(document, page_no, 200, want_text=True)
        yield time.monotonic() - begun


def run_once(arguments: argparse.Namespace, inputs: Path, output: Path) -> tuple[float, int, dict[str, int]]:
    """Runs the command once; gives its seconds, its exit code and the peak resident bytes of each kind of process."""
    command = [
        sys.executable,
        "-m",
        "batchocr",
        "run",
        str(inputs),
        "-o",
        str(output),
        "--no-report",
        "--log-level",
        "error",
    ]
    command += ["--engine", arguments.engine, "--devices", arguments.devices]
    peaks: dict[str, int] = defaultdict(int)
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        coordinator = psutil.Process(process.pid)
        while process.poll() is None:
            sample(coordinator, peaks)
            time.sleep(SAMPLE_EVERY_S)
    return time.monotonic() - begun, process.returncode, peaks


def sample(coordinator: psutil.Process, peaks: dict[str, int]) -> None:
    """Takes the resident memory of every process of a run."""
    try:
        family = [coordinator, *coordinator.children(recursive=True)]
    except psutil.Error:
        return  # the run has just ended
    for process in family:
        try:
            kind = kind_of(process, coordinator.pid)
            peaks[kind] = max(peaks[kind], process.memory_info().rss)
        except psutil.Error:
            continue  # it has just ended


def kind_of(process: psutil.Process, coordinator: int) -> str:
    """Gives what a process of a run is, by the module it runs and by its parent.

    Asked anew each time: for a moment after its start a child has the command line of its parent.
    """
    line = " ".join(process.cmdline())
    if "from batchocr.documents.child import" in line:
        return "prober" if process.ppid() == coordinator else "renderer"
    return next((kind for module, kind in MODULES.items() if f"from {module} import" in line), "coordinator")


def results_of(output: Path) -> dict[str, str]:
    """Gives document to its state, its failures and a hash of its files."""
    command = [sys.executable, "-m", "batchocr", "status", str(output), "--json"]
    status = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {
        entry["source"]: f"{outcome(entry)} files {files_sha256(output, entry['folder'])}"
        for entry in status["documents"]
    }


def outcome(entry: dict[str, Any]) -> str:
    """Gives state and failures of a document in words."""
    failures = "; ".join(json.dumps(failure, sort_keys=True) for failure in entry["failures"])
    return f"{entry['state']} {entry['pages_done']}/{entry['pages']} [{failures}]"


def files_sha256(output: Path, name: str) -> str:
    """Gives a hash of the files in a document's folder, but for the id of the commit; a refused file has no folder."""
    digest = hashlib.sha256()
    folder = output / name
    for path in sorted(path for path in folder.rglob("*") if name and path.is_file()):
        content = path.read_bytes()
        if path.name == "manifest.json":
            content = content.replace(json.loads(content)["commit_id"].encode(), b"")
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
