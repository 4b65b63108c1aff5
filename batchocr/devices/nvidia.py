"""The two ways to ask about NVIDIA GPUs without CUDA: NVML, and the program `nvidia-smi`."""

from __future__ import annotations

import csv
import subprocess
from typing import Any

SMI_TIMEOUT_S = 20


def start_nvml() -> Any:
    """Gives the NVML module, initialised, or None where nvidia-ml-py or the driver is missing."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def nvml_text(value: str | bytes) -> str:
    """Gives a text of NVML; older releases of nvidia-ml-py give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def ask_smi(fields: str) -> str:
    """Gives the answer of `nvidia-smi` (CSV, a line for each GPU, MiB), "" where there is none. May block for seconds.

    Args:
        fields: names that `nvidia-smi --help-query-gpu` lists, with commas between them.
    """
    try:
        answer = subprocess.run(
            ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SMI_TIMEOUT_S,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # there on Windows alone
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout


def smi_rows(answer: str, fields: str) -> list[list[str]]:
    """Gives the values of each GPU in an answer of `nvidia-smi`; lines without a value for each field are left out."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(answer.splitlines(), skipinitialspace=True)]
    return [row for row in rows if len(row) == len(fields.split(","))]


def smi_bytes(mebibytes: str) -> int | None:
    """Gives a value in MiB as bytes, None for `[N/A]`."""
    return int(mebibytes) << 20 if mebibytes.isdecimal() else None
