"""What the benchmarks share: the programs they compare, whole commands timed, the machine, and result files."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PACKAGES = ("batchocr", "numpy", "onnxruntime", "opencv-python-headless", "openvino", "pypdfium2", "rapidocr")
# What a CPU needs to be fast at neural networks.
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
LANGUAGES = "eng+chi_sim"
# The product as it comes, and with the networks in 8-bit integers.
OURS: dict[str, tuple[str, ...]] = {"batchocr": (), "batchocr int8": ("--engine-option", "precision=int8")}


@dataclass(frozen=True)
class Timing:
    """One whole command.

    Attributes:
        wall_s: from start to end.
        cpu_s: of all its processes, user and system.
        peak_rss_mb: of the largest of its processes.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float


def timed(command: Sequence[str]) -> Timing:
    """Runs a command to its end, its output thrown away, or ends the program if it fails."""
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}\nended with {child.returncode}:\n{errors.decode(errors='replace')[-2000:]}")
    return Timing(
        round(time.monotonic() - begun, 2), round(usage.ru_utime + usage.ru_stime, 2), round(usage.ru_maxrss / 1024, 1)
    )


def batchocr_command(file: Path, output: Path, *options: str) -> list[str]:
    """Gives the command that reads one file on two CPU workers into a fresh folder, with all outputs."""
    shutil.rmtree(output, ignore_errors=True)
    return [
        sys.executable, "-m", "batchocr", "run", str(file), "-o", str(output), "--no-report", "--engine", "ppocr",
        "--devices", "cpu:0,cpu:1", "--log-level", "error", *options,
    ]  # fmt: skip


def rapidocr_command(file: Path, output: Path) -> list[str]:
    """Gives the command that reads one file with rapidocr's defaults, two threads, into a JSON list of page texts."""
    return [sys.executable, str(HERE / "peer_rapidocr.py"), str(file), str(output)]


def ocrmypdf_command(program: str, file: Path, output: Path) -> list[str]:
    """Gives the command that reads one file with OCRmyPDF on two cores into a PDF with text, and its text beside it."""
    options = ["--jobs", "2", "--force-ocr", "-l", LANGUAGES, "--output-type", "pdf"]
    if file.suffix != ".pdf":
        options += ["--image-dpi", "200"]
    # A tesseract that takes every core for each of two pages is slower than one that takes one.
    return [
        "env",
        "OMP_THREAD_LIMIT=1",
        program,
        *options,
        "--sidecar",
        str(output.with_suffix(".txt")),
        str(file),
        str(output),
    ]


def page_texts(output: Path) -> list[str]:
    """Gives the text of each page, in reading order, of the only document in an output folder of batchocr."""
    (file,) = (
        path for path in output.rglob("*.json") if path.name != "manifest.json" and ".batchocr" not in path.parts
    )
    pages = json.loads(file.read_text("utf-8"))["pages"]
    return ["\n".join(_block_text(block) for block in in_order(page["blocks"])) for page in pages]


def in_order(blocks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Gives blocks in reading order; those that stand outside it (page headers, numbers) by their height."""
    return sorted(blocks, key=lambda block: (block["order"] is None, block["order"] or 0, block["bbox"][1]))


def _block_text(block: Mapping[str, Any]) -> str:
    if not block["html"]:
        return str(block["text"])
    cells = _Cells()
    cells.feed(block["html"])
    return "\n".join(cells.texts)


class _Cells(HTMLParser):
    """The texts between the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def plain(text: str) -> str:
    """Gives text as it is compared: NFKC, no white space, one kind of dash and quote, no leaders."""
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    text = re.sub("[‐‑‒–—―−]", "-", text)
    text = re.sub("[“”„]", '"', re.sub("[‘’‚]", "'", text))
    return re.sub(r"\s+", "", re.sub(r"[.…·_-]{4,}", "", text))


def errors_of(truth: str, read: str) -> tuple[int, int]:
    """Gives the edits that turn what was read into the truth, order included, and the characters of the truth."""
    wanted = plain(truth)
    return Levenshtein.distance(wanted, plain(read)), len(wanted)


def find_ocrmypdf(named: str | None) -> str | None:
    """Gives the program to compare with, or None (said on stderr) where it or its languages are missing."""
    program = named or shutil.which("ocrmypdf") or ""
    tesseract = shutil.which("tesseract")
    listed = (
        subprocess.run([tesseract, "--list-langs"], capture_output=True, text=True, check=False).stdout
        if tesseract
        else ""
    )
    if program and set(LANGUAGES.split("+")) <= set(listed.split()):
        return program
    print(f"without OCRmyPDF: install it (--ocrmypdf names it) and tesseract with {LANGUAGES}", file=sys.stderr)
    return None


def machine() -> dict[str, Any]:
    """Gives what the figures depend on: machine, load, libraries, commit."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    model = re.search(r"model name\s*: (.*)", info)
    flags = set(re.search(r"flags\s*: (.*)", info)[1].split()) if "flags" in info else set()
    return {
        "cpu": model[1] if model else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in flags],
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": len(_git("status", "--porcelain", "--", "batchocr").splitlines()),
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def write_result(name: str, result: Mapping[str, Any]) -> None:
    """Writes a result file, and says where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"written to {path.relative_to(HERE.parent)}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(HERE), *arguments], capture_output=True, text=True, check=False
    ).stdout.strip()
