from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from batchocr.config import FORMATS, RunSettings, describe_settings, fingerprint
from batchocr.datatypes import EngineInfo, Limits


def settings(**values: Any) -> RunSettings:
    return RunSettings(inputs=("in",), **values)


INFO = EngineInfo(
    name="e", output_version=1, weights={"w": "1"}, batch_invariant=True, needs_image=True, wants_text_layer=False,
    devices=("cpu",), in_flight=1, page_timeout_s=1, load_timeout_s=1, options={"a": 1}, threads=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "canonical", "ranges"),
    [
        ("1-3,7", "1-3,7", ((1, 3), (7, 7))),
        (" 7, 1-2 ,3", "1-3,7", ((1, 3), (7, 7))),
        ("5-,7,1", "1,5-", ((1, 1), (5, 1_000_000_000))),
        (12, "12", ((12, 12),)),
        ([1, 2, "4-5"], "1-2,4-5", ((1, 2), (4, 5))),
    ],
)
def test_pages_are_canonical(text: object, canonical: str, ranges: tuple[tuple[int, int], ...]) -> None:
    chosen = settings(pages=text)
    assert chosen.pages == canonical
    found = chosen.page_ranges()
    assert found is not None
    assert found.ranges == ranges


@pytest.mark.parametrize("text", ["0", "3-1", "a", "", "1,,2", "-3", "1-2-3", "²", "9999999999"])
def test_pages_that_are_no_list_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="counted from 1"):
        settings(pages=text)


def test_no_pages_means_all() -> None:
    assert settings().page_ranges() is None


def test_sizes_take_units() -> None:
    limits = settings(render_memory="1.5GiB", max_file_bytes=4096).limits()
    assert (limits.render_memory_bytes, limits.max_file_bytes) == (3 << 29, 4096)


def test_default_limits_are_those_of_the_datatype() -> None:
    assert settings().limits() == Limits()


@pytest.mark.parametrize(
    "values", [{"render_memory": "2 apples"}, {"max_file_bytes": -1}, {"page_timeout_s": "inf"}, {"formats": ""}]
)
def test_senseless_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**values)


def test_formats_have_one_order() -> None:
    assert settings(formats="pdf, md").formats == settings(formats=["md", "pdf", "md"]).formats == ("md", "pdf")


def test_devices_may_be_a_list() -> None:
    assert settings(devices=["gpu:0", "gpu:1"]).devices == "gpu:0,gpu:1"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings().dpi = 3  # type: ignore[misc]


def test_state_lies_in_the_output_unless_said_otherwise() -> None:
    assert settings(output="o").state_path == Path("o/.batchocr")
    assert settings(output="o", state_dir="s").state_path == Path("s")


def test_every_setting_is_described_with_a_default() -> None:
    described = {setting.name: setting for setting in describe_settings()}
    assert set(described) == set(RunSettings.model_fields)
    for name, setting in described.items():
        assert setting.description, name
        assert setting.default_text, name
    assert described["formats"].default_text == "md,json,xlsx,images,pdf"
    assert {"docx", "paddlex-json"} < set(FORMATS)
    assert described["mode"].metavar == "[auto|ocr|text]"
    assert described["page_timeout_s"].flag == "--page-timeout-s"


@pytest.mark.parametrize(
    "values",
    [
        {"pages": "1"}, {"formats": "md"}, {"page_markers": False}, {"visualization_dpi": 50}, {"dpi": 100},
        {"max_page_pixels": 10_000}, {"join_tables": True}, {"relevel_titles": True},
    ],
)  # fmt: skip
def test_fingerprint_follows_settings_that_change_outputs(values: dict[str, Any]) -> None:
    assert fingerprint(settings(**values), INFO) != fingerprint(settings(), INFO)


@pytest.mark.parametrize(
    "values",
    [
        {"output": "elsewhere"}, {"devices": "cpu"}, {"max_attempts": 5}, {"force": True}, {"task_pages": 1},
        {"password_file": "p"}, {"executor": "serial"}, {"render_timeout_s": 1},
    ],
)  # fmt: skip
def test_fingerprint_ignores_how_a_run_is_done(values: dict[str, Any]) -> None:
    assert fingerprint(settings(**values), INFO) == fingerprint(settings(), INFO)


@pytest.mark.parametrize(
    "change", [{"name": "f"}, {"output_version": 2}, {"weights": {"w": "2"}}, {"options": {"a": 2}}]
)
def test_fingerprint_follows_the_engine(change: dict[str, Any]) -> None:
    assert fingerprint(settings(), dataclasses.replace(INFO, **change)) != fingerprint(settings(), INFO)


def test_fingerprint_ignores_secrets_and_speed_of_the_engine() -> None:
    other = dataclasses.replace(INFO, options={"api_key": "x", "a": 1}, in_flight=9, versions={"numpy": "2"})
    assert fingerprint(settings(), other) == fingerprint(settings(), INFO)
