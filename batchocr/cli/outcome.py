"""What came of a run, as a table for people: at its end, and in `batchocr status`. On stdout.

On a terminal it has colours (unless NO_COLOR is set), the terminal's width, and paths as short as they can be typed;
elsewhere it is plain text of 80 columns with whole paths. All that came out of a document passes through `printable`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.containers import Lines
from rich.text import Text

from batchocr.cli.options import WIDTH
from batchocr.datatypes import FailedPages, FailureCount, RunState, in_order
from batchocr.datatypes.remedies import REMEDIES, command, retry_command
from batchocr.errors import FailureKind
from batchocr.logs import printable

SHOWN_EXAMPLES = 3
MAX_MESSAGE_CHARS = 300
LABEL_COLUMNS = 11
IN_ALL = "in all"
STYLES = {
    "completed": "green", "done": "green", "interrupted": "yellow", "partial": "red", "failed": "red", IN_ALL: "dim",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """A run as people are told of it.

    Attributes:
        run_id: the ledger's name of the run.
        state: the run's.
        when: what follows the state in the first line, or "".
        message: why it stopped early, or "".
        documents, pages: state to count.
        facts: more lines of the table, each with its label.
        failures_by_kind: the most frequent first.
        failures: each with the name of its document.
        output: the output folder.
        state_dir: where the ledger is, None if in it.
        report: path of `report.html`, None if there is none.
    """

    run_id: str
    state: str
    when: str
    message: str
    documents: Mapping[str, int]
    pages: Mapping[str, int]
    facts: Sequence[tuple[str, str]]
    failures_by_kind: Mapping[FailureKind, FailureCount]
    failures: Iterable[tuple[str, FailedPages]]
    output: str
    state_dir: str | None
    report: str | None


def open_stdout() -> Console:
    """Gives stdout as rich sees it; no text is taken for markup."""
    width = None if sys.stdout.isatty() else WIDTH
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)


def outcome_text(outcome: Outcome, console: Console | None = None) -> str:
    """Gives the text to write, with the colours that the console has.

    Args:
        outcome: what to tell.
        console: where it will be written; stdout unless given.
    """
    console = console or open_stdout()
    with console.capture() as captured:
        for line in _lines(outcome, console):
            # Wrapped here where it should be; a path or a command that is longer stays one line, to be copied.
            console.print(line, soft_wrap=True)
    return captured.get().rstrip("\n")


def _lines(outcome: Outcome, console: Console) -> Iterator[Text]:
    here = Path.cwd() if console.is_terminal else None
    yield Text.assemble(
        ("Run ", "bold"), (outcome.run_id, "bold"), " ", (outcome.state, f"bold {STYLES.get(outcome.state, '')}"),
        f" {outcome.when}" if outcome.when else "",
    )  # fmt: skip
    if outcome.message:
        yield Text(f"  {printable(outcome.message)}")
    yield Text()
    yield from count_rows({"documents": outcome.documents, "pages": outcome.pages}, console.width)
    for label, words in outcome.facts:
        lines = _wrapped(Text(printable(words)), console, LABEL_COLUMNS + 2)
        yield from (_labelled("" if number else label, line) for number, line in enumerate(lines))
    yield _labelled("results", path_text(outcome.output, here))
    if outcome.report is not None:
        yield _labelled("report", path_text(outcome.report, here))
    yield from failure_lines(outcome, console)
    for number, (words, what) in enumerate(next_commands(outcome, here)):
        if not number:
            yield Text()
        yield Text.assemble(
            "      " if number else ("Next: ", "bold"), (words, "cyan"), (f"  # {what}" if what else "", "dim")
        )


def _labelled(label: str, words: Text) -> Text:
    return Text.assemble("  ", (label.ljust(LABEL_COLUMNS), "dim"), words)


def count_rows(counts: Mapping[str, Mapping[str, int]], width: int) -> Iterator[Text]:
    """Gives a line for each kind of thing with how many there are in each state, one below the other.

    Args:
        counts: kind of thing to state to count.
        width: columns; where the table is wider, its lines are lists instead.
    """
    told = {name: in_order(states) for name, states in counts.items()}
    if any(len(states) > 1 for states in told.values()):
        told = {name: {**states, IN_ALL: sum(states.values())} for name, states in told.items()}
    columns = [*in_order({state: 1 for states in told.values() for state in states}), IN_ALL]
    digits = {state: max(len(str(states.get(state, ""))) for states in told.values()) for state in columns}
    table = LABEL_COLUMNS + 2 + sum(digits[state] + len(state) + 4 for state in columns if digits[state]) <= width
    for name, states in told.items():
        row = Text() if any(states.values()) else Text("none")
        for state in columns:
            if states.get(state):
                row.append(f"{states[state]:>{digits[state] if table else 0}} {state}   ", STYLES.get(state, ""))
            elif table and digits[state]:
                row.append(" " * (digits[state] + len(state) + 4))
        row.rstrip()
        yield _labelled(name, row)


def path_text(path: str, here: Path | None) -> Text:
    """Gives a path, on a terminal as a link that it may open."""
    return Text(printable(_short(path, here)), f"link {Path(path).absolute().as_uri()}" if here else "")


def _short(path: str, here: Path | None) -> str:
    """Gives a path as it can be typed in a folder: relative if it lies below it."""
    if here is not None and Path(path).is_relative_to(here):
        return os.fspath(Path(path).relative_to(here))
    return path


def failure_lines(outcome: Outcome, console: Console) -> Iterator[Text]:
    """Gives what failed, by kind, with the first examples of each."""
    by_kind = outcome.failures_by_kind
    if not by_kind:
        return
    yield Text()
    yield Text(f"Failed: {sum(by_kind.values(), FailureCount())}", "bold red")
    # One of each document tells more than the first pages of the first.
    first: dict[FailureKind, dict[str, FailedPages]] = {kind: {} for kind in by_kind}
    for source, failed in outcome.failures:
        first[failed.kind].setdefault(source, failed)
    for kind, count in by_kind.items():
        yield Text.assemble(f"  {REMEDIES[kind].title} ", (f"({kind.value}): ", "dim"), (str(count), "red"))
        examples = list(first[kind].items())[:SHOWN_EXAMPLES]
        for source, failed in examples:
            lines = _wrapped(_example(source, failed), console, 6)
            yield from (Text("      " if number else "    ") + line for number, line in enumerate(lines))
        whole = sum(failed.first_page is None for _, failed in examples)
        left = FailureCount(
            count.pages - sum(failed.page_count for _, failed in examples), count.whole_documents - whole
        )
        if left.total:
            yield Text(f"    and {left} more", "dim")


def _wrapped(words: Text, console: Console, indent: int) -> Lines:
    """Gives a text in lines that leave room for an indent."""
    lines = words.wrap(console, max(20, console.width - indent - 1))
    for line in lines:
        line.rstrip()
    return lines


def _example(source: str, failed: FailedPages) -> Text:
    message = printable(failed.message)
    if len(message) > MAX_MESSAGE_CHARS:
        message = message[:MAX_MESSAGE_CHARS] + " ..."
    return Text.assemble(printable(source), f", {failed.where}: " if failed.where else ": ", (message, "dim"))


def next_commands(outcome: Outcome, here: Path | None) -> Iterator[tuple[str, str]]:
    """Gives what to type next, each with what it does."""
    output = printable(_short(outcome.output, here))
    state_dir = None if outcome.state_dir is None else printable(_short(outcome.state_dir, here))
    if outcome.state == RunState.RUNNING.value:
        yield command("cancel", output), "stops it in order"
        return
    if outcome.state != RunState.COMPLETED.value:
        yield "the same command again", "goes on where it stopped"
    with_options = [kind for kind in outcome.failures_by_kind if REMEDIES[kind].options]
    if any(REMEDIES[kind].retry and not REMEDIES[kind].options for kind in outcome.failures_by_kind):
        yield command("retry", output, state_dir), "reads again what failed"
    for kind in with_options:
        yield retry_command(kind, output, state_dir), ""
    if outcome.report is not None and any(outcome.documents.values()):
        yield f"{command('report', output, state_dir)} --open", "shows each page beside its text"
