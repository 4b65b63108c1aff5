"""The settings of `batchocr ingest` and `watch`: section `ingest` of a job, flags, `BATCHOCR_INGEST_*` variables."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from batchocr.config.loading import absolute_from, read_settings_file, unknown_key
from batchocr.errors import ConfigError

PREFIX = "BATCHOCR_INGEST_"
PATH_FIELDS = ("done", "failed")


def _sound(command: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Passes a command that can be taken apart.

    Raises:
        ValueError: a quotation mark is not closed.
    """
    if isinstance(command, str):
        shlex.split(command)
    return command


class IngestSettings(BaseModel):
    """What becomes of the files of a job, frozen. Build it with `load_ingest_settings`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    settle_s: float = Field(
        default=10.0, ge=0, description="a file is read once its size and time have not changed for so many seconds"
    )
    on_success: Literal["keep", "move", "delete"] = Field(
        default="keep", description="what becomes of a file whose document was read whole"
    )
    done: Path | None = Field(default=None, description="folder that files are moved to with `on_success: move`")
    failed: Path | None = Field(
        default=None, description="folder for files that were given up, each with its reason beside it"
    )
    attempts: int = Field(
        default=3, ge=1, le=1000, description="runs after which a document with failed pages is given up"
    )
    notify: Annotated[str | tuple[str, ...], AfterValidator(_sound)] = Field(
        default=(), description="command, one text or a list of words, that gets the outcome as JSON on standard input"
    )
    notify_shell: bool = Field(default=False, description="let the shell run `notify`")
    notify_timeout_s: float = Field(default=60.0, gt=0, description="seconds after which `notify` is ended")


def load_ingest_settings(flags: Mapping[str, Any], job: Path, environ: Mapping[str, str]) -> IngestSettings:
    """Gives the settings: flag > `BATCHOCR_INGEST_*` > section `ingest` of the job > default.

    Relative paths in the job start at the folder of that file, all others at the current folder.

    Args:
        flags: setting name to value; None means not given.
        job: a job file, YAML.
        environ: where variables are looked for.

    Raises:
        ConfigError: an unknown key, a value that is not allowed, or a file that cannot be read.
    """
    section = read_settings_file(job).get("ingest", {})
    if not isinstance(section, dict):
        raise ConfigError(f"{job}: ingest must hold settings, one `name: value` a line; see `batchocr ingest --help`.")
    names = IngestSettings.model_fields
    faults = [unknown_key(str(key), f"the section ingest of {job}", names) for key in section if key not in names]
    if faults:
        raise ConfigError("\n".join(faults))
    values = {name: value for name, value in section.items() if value is not None}
    _anchor(values, job.parent.resolve())
    stronger = {name: environ[PREFIX + name.upper()] for name in names if environ.get(PREFIX + name.upper())}
    stronger.update((name, value) for name, value in flags.items() if value is not None)
    _anchor(stronger, Path.cwd())
    values.update(stronger)
    try:
        settings = IngestSettings(**values)
    except ValidationError as err:
        raise ConfigError("\n".join(_sentence(fault, job) for fault in err.errors())) from err
    if settings.on_success == "move" and settings.done is None:
        raise ConfigError(f"{job}: `on_success: move` needs a folder to move files to: add `done: FOLDER` to `ingest`.")
    return settings


def _anchor(values: dict[str, Any], folder: Path) -> None:
    for name in PATH_FIELDS:
        if isinstance(values.get(name), str | Path):
            values[name] = absolute_from(str(values[name]), folder)


def _sentence(fault: Mapping[str, Any], job: Path) -> str:
    wrong = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{job}: ingest: {fault['loc'][0]} {fault['input']!r}: {wrong}."
