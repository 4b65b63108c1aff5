"""Merges settings from flags, environment, job file, profile and defaults, and says in sentences what is wrong."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from batchocr.config.overlap import check_apart
from batchocr.config.profiles import find_profile
from batchocr.config.settings import RunSettings, describe_settings, is_secret
from batchocr.errors import ConfigError, SetupError

PREFIX = "BATCHOCR_"
# Keys of a job file that are no settings of a run: what its settings rest on, and what `batchocr ingest` does.
NOT_OF_A_RUN = ("profile", "ingest")
PATH_FIELDS = ("output", "state_dir", "password_file", "metrics")


@dataclass(frozen=True)
class _Layer:
    """Settings from one place; `origin` says where one of them was written, for messages."""

    values: Mapping[str, Any]
    origin: str


def load_settings(flags: Mapping[str, Any], job: Path | None, environ: Mapping[str, str]) -> RunSettings:
    """Gives the settings of a run: flag > `BATCHOCR_*` > job file > profile > default.

    Engine options are merged one by one, all other settings as a whole. A relative path in a job or profile starts at
    the folder of that file, all others at the current folder.

    Args:
        flags: setting name (or `profile`) to value; None means not given.
        job: a job file, YAML.
        environ: where `BATCHOCR_*` variables are looked for.

    Raises:
        ConfigError: an unknown key, a value that is not allowed, a file that cannot be read, or an input and the output
            folder that lie in each other. Several faults are told at once.
        SetupError: a format needs a library that is not installed.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    layers = [_Layer(given, "flag"), _Layer(_from_environment(environ), "environment")]
    if job is not None:
        layers.append(_Layer(read_settings_file(job), str(job)))
    profile = next((layer for layer in layers if layer.values.get("profile")), None)
    if profile is not None:
        file = find_profile(str(profile.values["profile"]), job)
        layers.append(_Layer(read_settings_file(file, allowed=()), str(file)))
    values, origins = _merge(layers)
    settings = build_settings(values, origins)
    check_apart(settings.inputs, settings.output)
    return settings


def build_settings(values: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> RunSettings:
    """Gives settings from their values, for example those that `RunSettings.ledger_safe` gave.

    Args:
        values: setting name to value.
        origins: setting name to where it was written, for messages.

    Raises:
        ConfigError: names every field that is unknown, missing or not allowed.
        SetupError: a format needs a library that is not installed: told now, not when the first document is finished.
    """
    unknown = [unknown_key(key, "the settings") for key in values if key not in RunSettings.model_fields]
    if unknown:
        raise ConfigError("\n".join(unknown))
    try:
        settings = RunSettings(**values)
    except ValidationError as err:
        raise ConfigError("\n".join(_sentences(err, origins or {}))) from err
    if "docx" in settings.formats and find_spec("docx") is None:
        raise SetupError('Format docx needs python-docx: pip install "batchocr[docx]", or leave docx out of --formats.')
    return settings


def parse_engine_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Gives engine options from `KEY=VALUE` texts; the value is YAML.

    Raises:
        ConfigError: a text without `=`, or a value that is not YAML.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, found, value = pair.partition("=")
        if not found or not key.strip():
            raise ConfigError(f"--engine-option {pair!r} must be KEY=VALUE, such as runtime=onnxruntime.")
        options[key.strip()] = parse_yaml(value, f"--engine-option {key.strip()}")
    return options


def secrets_from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Gives the engine options in `BATCHOCR_ENGINE_OPTIONS` that are secrets, which no ledger keeps for a retry.

    Raises:
        ConfigError: as `load_settings`, for the environment.
    """
    options = _from_environment(environ).get("engine_options")
    return {name: value for name, value in options.items() if is_secret(name)} if isinstance(options, dict) else {}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    names = {PREFIX + name.upper(): name for name in (*RunSettings.model_fields, "profile")}
    faults = []
    for variable, text in environ.items():
        name = names.get(variable)
        # An unknown variable may be meant for something else; one that is nearly right is a slip.
        if variable.startswith(PREFIX) and not name and difflib.get_close_matches(variable, names, n=1, cutoff=0.9):
            faults.append(unknown_key(variable, "the environment", names))
        if not name or not text.strip():
            continue
        values[name] = text
        if name == "inputs":
            values[name] = [part for part in text.split(os.pathsep) if part]
        elif name == "engine_options":
            values[name] = parse_yaml(text, variable)
    if faults:
        raise ConfigError("\n".join(faults))
    return values


def read_settings_file(path: Path, allowed: Collection[str] = NOT_OF_A_RUN) -> dict[str, Any]:
    """Gives what a job or profile says; its relative paths become absolute, but not those in its section `ingest`.

    Args:
        path: a YAML file.
        allowed: keys that may be there beside the settings of a run.

    Raises:
        ConfigError: it cannot be read, is no YAML, or has an unknown key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path} cannot be read ({err}). Name a YAML file with settings.") from err
    content = parse_yaml(text, str(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold settings, one `name: value` a line; see `batchocr run --help`.")
    known = (*RunSettings.model_fields, *allowed)
    faults = [unknown_key(str(key), str(path), known) for key in content if key not in known]
    if faults:
        raise ConfigError("\n".join(faults))
    # The folder is resolved but not the file: paths in a linked job start beside the link.
    folder = path.parent.resolve()
    return {name: _anchored(name, value, folder) for name, value in content.items() if value is not None}


def _anchored(name: str, value: object, folder: Path) -> object:
    if name in PATH_FIELDS and isinstance(value, str):
        return absolute_from(value, folder)
    if name == "inputs" and isinstance(value, str):
        value = [value]
    if name == "inputs" and isinstance(value, list):
        return [_anchored_input(item, folder) if isinstance(item, str) else item for item in value]
    return value


def _anchored_input(item: str, folder: Path) -> str:
    return "@" + absolute_from(item[1:], folder) if item.startswith("@") else absolute_from(item, folder)


def absolute_from(text: str, folder: Path) -> str:
    """Gives a path that starts at a folder unless it is absolute or starts with `~`."""
    return os.path.normpath(folder / Path(text).expanduser())


def _merge(layers: Sequence[_Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    """Gives the strongest value of every setting, and where it was written."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    flags = {setting.name: setting.flag for setting in describe_settings()}
    for layer in reversed(layers):
        for name, value in layer.values.items():
            if name in NOT_OF_A_RUN:
                continue
            weaker = values.get(name)
            mergeable = name == "engine_options" and isinstance(value, dict)
            values[name] = {**weaker, **value} if mergeable and isinstance(weaker, dict) else value
            places = {"flag": flags.get(name, name), "environment": PREFIX + name.upper()}
            origins[name] = places.get(layer.origin, f"{layer.origin}: {name}")
    return values, origins


def unknown_key(key: str, place: str, known: Iterable[str] = RunSettings.model_fields) -> str:
    """Gives a sentence on a key that nobody knows; names the nearest one."""
    near = difflib.get_close_matches(key.replace("-", "_"), list(known), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else " `batchocr run --help` lists all settings."
    return f"Unknown setting {key!r} in {place}.{hint}"


def _sentences(err: ValidationError, origins: Mapping[str, str]) -> list[str]:
    """Words pydantic's findings for a person, one sentence for each."""
    units = {setting.name: setting.unit for setting in describe_settings()}
    sentences = []
    for fault in err.errors():
        name = str(fault["loc"][0])
        place = origins.get(name, name)
        if name == "inputs" and fault["type"] in ("missing", "too_short"):
            sentences.append("There is nothing to read: name files, folders or globs, or a job file that has `inputs`.")
            continue
        wrong = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        # Options may hold secrets, so their values are not repeated.
        value = "" if name == "engine_options" else f" {fault['input']!r}"
        unit = f" ({units[name]})" if units.get(name) else ""
        sentences.append(f"{place}{value}: {wrong}{unit}.")
    return sentences


def parse_yaml(text: str, place: str) -> Any:
    """Gives the value that a YAML text stands for.

    Raises:
        ConfigError: it is no YAML; `place` tells where it was written.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as err:
        raise ConfigError(f"{place} is not valid YAML: {err}") from err
