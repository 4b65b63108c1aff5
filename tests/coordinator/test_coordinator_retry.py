from __future__ import annotations

import pytest

from batchocr.coordinator import retry
from batchocr.errors import FailureKind

ABOUT_THE_FILE = {
    FailureKind.DOCUMENT_UNREADABLE,
    FailureKind.DOCUMENT_ENCRYPTED,
    FailureKind.DOCUMENT_TOO_LARGE,
    FailureKind.DOCUMENT_CHANGED,
}


@pytest.mark.parametrize("kind", sorted(ABOUT_THE_FILE | {FailureKind.PAGE_RENDER_FAILED}))
def test_what_the_same_file_would_answer_again_is_never_tried_again(kind: FailureKind) -> None:
    assert not retry.try_again(kind, 1, 20)


@pytest.mark.parametrize(
    "kind",
    sorted(set(FailureKind) - ABOUT_THE_FILE - {FailureKind.PAGE_RENDER_FAILED, FailureKind.ENGINE_OUT_OF_MEMORY}),
)
def test_every_other_failure_is_tried_again_up_to_the_limit(kind: FailureKind) -> None:
    assert [retry.try_again(kind, failed, 3) for failed in (1, 2, 3, 4)] == [True, True, False, False]


def test_page_that_ran_out_of_memory_goes_down_the_whole_ladder_whatever_the_limit() -> None:
    tries = [retry.try_again(FailureKind.ENGINE_OUT_OF_MEMORY, failed, 1) for failed in range(1, 5)]
    assert retry.try_again(FailureKind.ENGINE_OUT_OF_MEMORY, 4, 1, elsewhere=True)
    assert not retry.try_again(FailureKind.ENGINE_OUT_OF_MEMORY, 5, 1, elsewhere=True)
    assert tries == [True, True, True, False]
    assert [retry.ladder_scale(failed) for failed in range(6)] == [1.0, 1.0, 0.7, 0.5, 0.5, 0.5]


def test_only_failures_of_the_file_end_the_document() -> None:
    assert {kind for kind in FailureKind if retry.ends_document(kind)} == ABOUT_THE_FILE


def test_restart_is_immediate_at_first_then_waits_longer_and_longer_up_to_half_a_minute() -> None:
    delays = [retry.restart_delay_s(lost) for lost in range(1, 30)]
    assert delays[:4] == [0.0, 0.5, 1.0, 2.0]
    assert delays == sorted(delays)
    assert delays[-1] == 30.0


@pytest.mark.parametrize(
    ("lost", "idle", "retired"), [(19, 2, False), (20, 0, True), (3, 3, True), (1, 1, False), (0, 0, False)]
)
def test_worker_is_retired_after_many_deaths_or_three_that_no_page_explains(
    lost: int, idle: int, retired: bool
) -> None:
    assert retry.retire_device(lost, idle) is retired
