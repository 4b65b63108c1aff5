"""The published JSON Schemas hold for what is really written, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError
from support.documents import encrypted_pdf, many_page_pdf
from support.jobs import run_job, settings
from support.json_schemas import strict

from batchocr import runs
from batchocr.cli.main import main
from batchocr.cli.schema import WHAT
from batchocr.cli.summary import summary_json
from batchocr.config import build_settings
from batchocr.errors import ExitCode
from batchocr.schemas import SCHEMAS, json_schema

# What a run comes to; the tests of `ingest` look at its own.
OF_A_RUN = ("page", "document", "manifest", "status", "summary")
SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def written(output: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Gives every JSON file in the folders of documents, with the name of its schema."""
    for path in output.rglob("*.json"):
        if ".batchocr" not in path.parts:
            name = "manifest" if path.name == "manifest.json" else "document"
            yield name, json.loads(path.read_text("utf-8"))


def check_all(output: Path, summary: dict[str, Any]) -> dict[str, list[Any]]:
    """Checks all outputs of a run; gives them by schema."""
    found: dict[str, list[Any]] = {name: [] for name in OF_A_RUN}
    for name, value in written(output):
        found[name].append(value)
    found["page"] = [page for document in found["document"] for page in document["pages"]]
    found["status"] = [json.loads(json.dumps(runs.status(output)))]
    found["summary"] = [json.loads(json.dumps(summary))]
    for name, values in found.items():
        validator = strict(name)
        for value in values:
            validator.validate(value)
    return found


def test_outputs_of_a_run_with_all_kinds_of_failures_fit_their_schemas(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "long.pdf", 6)
    many_page_pdf(tmp_path / "in" / "odd.pdf", 3)
    encrypted_pdf(tmp_path / "in" / "locked.pdf", password="secret")
    (tmp_path / "in" / "torn.pdf").write_bytes(b"%PDF-1.7\nnothing")
    rules = [
        {"do": "silent", "source": "long.pdf", "pages": "2-3"},
        {"do": "error", "source": "long.pdf", "pages": "6"},
        {"do": "blank", "source": "odd.pdf", "pages": "1"},
        {"do": "garbage", "source": "odd.pdf", "pages": "2"},
    ]
    options = {"script": rules, "content": "rich", "needs_image": True}
    summary = run_job(tmp_path, engine_options=options, max_attempts=1, dpi=50)
    assert summary.exit_code is ExitCode.PARTIAL
    found = check_all(tmp_path / "out", summary_json(summary))
    assert {page["state"] for page in found["page"]} == {"done", "blank"}
    failures = [failure for document in found["status"][0]["documents"] for failure in document["failures"]]
    assert any("last_page" in failure for failure in failures)
    assert any(failure["page"] is None for failure in failures)


def test_status_of_a_run_that_has_found_nothing_fits_its_schema(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    summary = run_job(tmp_path)
    assert check_all(tmp_path / "out", summary_json(summary))["status"][0]["documents"] == []


@pytest.mark.slow
def test_outputs_of_ppocr_fit_their_schemas(tmp_path: Path) -> None:
    values = {**settings(tmp_path), "inputs": [str(SAMPLES / "report.pdf")], "engine": "ppocr", "engine_options": {}}
    summary = runs.run(build_settings({**values, "pages": "1-2"}))
    assert summary.exit_code is ExitCode.OK
    found = check_all(tmp_path / "out", summary_json(summary))
    assert any(page["blocks"] for page in found["page"])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("page", {"page_no": 0}), ("page", {"state": "failed"}), ("page", {"blocks": [{"label": "text"}]}),
        ("page", {"warnings": None}),
    ],
)  # fmt: skip
def test_page_that_is_none_is_refused(name: str, change: dict[str, Any]) -> None:
    page = {
        "page_no": 1, "state": "done", "width_px": 10, "height_px": 10, "dpi": 72.0, "warnings": [], "blocks": [],
    }  # fmt: skip
    validator = Draft202012Validator(json_schema(name))
    validator.validate({**page, "a key of a later release": 1})
    with pytest.raises(ValidationError):
        validator.validate({**page, **change})


@pytest.mark.parametrize("name", WHAT)
def test_command_prints_each_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == json_schema(name)


def test_command_lists_the_schemas_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(WHAT) == list(SCHEMAS)
    assert main(["schema"]) == ExitCode.OK
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(SCHEMAS)
    assert main(["schema", "nothing"]) == ExitCode.USAGE


def test_exit_codes_of_a_summary_are_those_there_are() -> None:
    schema = json_schema("summary")["properties"]["exit_code"]
    assert schema["enum"] == [int(code) for code in ExitCode]
    assert get_args(SCHEMAS["summary"].model_fields["exit_code"].annotation) == tuple(schema["enum"])
