"""Options made from the declarations of the settings, shown in groups; and answers on stdout."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import click

from batchocr.config import Setting, describe_settings, parse_engine_options
from batchocr.logs import printable

CALL = "This command"
# Of text that goes to files and pipes.
WIDTH = 80


class GroupedOption(click.Option):
    """An option that is listed under a heading."""

    def __init__(self, *args: Any, group: str = CALL, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help lists its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one list per heading, in the order in which they were declared."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                groups.setdefault(getattr(parameter, "group", CALL), []).append(record)
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)


def setting_options(
    names: Collection[str] | None = None, default_text: str = "", apart: Collection[str] = ()
) -> Callable[[click.Command], click.Command]:
    """Gives a decorator that adds the options of settings to a command, before its own.

    Args:
        names: of the settings; all of them unless given.
        default_text: what their default is for this command, where it is not that of the settings.
        apart: settings whose default is their own all the same.
    """

    def add(command: click.Command) -> click.Command:
        chosen = [setting for setting in describe_settings() if names is None or setting.name in names]
        if default_text:
            chosen = [
                setting if setting.name in apart else replace(setting, default_text=default_text) for setting in chosen
            ]
        command.params[:0] = [_parameter(setting) for setting in chosen]
        return command

    return add


def _parameter(setting: Setting) -> click.Parameter:
    if not setting.flag.startswith("-"):
        return click.Argument([setting.name], nargs=-1, metavar=f"[{setting.flag}]...")
    unit = f"{setting.unit}; " if setting.unit else ""
    words = f"{setting.description}  [{unit}default: {setting.default_text}]"
    declarations = [setting.name, *([setting.short] if setting.short else []), setting.flag]
    if setting.switch:
        declarations[-1] = f"{setting.flag}/--no-{setting.flag[2:]}"
        return GroupedOption(declarations, default=None, help=words, group=setting.group)
    return GroupedOption(
        declarations, metavar=setting.metavar, multiple="=" in setting.metavar, help=words, group=setting.group
    )


def given_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the settings that were on the command line, by name.

    Raises:
        ConfigError: an `--engine-option` is not KEY=VALUE.
    """
    values = {name: value for name, value in parameters.items() if value is not None and value != ()}
    if "engine_options" in values:
        values["engine_options"] = parse_engine_options(values["engine_options"])
    return values


def emit(text: str) -> None:
    """Writes a result to stdout; a reader that has seen enough (`| head`) changes no exit code."""
    try:
        click.echo(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more when it leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit_json(value: Mapping[str, Any]) -> None:
    """Writes one JSON object to stdout, pure ASCII so that it survives every locale."""
    emit(json.dumps(value, indent=2))


def wrapped(text: str, first: str, others: str) -> list[str]:
    """Gives a text in lines of `WIDTH` columns; names with hyphens stay whole.

    Args:
        text: what to say.
        first: what the first line begins with.
        others: what all other lines begin with.
    """
    return textwrap.wrap(printable(text), WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
