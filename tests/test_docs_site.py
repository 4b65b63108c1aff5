"""The pages of the documentation that are made from the code, and the guides that people start from."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
import yaml

from batchocr.cli.schema import WHAT
from batchocr.config import IngestSettings, describe_settings
from batchocr.engines.registry import engine_class, engine_entry_points
from batchocr.errors import ExitCode, FailureKind
from batchocr.schemas import json_schema

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "site_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(page: str, width: int) -> list[str]:
    return [line for line in page.splitlines() if line.replace("\\|", "").count("|") == width + 1]


def test_every_setting_has_a_row_of_five_cells(hooks: ModuleType) -> None:
    page = hooks.settings_page()
    settings = list(describe_settings())
    groups = {setting.group for setting in settings}
    assert len(rows(page, 5)) == len(settings) + 2 * len(groups)
    assert [setting.name for setting in settings if f"| `{setting.name}` |" not in page] == []


def test_every_group_of_settings_is_one_table_and_no_cell_shows_python(hooks: ModuleType) -> None:
    page = hooks.settings_page()
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert len(set(headings)) == len(headings)
    assert "Undefined" not in page
    assert all(f"| `{name}` |" in page for name in IngestSettings.model_fields)


def test_every_option_of_every_engine_is_in_the_reference_with_its_default(hooks: ModuleType) -> None:
    sections = dict(section.split("\n", 1) for section in hooks.engine_options_page().split("\n## ")[1:])
    assert list(sections) == list(engine_entry_points())
    for name, section in sections.items():
        assert [key for key in engine_class(name).Options.model_fields if f"| `{key}` |" not in section] == []
    assert "| `threads` | integer | `1` |" in sections["ppocr"]
    assert "| `use_layout_detection` | boolean | `true` |" in sections["paddleocr-vl"]
    assert "| `runtime` | `openvino`, `onnxruntime`, `torch` | `openvino` |" in sections["ppocr"]


def test_every_exit_code_and_failure_kind_has_a_row(hooks: ModuleType) -> None:
    page = hooks.codes_page()
    assert [code for code in ExitCode if f"| {code.value} | {code.name.lower()} | " not in page] == []
    assert [kind for kind in FailureKind if f"| `{kind.value}` | " not in page] == []


def test_link_out_of_the_site_becomes_a_name_and_must_lead_somewhere(hooks: ModuleType) -> None:
    class Page:
        class File:
            src_uri = "x.md"

        file = File()

    page, nothing = cast(Any, Page()), cast(Any, None)
    text = hooks.on_page_markdown("see [the job](../jobs/quickstart.yaml)", page, nothing, nothing)
    assert text == "see the job (`jobs/quickstart.yaml`)"
    with pytest.raises(FileNotFoundError, match=r"x\.md links to jobs/none\.yaml"):
        hooks.on_page_markdown("[x](../jobs/none.yaml)", page, nothing, nothing)


def test_navigation_names_pages_that_exist_or_are_generated() -> None:
    found: list[str] = []

    def walk(entry: Any) -> None:
        if isinstance(entry, str):
            found.append(entry)
        for inner in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
            walk(inner)

    walk(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"])
    made = {"settings.md", "engine-options.md", "exit-codes.md", "schemas.md"}
    assert [name for name in found if name not in made and not (ROOT / "docs" / name).is_file()] == []


def test_every_key_of_every_schema_is_in_the_reference(hooks: ModuleType) -> None:
    page = hooks.schemas_page()
    for name in WHAT:
        schema = json_schema(name)
        assert f"(schemas/{name}.schema.json)" in page
        for shape in [schema, *schema["$defs"].values()]:
            assert [key for key in shape.get("properties", ()) if f"| `{key}` | " not in page] == []
            assert f"\n## {shape['title']}\n" in page
