"""Pages of the site that follow from the code, made while it is built: they cannot be out of date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchocr.cli.schema import WHAT
from batchocr.config import Setting, describe_settings
from batchocr.errors import ExitCode, FailureKind
from batchocr.schemas import json_schema

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
_LINK_OUT = re.compile(r"\[([^\]\n]+)\]\(\.\./([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages; MkDocs calls it."""
    from mkdocs.structure.files import File

    pages = {"settings.md": settings_page(), "exit-codes.md": codes_page(), "schemas.md": schemas_page()}
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
    lines = [
        "# Settings", "",
        "Every setting is an option of `batchocr run`, a key of a job file, a keyword of `batchocr.run()` and a "
        "variable `BATCHOCR_NAME`. Stronger wins: "
        "option, variable, job file, profile, default. Unknown names are errors.",
    ]  # fmt: skip
    group = ""
    for setting in describe_settings():
        if setting.group != group:
            group = setting.group
            lines += [
                "",
                f"## {group}",
                "",
                "| option | key | value | default | what |",
                "|" + "---|" * 5,
            ]
        lines.append(_setting_row(setting))
    return "\n".join(lines) + "\n"


def _setting_row(setting: Setting) -> str:
    flag = f"{setting.short}, {setting.flag}" if setting.short else setting.flag
    value = "on or off" if setting.switch else f"`{setting.metavar}`"
    unit = f" ({setting.unit})" if setting.unit else ""
    cells = (f"`{flag}`", f"`{setting.name}`", value + unit, setting.default_text, setting.description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


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
    lines = [
        "# JSON schemas", "",
        "What programs may rely on, as JSON Schema (draft 2020-12); `batchocr schema NAME` prints the same. Keys, "
        "states and failure kinds may be added within a schema number; it grows when a reader would have to change. "
        "A test holds what is really written against these schemas.", "",
        "| name | of what | file |", "|" + "---|" * 3,
    ]  # fmt: skip
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
        lines.append(f"| `{key}` | {_type_words(entry)} | {words} |".replace("\\|", "\\\\|"))
    return lines


def _type_words(entry: Mapping[str, Any]) -> str:
    """Gives the type of a value in words."""
    if "anyOf" in entry:
        return " or ".join(_type_words(kind) for kind in entry["anyOf"])
    if "$ref" in entry:
        title = entry["$ref"].rpartition("/")[2]
        return f"[{title}](#{title.lower()})"
    if "const" in entry or "enum" in entry:
        return ", ".join(f"`{json.dumps(value)}`" for value in entry.get("enum", [entry.get("const")]))
    if "prefixItems" in entry:
        return "[" + ", ".join(map(_type_words, entry["prefixItems"])) + "]"
    if entry["type"] == "array":
        return f"list of {_type_words(entry['items'])}"
    inner = entry.get("additionalProperties")
    if isinstance(inner, dict):
        return f"object of {_type_words(inner)}"
    return str(entry["type"])
