from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from batchocr.config import RunSettings, build_settings, load_settings, parse_engine_options, secrets_from_environment
from batchocr.errors import ConfigError, SetupError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(job: Path | None = None, environ: dict[str, str] | None = None, **flags: Any) -> RunSettings:
    return load_settings({"inputs": ("in",), **flags} if job is None else flags, job, environ or {})


def test_stronger_place_wins(tmp_path: Path) -> None:
    write(tmp_path / "configs" / "slow.yaml", "dpi: 101\nmax_attempts: 11\ntask_pages: 12\nmax_pages: 13\nmode: text\n")
    job = write(
        tmp_path / "jobs" / "a.yaml", "profile: slow\ninputs: x\ndpi: 102\nmax_attempts: 2\ntask_pages: 3\nmax_pages: 4"
    )
    environ = {"BATCHOCR_DPI": "103", "BATCHOCR_MAX_ATTEMPTS": "5", "BATCHOCR_TASK_PAGES": "6"}
    settings = load(job, environ, dpi="104", max_attempts=7)
    assert (settings.dpi, settings.max_attempts, settings.task_pages) == (104, 7, 6)
    assert (settings.max_pages, settings.mode, settings.formats) == (4, "text", RunSettings(inputs=("x",)).formats)


def test_flag_names_another_profile_than_the_job(tmp_path: Path) -> None:
    write(tmp_path / "configs" / "one.yaml", "dpi: 111")
    write(tmp_path / "configs" / "two.yaml", "dpi: 222")
    job = write(tmp_path / "jobs" / "a.yaml", "profile: one\ninputs: x")
    assert load(job).dpi == 111
    assert load(job, profile="two").dpi == 222


def test_missing_profile_lists_those_there_are(tmp_path: Path) -> None:
    write(tmp_path / "configs" / "kaggle.yaml", "dpi: 111")
    job = write(tmp_path / "jobs" / "a.yaml", "profile: kagle\ninputs: x")
    with pytest.raises(ConfigError, match=r"no profile 'kagle'.*kaggle"):
        load(job)


def test_profile_is_found_from_the_current_folder_without_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "configs" / "cpu.yaml", "devices: cpu")
    monkeypatch.chdir(tmp_path)
    assert load(profile="cpu").devices == "cpu"


def test_profiles_that_come_along_are_found_from_anywhere_and_give_way_to_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(profile="kaggle-t4x2").devices == "gpu:0,gpu:1"
    write(tmp_path / "configs" / "kaggle-t4x2.yaml", "devices: cpu")
    assert load(profile="kaggle-t4x2").devices == "cpu"
    with pytest.raises(ConfigError, match=r"no profile 'kaggle-t4'.*kaggle-t4x2, paddleocr-vl"):
        load(profile="kaggle-t4")


def test_relative_paths_start_at_the_file_that_names_them(tmp_path: Path) -> None:
    job = write(
        tmp_path / "jobs" / "a.yaml",
        "inputs: [../in, '../more/*.pdf', '@list.txt', /abs]\noutput: ../out\npassword_file: words.tsv",
    )
    settings = load(job)
    assert settings.inputs == (
        str(tmp_path / "in"), str(tmp_path / "more" / "*.pdf"), f"@{tmp_path / 'jobs' / 'list.txt'}", "/abs",
    )  # fmt: skip
    assert settings.output == tmp_path / "out"
    assert settings.password_file == tmp_path / "jobs" / "words.tsv"
    assert load(job, output="here").output == Path("here")


def test_engine_options_are_merged_one_by_one(tmp_path: Path) -> None:
    job = write(tmp_path / "a.yaml", "inputs: x\nengine_options: {runtime: openvino, threads: 2}")
    settings = load(job, {"BATCHOCR_ENGINE_OPTIONS": "{threads: 3}"}, engine_options={"drop_score": 0.1})
    assert settings.engine_options == {"runtime": "openvino", "threads": 3, "drop_score": 0.1}


def test_engine_option_values_are_yaml() -> None:
    assert parse_engine_options(["a=1", "b=on", "c=[1, x=y]", "d="]) == {"a": 1, "b": True, "c": [1, "x=y"], "d": None}


@pytest.mark.parametrize("pair", ["runtime", "=3", "a=[1"])
def test_broken_engine_option_is_named(pair: str) -> None:
    with pytest.raises(ConfigError, match="engine-option"):
        parse_engine_options([pair])


def test_unknown_key_in_a_job_names_file_key_and_nearest(tmp_path: Path) -> None:
    job = write(tmp_path / "a.yaml", "inputs: x\nmax_attempt: 3\nform-ats: md")
    with pytest.raises(ConfigError) as caught:
        load(job)
    first, second = str(caught.value).splitlines()
    assert str(job) in first
    assert "'max_attempt'" in first
    assert "'max_attempts'" in first
    assert "'formats'" in second


def test_slip_in_a_variable_is_an_error_and_foreign_variables_are_not() -> None:
    with pytest.raises(ConfigError, match=r"BATCHOCR_DEVICE'.*BATCHOCR_DEVICES"):
        load(environ={"BATCHOCR_DEVICE": "cpu"})
    assert load(environ={"BATCHOCR_CORPUS": "/x", "OTHER": "1", "BATCHOCR_DPI": ""}).dpi == 200


def test_all_wrong_values_are_told_at_once_with_their_place(tmp_path: Path) -> None:
    job = write(tmp_path / "a.yaml", "inputs: x\nmode: fast\n")
    with pytest.raises(ConfigError) as caught:
        load(job, {"BATCHOCR_PAGES": "3-1"}, dpi="5")
    message = str(caught.value)
    assert len(message.splitlines()) == 3
    assert "--dpi '5': must be greater than or equal to 36 (pixels per inch)." in message
    assert "BATCHOCR_PAGES '3-1'" in message
    assert f"{job}: mode 'fast': must be 'auto', 'ocr' or 'text'." in message


def test_wrong_engine_options_are_not_repeated_in_the_message(tmp_path: Path) -> None:
    job = write(tmp_path / "a.yaml", "inputs: x\nengine_options: [hunter2]")
    with pytest.raises(ConfigError) as caught:
        load(job)
    assert "hunter2" not in str(caught.value)


def test_nothing_to_read_is_said_so() -> None:
    with pytest.raises(ConfigError, match="nothing to read"):
        load_settings({}, None, {})


@pytest.mark.parametrize("text", ["- a\n- b", "a: [1", "\tx"])
def test_job_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        load(write(tmp_path / "a.yaml", text))


def test_job_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read"):
        load(tmp_path / "nowhere.yaml")


def test_ledger_safe_settings_come_back_without_secrets(tmp_path: Path) -> None:
    settings = load(
        output=tmp_path, pages="3,1-2", password_file="words.tsv",
        engine_options={"api_key": "sk-1", "max_new_tokens": 9, "server": {"token": "t", "url": "u"}},
    )  # fmt: skip
    stored = settings.ledger_safe()
    assert "sk-1" not in str(stored)
    assert stored["engine_options"] == {"max_new_tokens": 9, "server": {"url": "u"}}
    expected = settings.model_copy(update={"engine_options": stored["engine_options"]})
    assert build_settings(stored) == expected


def test_a_format_whose_library_is_missing_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(SetupError, match=r"batchocr\[docx\]"):
        build_settings({"inputs": ["in"], "formats": "md,docx"})
    assert build_settings({"inputs": ["in"], "formats": "md"}).formats == ("md",)


def test_only_secrets_of_the_engine_options_in_the_environment_are_taken_for_a_retry() -> None:
    options = "{vl_rec_api_key: k1, pipeline_version: v1, hf_token: t1}"
    assert secrets_from_environment({"BATCHOCR_ENGINE_OPTIONS": options, "BATCHOCR_DPI": "72"}) == {
        "vl_rec_api_key": "k1", "hf_token": "t1",
    }  # fmt: skip
    assert secrets_from_environment({}) == {}
