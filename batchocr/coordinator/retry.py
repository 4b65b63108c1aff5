"""Who is tried again, and how often: pure policy, no state of its own and no I/O."""

from __future__ import annotations

from batchocr.errors import FailureKind

# A second try on the same file gives the same answer.
_FINAL = frozenset({
    FailureKind.DOCUMENT_UNREADABLE,
    FailureKind.DOCUMENT_ENCRYPTED,
    FailureKind.DOCUMENT_TOO_LARGE,
    FailureKind.DOCUMENT_CHANGED,
    FailureKind.PAGE_RENDER_FAILED,
})  # fmt: skip
# These end the whole document, not only the page that met them.
_WHOLE_DOCUMENT = _FINAL - {FailureKind.PAGE_RENDER_FAILED}

# After the engine ran out of memory: the page alone on a fresh engine first, then with fewer pixels, at last on another
# device if there is one.
MEMORY_LADDER = (1.0, 0.7, 0.5)
MAX_LOST_IN_A_ROW = 20
MAX_IDLE_LOST_IN_A_ROW = 3
UNLOADABLE_PAGES_IN_A_ROW = 20


def try_again(kind: FailureKind, failed_attempts: int, max_attempts: int, *, elsewhere: bool = False) -> bool:
    """Tells whether a page is tried again, alone and on a fresh engine, after that many failed tries.

    Args:
        kind: of the last failure.
        failed_attempts: tries so far.
        max_attempts: what the user allows.
        elsewhere: there is a device on which the page has not run out of memory yet.
    """
    if kind is FailureKind.ENGINE_OUT_OF_MEMORY:
        return failed_attempts < max(max_attempts, 1 + len(MEMORY_LADDER) + elsewhere)
    return kind not in _FINAL and failed_attempts < max_attempts


def ladder_scale(out_of_memory: int) -> float:
    """Gives the share of the resolution for a page's next try, after it ran out of memory so many times."""
    return MEMORY_LADDER[min(out_of_memory, len(MEMORY_LADDER)) - 1] if out_of_memory else 1.0


def needs_other_device(out_of_memory: int) -> bool:
    """Tells whether a page that ran out of memory so many times is at the end of the ladder on one device."""
    return out_of_memory > len(MEMORY_LADDER)


def ends_document(kind: FailureKind) -> bool:
    """Tells whether a failure met on one page means that no page of the document can be had."""
    return kind in _WHOLE_DOCUMENT


def restart_delay_s(lost_in_a_row: int) -> float:
    """Gives how long to wait before a lost worker is started again, s: none at first, then doubling up to 30."""
    return 0.0 if lost_in_a_row <= 1 else min(30.0, 0.5 * 2.0 ** (lost_in_a_row - 2))


def retire_device(lost_in_a_row: int, idle_lost_in_a_row: int) -> bool:
    """Tells whether a worker that keeps dying without finishing a page is given up.

    Args:
        lost_in_a_row: deaths since its last recorded page.
        idle_lost_in_a_row: those of them with no page open, which no page can be blamed for.
    """
    return lost_in_a_row >= MAX_LOST_IN_A_ROW or idle_lost_in_a_row >= MAX_IDLE_LOST_IN_A_ROW
