from __future__ import annotations

import pytest

from batchocr.engines.paddle.environment import paddle_environment
from batchocr.engines.paddle.faults import device_fault, error_words
from batchocr.errors import FailureKind

EXHAUSTED = """

--------------------------------------
C++ Traceback (most recent call last):
--------------------------------------
0   paddle::memory::allocation::AllocatorFacade::Alloc(phi::Place const&, unsigned long)

----------------------
Error Message Summary:
----------------------
ResourceExhaustedError:

Out of memory error on GPU 0. Cannot allocate 2.0GB memory on GPU 0, 14.0GB memory has been allocated.
  (at ../paddle/fluid/memory/allocation/cuda_allocator.cc:84)
"""


@pytest.mark.parametrize(
    "err",
    [
        MemoryError(EXHAUSTED),
        RuntimeError(EXHAUSTED),
        OSError("(External) CUDA error(2), out of memory."),
        MemoryError(),
    ],
)
def test_memory_that_ran_out_is_known_by_paddles_words(err: Exception) -> None:
    fault = device_fault(err)
    assert fault is not None
    assert fault.kind is FailureKind.ENGINE_OUT_OF_MEMORY
    assert not fault.fatal


@pytest.mark.parametrize(
    "words",
    [
        "(External) CUDA error(700), an illegal memory access was encountered.",
        "(External) CUDA error(719), unspecified launch failure.",
        "cudaErrorLaunchFailure",
    ],
)
def test_lost_gpu_is_fatal(words: str) -> None:
    fault = device_fault(OSError(words))
    assert fault is not None
    assert fault.fatal
    assert words in str(fault)


@pytest.mark.parametrize("err", [ValueError("absolute aspect ratio must be smaller than 200"), OSError("no such file")])
def test_other_errors_are_the_pages_own(err: Exception) -> None:
    assert device_fault(err) is None


def test_error_is_told_without_the_stack_of_paddles_cpp_side() -> None:
    words = error_words(RuntimeError(EXHAUSTED))
    assert words.startswith("RuntimeError: ResourceExhaustedError: Out of memory error on GPU 0. Cannot allocate 2.0GB")
    assert "AllocatorFacade" not in words
    assert "\n" not in words
    assert error_words(ValueError()) == "ValueError"


def test_flags_are_named_with_or_without_their_prefix_and_may_replace_the_allocator() -> None:
    found = paddle_environment("naive_best_fit", {"fraction_of_gpu_memory_to_use": "0.8", "FLAGS_a": "1"})
    assert found["FLAGS_allocator_strategy"] == "naive_best_fit"
    assert (found["FLAGS_fraction_of_gpu_memory_to_use"], found["FLAGS_a"]) == ("0.8", "1")
    assert paddle_environment("naive_best_fit", {"allocator_strategy": "x"})["FLAGS_allocator_strategy"] == "x"
