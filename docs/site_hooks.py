"""Pages of the site that follow from the code, made while it is built: they cannot be out of date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from batchocr.cli.schema import WHAT
from batchocr.config import IngestSettings, Setting, describe_settings
from batchocr.engines.registry import engine_class, engine_entry_points
from batchocr.errors import ExitCode, FailureKind
from batchocr.schemas import json_schema

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
_LINK_OUT = re.compile(r"\[([^\]\n]+)\]\(\.\./([^)\s]+)\)")

_SETTINGS = """\
# Settings

Every setting is an option of `batchocr run`, a key of a job file (`--job FILE`), a keyword of `batchocr.run()` and a
variable `BATCHOCR_KEY`, such as `BATCHOCR_DEVICES`. Stronger wins: option, variable, job file, profile (`--profile
NAME`, a file of `configs/`, your own or one that comes along), default. Unknown names are errors. What an engine takes
besides: [options of engines](engine-options.md)."""
_INGEST = """
## Section `ingest` of a job

Read by `batchocr ingest` and `batchocr watch`, whose options they are too; as a variable `BATCHOCR_INGEST_KEY`.
[Cron and folders](cron.md) tells how they work together.
"""
_ENGINES = """\
# Options of engines

`--engine-option KEY=VALUE`, once for each, or `engine_options` in a job file or in `batchocr.run()`. Values are YAML.
Unknown names are errors. A default of none leaves the choice to the engine."""
_SCHEMAS = """\
# JSON schemas

What programs may rely on, as JSON Schema (draft 2020-12); `batchocr schema NAME` prints the same. Keys, states and
failure kinds may be added within a schema number; it grows when a reader would have to change. A test holds what is
really written against these schemas.

| name | of what | file |
|---|---|---|"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages; MkDocs calls it."""
    from mkdocs.structure.files import File

    pages = {
        "settings.md": settings_page(), "engine-options.md": engine_options_page(), "exit-codes.md": codes_page(),
        "schemas.md": schemas_page(),
    }  # fmt: skip
    schemas = {f"schemas/{name}.schema.json": json.dumps(json_schema(name), indent=2) + "\n" for name in WHAT}
    for name, text in {**pages, **schemas}.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Names a file of the repository that is not on the site instead of linking to it; MkDocs calls it.

    Raises:
        FileNotFoundError: there is no such file.
    """

    def named(found: re.Match[str]) -> str:
        if not (ROOT / found[2]).exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {found[2]}, which does not exist.")
        return f"{found[1]} (`{found[2]}`)" if found[1].strip("`") != found[2] else f"`{found[2]}`"

    return markdown if page.file.src_uri.startswith("decisions/") else _LINK_OUT.sub(named, markdown)


def settings_page() -> str:
    """Gives the reference of all settings, from their declarations."""
    lines = [_SETTINGS]
    settings = list(describe_settings())
    for group in dict.fromkeys(setting.group for setting in settings):
        lines += ["", f"## {group}", "", "| option | key | value | default | what |", "|" + "---|" * 5]
        lines += [_setting_row(setting) for setting in settings if setting.group == group]
    lines += [_INGEST, *_field_rows(IngestSettings)]
    return "\n".join(lines) + "\n"


def engine_options_page() -> str:
    """Gives the options of all engines that come with batchocr, from their declarations."""
    lines = [_ENGINES]
    for name in engine_entry_points():
        lines += ["", f"## {name}", "", *_field_rows(engine_class(name).Options)]
    return "\n".join(lines) + "\n"


def _field_rows(model: type[BaseModel]) -> list[str]:
    """Gives a table of a model's fields."""
    lines = ["| key | value | default | what |", "|" + "---|" * 4]
    for key, entry in model.model_json_schema()["properties"].items():
        kind = _type_words(entry, linked=False).replace(" or null", "")
        lines.append(_row(f"`{key}`", kind, _default_words(entry.get("default")), entry["description"]))
    return lines


def _default_words(value: object) -> str:
    if value in (None, "", []) or (isinstance(value, dict) and not any(value.values())):
        return "none"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _setting_row(setting: Setting) -> str:
    flag = f"{setting.short}, {setting.flag}" if setting.short else setting.flag
    value = "on or off" if setting.switch else f"`{setting.metavar}`"
    unit = f" ({setting.unit})" if setting.unit else ""
    return _row(f"`{flag}`", f"`{setting.name}`", value + unit, setting.default_text, setting.description)


def codes_page() -> str:
    """Gives exit codes and failure kinds, in the order of the code, in the words of the README."""
    words = dict(re.findall(r"^\| `?(\w+)`? \| (.+) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    lines = ["# Exit codes and failure kinds", "", "Both are public: they are added to, never changed.", ""]
    lines += ["| code | name | when |", "| --- | --- | --- |"]
    lines += [f"| {code.value} | {words[str(code.value)]} |" for code in ExitCode]
    lines += ["", "| failure kind | what it means, what follows |", "| --- | --- |"]
    lines += [f"| `{kind.value}` | {words[kind.value]} |" for kind in FailureKind]
    return "\n".join(lines) + "\n"


def schemas_page() -> str:
    """Gives the keys of all JSON that batchocr writes, from the models of which the JSON Schemas are made."""
    lines = [_SCHEMAS]
    lines += [
        f"| `{name}` | {what} | [{name}.schema.json](schemas/{name}.schema.json) |" for name, what in WHAT.items()
    ]
    told: set[str] = set()
    for name in [name for name in WHAT if name != "page"]:
        schema = json_schema(name)
        shapes = {schema["title"]: schema, **schema["$defs"]}
        for title, shape in shapes.items():
            if title not in told:
                told.add(title)
                lines += _schema_rows(title, shape)
    return "\n".join(lines) + "\n"


def _schema_rows(title: str, shape: Mapping[str, Any]) -> list[str]:
    lines = ["", f"## {title}", "", shape["description"]]
    if "enum" in shape:
        return [*lines, "", ", ".join(f"`{value}`" for value in shape["enum"])]
    lines += ["", "| key | type | what |", "|" + "---|" * 3]
    for key, entry in shape["properties"].items():
        missing = "" if key in shape["required"] else "may be missing; "
        words = f"{missing}{entry.get('description', '')}".rstrip("; ")
        lines.append(_row(f"`{key}`", _type_words(entry), words))
    return lines


def _type_words(entry: Mapping[str, Any], *, linked: bool = True) -> str:
    """Gives the type of a value in words; `linked` to the tables of other objects on the page."""
    if "anyOf" in entry:
        return " or ".join(_type_words(kind, linked=linked) for kind in entry["anyOf"])
    if "$ref" in entry:
        title = entry["$ref"].rpartition("/")[2]
        return f"[{title}](#{title.lower()})" if linked else "object"
    if "const" in entry or "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry.get("enum", [entry.get("const")]))
    if "prefixItems" in entry:
        return "[" + ", ".join(_type_words(kind, linked=linked) for kind in entry["prefixItems"]) + "]"
    if entry.get("type") == "array":
        return f"list of {_type_words(entry['items'], linked=linked)}"
    inner = entry.get("additionalProperties")
    if isinstance(inner, dict):
        return f"object of {_type_words(inner, linked=linked)}"
    return str(entry.get("type", "any value"))
