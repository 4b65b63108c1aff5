from __future__ import annotations

import io
import json
import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batchocr import logs
from batchocr.launcher import boot_command
from batchocr.logs import (
    SHOWN,
    MainThreadFields,
    child_logging,
    console_logging,
    end_logging,
    get_logger,
    lines_above,
    masked,
    printable,
    run_logging,
)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("batchocr")
    before = (root.handlers[:], root.level, ours.handlers[:], ours.level, logs._console)
    ours.handlers.clear()  # a command that ran in this process leaves its console behind
    logs._console = None
    yield
    for handler in set(root.handlers + ours.handlers) - set(before[0] + before[2]):
        handler.close()
    root.handlers[:], root.level, ours.handlers[:], ours.level, logs._console = before
    logging.captureWarnings(False)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_run_log_has_fixed_fields(tmp_path: Path) -> None:
    handler = run_logging(tmp_path, "r1")
    get_logger("batchocr.x", worker="gpu:0").bind(document="a/b.pdf", page=3).warning("too %s", "dark")
    get_logger("batchocr.x").debug("not shown")
    end_logging(handler)
    (line,) = lines(tmp_path / "logs" / "run-r1.jsonl")
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning", "run": "r1", "worker": "gpu:0", "device": None, "document": "a/b.pdf", "page": 3,
        "attempt": None, "message": "too dark",
    }  # fmt: skip


def test_traceback_goes_to_the_file_and_not_to_the_terminal(tmp_path: Path) -> None:
    stream = io.StringIO()
    console_logging("info", stream)
    handler = run_logging(tmp_path, "r1")
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        get_logger().exception("page failed")
    end_logging(handler)
    assert "Traceback" not in stream.getvalue()
    (line,) = lines(tmp_path / "logs" / "run-r1.jsonl")
    assert "Traceback" in line["detail"]
    assert "hunter2" not in line["detail"]


def test_unknown_field_is_refused() -> None:
    with pytest.raises(KeyError):
        get_logger(colour="red")


def test_console_names_the_document_once() -> None:
    stream = io.StringIO()
    console_logging("info", stream)
    logger = get_logger(document="a.pdf", page=2)
    logger.info("blank")
    logger.info("a.pdf is blank")
    first, second = stream.getvalue().splitlines()
    assert first.endswith("a.pdf page 2: blank")
    assert second.count("a.pdf") == 1


def test_console_shows_its_level_only_while_the_file_has_all(tmp_path: Path) -> None:
    stream = io.StringIO()
    console_logging("warning", stream)
    handler = run_logging(tmp_path, "r1", "debug")
    get_logger().debug("fine print")
    get_logger().warning("loud")
    end_logging(handler)
    assert "fine print" not in stream.getvalue()
    assert [line["message"] for line in lines(tmp_path / "logs" / "run-r1.jsonl")] == ["fine print", "loud"]


def test_second_console_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    console_logging("info", first)
    console_logging("info", second)
    get_logger().info("hello")
    assert first.getvalue() == ""
    assert second.getvalue().count("hello") == 1


def test_hostile_name_cannot_steer_the_terminal() -> None:
    stream = io.StringIO()
    console_logging("info", stream)
    get_logger(document="\x1b[2Jevil\nname\udcff\u202e.pdf").info("odd")
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode("utf-8")


def test_printable_keeps_words_of_all_languages() -> None:
    assert printable("发票 résumé 😀\tx") == "发票 résumé 😀\tx"


@pytest.mark.parametrize(
    "text",
    [
        "api_key=hunter2", '{"password": "hunter2"}', "Authorization: Bearer hunter2.abc", "token: hunter2",
        "http://user:hunter2@host/path", "PASSWORD = hunter2, then", "X-Api-Key: hunter2",
    ],
)  # fmt: skip
def test_secrets_are_masked(text: str) -> None:
    assert "hunter2" not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize("text", ["max_new_tokens=128", "12 keys found", "http://host:8000/v1", "page 3: timeout"])
def test_other_words_are_not_masked(text: str) -> None:
    assert masked(text) == text


def test_lines_go_above_what_stands_on_the_screen() -> None:
    stream, above = io.StringIO(), []
    console_logging("info", stream)
    with lines_above(above.append):
        get_logger().info("odd \x1b[2J name")
    get_logger().info("hello")
    assert [line[-16:] for line in above] == ["odd \\x1b[2J name"]
    assert stream.getvalue().endswith("hello\n")
    assert "odd" not in stream.getvalue()


def test_what_people_were_shown_already_goes_to_the_file_alone(tmp_path: Path) -> None:
    stream = io.StringIO()
    console_logging("info", stream)
    handler = run_logging(tmp_path, "r1")
    get_logger().info("the plan", extra={SHOWN: True})
    end_logging(handler)
    assert stream.getvalue() == ""
    assert [line["message"] for line in lines(tmp_path / "logs" / "run-r1.jsonl")] == ["the plan"]


def test_stream_that_is_closed_stops_nothing() -> None:
    stream = io.StringIO()
    console_logging("info", stream)
    stream.close()
    get_logger().info("nobody hears this")


def test_file_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "run-r1.jsonl").symlink_to(full)
    stream = io.StringIO()
    console_logging("info", stream)
    handler = run_logging(tmp_path, "r1")
    for _ in range(3):
        get_logger().info("hello")
    assert stream.getvalue().count("cannot be written") == 1
    assert stream.getvalue().count("hello") == 3
    logging.getLogger("batchocr").removeHandler(handler)
    with pytest.raises(OSError, match="No space"):
        handler.close()


def test_child_writes_to_a_file_of_its_own_with_the_warnings_of_libraries(tmp_path: Path) -> None:
    module = tmp_path / "childprogram.py"
    module.write_text(
        "import logging, sys, warnings\n"
        "from batchocr.logs import child_logging\n"
        "def main():\n"
        f"    child_logging('gpu:0', {str(tmp_path)!r}, run='r1', device='gpu:0').info('ready')\n"
        "    logging.getLogger('library').warning('odd')\n"
        "    logging.getLogger('library').info('chatter')\n"
        "    warnings.warn('old call')\n"
    )
    command = boot_command("childprogram")
    subprocess.run(command, check=True, env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, timeout=30)
    first, second, third = lines(tmp_path / "gpu-0.jsonl")
    assert (first["message"], first["run"], first["device"]) == ("ready", "r1", "gpu:0")
    assert second["message"] == "odd"
    assert "old call" in third["message"]


def test_child_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    child_logging("../x", tmp_path / "logs").info("hello")
    assert [file.name for file in (tmp_path / "logs").iterdir()] == ["..-x.jsonl"]


def test_fields_of_the_page_in_hand_are_those_of_the_main_thread_and_never_win(tmp_path: Path) -> None:
    here = MainThreadFields()
    child_logging("cpu", tmp_path, "info", here, worker="cpu")
    here.fields = {"document": "a.pdf", "page": 3}
    get_logger().info("from the engine")
    get_logger(page=2).info("from the recorder's own page")
    other = threading.Thread(target=get_logger().info, args=("from another thread",))
    other.start()
    other.join()
    found = [(line["document"], line["page"], line["worker"]) for line in lines(tmp_path / "cpu.jsonl")]
    assert found == [("a.pdf", 3, "cpu"), ("a.pdf", 2, "cpu"), (None, None, "cpu")]
