"""The command `batchocr`: its list of commands, and the one place that turns what happened into an exit code.

A command's module is imported when that command is called, so that `batchocr --help` loads next to nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from batchocr.errors import BatchOcrError, ExitCode
from batchocr.version import __version__

# Name to module and what `batchocr --help` says of it.
COMMANDS = {
    "run": ("batchocr.cli.run", "Read documents: PDFs and page images in, Markdown, tables and images out."),
    "status": ("batchocr.cli.status", "Show how far a run is, and what failed and why."),
    "cancel": ("batchocr.cli.cancel", "Stop a run from elsewhere, once its pages in hand are finished."),
    "retry": ("batchocr.cli.retry", "Read again what failed, and only that."),
    "ingest": ("batchocr.cli.ingest", "Read what has come into folders, once, and move it away: for cron."),
    "watch": ("batchocr.cli.watch", "The same for as long as it is let: read documents as they come."),
    "schedule": ("batchocr.cli.schedule", "Make cron, systemd or Windows start an ingest by itself."),
    "report": ("batchocr.cli.report", "Write report.html: failures, workers, and every page beside its text."),
    "engines": ("batchocr.cli.engines", "List the engines: which run here, and what the others lack."),
    "models": ("batchocr.cli.models", "List, check, pack, unpack and pull the models of the Paddle engines."),
    "compare": ("batchocr.cli.compare", "Hold an engine's runtimes against each other: numbers, text, time."),
    "bench": ("batchocr.cli.bench", "Simulate a run on many devices: how long, and who would have nothing to do."),
    "schema": ("batchocr.cli.schema", "Print the JSON Schema of what batchocr writes."),
    "doctor": ("batchocr.cli.doctor", "Look at this machine and say what would keep a run from working."),
}

EPILOG = """\b
Examples:
  batchocr run scans/                    all documents in scans/, into output/
  batchocr run scans/ -o out --devices gpu:0,gpu:1
  batchocr run --job jobs/nightly.yaml   settings from a file
  batchocr status out                    how far it is, at any time
  batchocr cancel out                    stop it from elsewhere
  batchocr retry out                     only what failed
  batchocr report out --open             look at what was read

The same `run` again does only what is missing. Exit codes: 0 all done, 2 wrong call, 3 no such input, 4 something is
missing on this machine, 5 outputs cannot be written, 6 some pages failed, 7 stopped early (run it again to go on).
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Gives the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command, or gives None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; who names a file or folder instead is told what to type."""
        if args and args[0] not in COMMANDS and os.path.lexists(args[0]):
            ctx.fail(f"{args[0]!r} is no command. To read it type: batchocr run {args[0]}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="batchocr", message="%(prog)s %(version)s")
def group() -> None:
    """Turns folders of PDFs and page images into Markdown, JSON, tables, images and visualization PDFs.

    `batchocr COMMAND --help` explains a command and all of its options.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code; says on stderr what went wrong, in a sentence.

    Args:
        arguments: of the command line, those of this process unless given.
    """
    try:
        result: Any = group.main(args=arguments, prog_name="batchocr", standalone_mode=False)
        return int(result or ExitCode.OK)
    except click.ClickException as err:
        err.show()
        return int(ExitCode.USAGE)
    except BatchOcrError as err:
        _say(str(err))
        return int(err.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted; the same command again goes on where it stopped")
        return int(ExitCode.INTERRUPTED)
    except Exception as err:  # noqa: BLE001 - the border to the shell: nobody above could answer
        return _report_fault(err)


def _report_fault(err: Exception) -> int:
    """Puts the traceback of a fault of ours into the run's log, or shows it where there is none."""
    from batchocr import logs

    log = logs.run_log_path()
    logger = logs.get_logger(__name__)
    if log is not None:
        logger.error("internal fault", exc_info=err)
        where = f"The traceback is in {log}."
    else:
        import traceback

        click.echo(logs.masked("".join(traceback.format_exception(err))), err=True)
        where = "The traceback is above."
    words = logs.printable(logs.masked(f"{type(err).__name__}: {err}"))
    _say(f"a fault in batchocr itself: {words}. {where} Please report it with the command that you typed.")
    return int(ExitCode.INTERNAL)


def _say(message: str) -> None:
    first, *rest = message.splitlines() or [""]
    click.echo("\n".join([f"Error: {first}", *(f"       {line}" for line in rest)]), err=True)


def entry() -> None:
    """The installed command."""
    # A file name may hold bytes that are no UTF-8: show them escaped rather than fail.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    sys.exit(main())
