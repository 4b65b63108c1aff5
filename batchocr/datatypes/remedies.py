"""What a person can do about each kind of failure: words, and the command to type."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from batchocr.errors import FailureKind


@dataclass(frozen=True)
class Remedy:
    """What a kind of failure means, and what to do about it.

    Attributes:
        title: the kind, for people.
        advice: what to do.
        options: of `batchocr retry` that go with it.
        retry: whether `batchocr retry` can help.
    """

    title: str
    advice: str
    options: str = ""
    retry: bool = True


REMEDIES = {
    FailureKind.DOCUMENT_UNREADABLE: Remedy(
        "The file cannot be opened",
        "It is damaged, empty or no document. Open it in a viewer and copy it again, then retry.",
    ),
    FailureKind.DOCUMENT_ENCRYPTED: Remedy(
        "A password is needed",
        "Put names and passwords into a file (name, tab, password on each line), then retry with it.",
        "--password-file passwords.tsv",
    ),
    FailureKind.DOCUMENT_TOO_LARGE: Remedy(
        "The document is over a limit",
        "Split it, or run again with a larger --max-file-bytes or --max-pages.",
        retry=False,
    ),
    FailureKind.DOCUMENT_CHANGED: Remedy(
        "The file changed while it was read", "Wait until whoever writes it has finished, then retry."
    ),
    FailureKind.PAGE_RENDER_FAILED: Remedy(
        "The page cannot be drawn",
        "It is damaged, or broke a limit. Print it to a new PDF, or allow it more time and memory.",
        "--render-timeout-s 120 --render-memory 4GiB",
    ),
    FailureKind.ENGINE_ERROR: Remedy(
        "The engine gave an error", "It was tried again alone. See the log; another try may do after an update."
    ),
    FailureKind.ENGINE_OUT_OF_MEMORY: Remedy(
        "The device ran out of memory",
        "It failed at every size. Close what else uses the device, or retry on one with more memory.",
    ),
    FailureKind.TIMEOUT: Remedy(
        "The page took too long", "If such pages need their time, give them more of it.", "--page-timeout-s 1800"
    ),
    FailureKind.WORKER_LOST: Remedy(
        "The worker died with the page open",
        "The page crashes the engine, or memory ran out: the run's log has the worker's last words.",
    ),
    FailureKind.OUTPUT_BLOCKED: Remedy(
        "The document's folder cannot be replaced",
        "A file in it is open elsewhere, or is yours. Close or move it, then retry.",
    ),
    FailureKind.OUTPUT_ERROR: Remedy(
        "The output cannot be written", "Check free space and permissions, then run the same command again."
    ),
    FailureKind.INTERNAL: Remedy(
        "A fault in batchocr itself", "The log has the traceback: please report it, with the document if you may."
    ),
}


def command(verb: str, output: str, state_dir: str | None = None) -> str:
    """Gives a command about an output folder, as a shell takes it: `batchocr retry out`.

    Args:
        verb: such as `retry`.
        output: the output folder.
        state_dir: where its ledger is, if not in it.
    """
    elsewhere = f" --state-dir {shlex.quote(state_dir)}" if state_dir else ""
    return f"batchocr {verb} {shlex.quote(output)}{elsewhere}"


def retry_command(kind: FailureKind, output: str, state_dir: str | None = None) -> str:
    """Gives the command that tries again what failed in this way, "" where that cannot help."""
    if not REMEDIES[kind].retry:
        return ""
    options = REMEDIES[kind].options
    return f"{command('retry', output, state_dir)} --kind {kind.value}{' ' if options else ''}{options}"
