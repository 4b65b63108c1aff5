"""What an exception of Paddle means for the page and for the device."""

from __future__ import annotations

import re

from batchocr.errors import EngineError, FailureKind

# Paddle's own words come after its C++ stack and this line.
_SUMMARY = re.compile(r"Error Message Summary:\s*-*\s*(.*)", re.DOTALL)
_OUT_OF_MEMORY = re.compile(
    r"ResourceExhaustedError|out of memory|cudaErrorMemoryAllocation|CUBLAS_STATUS_ALLOC_FAILED|"
    r"CUDNN_STATUS_ALLOC_FAILED|cannot allocate memory|std::bad_alloc",
    re.IGNORECASE,
)
# After these the process can use its GPU no more; 700, 702, 710, 716, 717, 718 and 719 leave the CUDA context broken.
_DEVICE_LOST = re.compile(
    r"\bCUDA error\(7(?:00|02|10|16|17|18|19)\)|illegal memory access|unspecified launch failure|device-side assert|"
    r"misaligned address|cudaErrorIllegalAddress|cudaErrorLaunchFailure|uncorrectable ECC|GPU has fallen off the bus|"
    r"device is unavailable|no longer available",
    re.IGNORECASE,
)
_WORDS_AT_MOST = 1000


def device_fault(err: BaseException) -> EngineError | None:
    """Gives what an exception means if it is about the device: memory that ran out, or a GPU that is lost.

    None for anything else, which is the page's own failure.
    """
    words = error_words(err)
    if _DEVICE_LOST.search(words):
        return EngineError(f"the device is lost: {words}", fatal=True)
    if isinstance(err, MemoryError) or _OUT_OF_MEMORY.search(words):
        return EngineError(f"the device's memory ran out: {words}", FailureKind.ENGINE_OUT_OF_MEMORY)
    return None


def error_words(err: BaseException) -> str:
    """Gives an exception in one line: its type and what it says, without Paddle's C++ stack."""
    text = str(err)
    summary = _SUMMARY.search(text)
    words = " ".join((summary[1] if summary else text).split())[:_WORDS_AT_MOST]
    return f"{type(err).__name__}: {words}" if words else type(err).__name__
