"""Ingests as they are started in earnest, while things happen to them: nothing is lost, nothing is read twice."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.documents import broken_pdf, encrypted_pdf, many_page_pdf, text_pdf
from support.jobs import Directed, eventually, manifest
from support.missing import missing

from batchocr.errors import ExitCode

pytestmark = pytest.mark.faults

COMMAND = Path(sys.executable).with_name("batchocr")
MOVE = {"on_success": "move", "done": "done", "failed": "failed"}


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    (tmp_path / "in").mkdir()
    return Directed(tmp_path / "orders", monkeypatch)


def write_job(folder: Path, directed: Directed, run: dict[str, Any] | None = None, **section: Any) -> Path:
    values = {
        "inputs": "in", "output": "out", "devices": "cpu", "formats": "md", "min_free_disk": 0,
        **directed.settings(), **(run or {}), "ingest": {"settle_s": 0, **MOVE, **section},
    }  # fmt: skip
    (folder / "job.yaml").write_text(json.dumps(values))
    return folder / "job.yaml"


@contextmanager
def started(job: Path, *words: str, command: str = "ingest") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [str(COMMAND), command, "--job", str(job), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(job: Path, *words: str, command: str = "ingest") -> tuple[int, str, str]:
    """Gives exit code, stdout and stderr."""
    with started(job, *words, command=command) as process:
        out, err = process.communicate(timeout=50)
        assert "Traceback" not in err
        return process.returncode, out, err


def need_watchfiles() -> None:
    if find_spec("watchfiles") is None:
        missing("watchfiles is not installed (extra watch)")


def fill(path: Path) -> None:
    """Fills the disk of a file."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as err:
            if err.errno != errno.ENOSPC:
                raise


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_of_two_that_start_in_the_same_second_one_works_and_the_other_says_who(
    tmp_path: Path, directed: Directed
) -> None:
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    job = write_job(tmp_path, directed)
    directed.tell("hold-2")
    with started(job) as one, started(job) as other:
        eventually(lambda: one.poll() is not None or other.poll() is not None, "one of them to end")
        loser, winner = (one, other) if one.poll() is not None else (other, one)
        _, err = loser.communicate(timeout=20)
        assert loser.returncode == ExitCode.STORAGE
        assert f"pid {winner.pid}, for " in err
        with started(job, "--wait", "40") as patient:
            directed.wait_at(2)
            directed.recall("hold-2")
            out, err = winner.communicate(timeout=40)
            assert (winner.returncode, err) == (ExitCode.OK, "")
            assert out == "batchocr ingest job: 1 read (3 pages), 1 moved\n"
            assert patient.communicate(timeout=40) == ("", "")
            assert patient.returncode == ExitCode.OK
    assert directed.pages_read() == ["a.pdf 1", "a.pdf 2", "a.pdf 3"]
    assert (names(tmp_path / "in"), names(tmp_path / "done")) == ([], ["a.pdf"])


def test_file_that_is_copied_slowly_is_left_alone_until_it_is_whole(tmp_path: Path, directed: Directed) -> None:
    content = many_page_pdf(tmp_path / "whole.pdf", 4).read_bytes()
    text_pdf(tmp_path / "in" / "other.pdf", "there before")
    job = write_job(tmp_path, directed, settle_s=1.5)
    path = tmp_path / "in" / "slow.pdf"
    with path.open("wb") as file, started(job) as process:
        for position in range(len(content)):
            file.write(content[position : position + 1])
            file.flush()
            time.sleep(0.05)
            if process.poll() is not None:
                break
        else:
            pytest.fail("the copy was over before the ingest")
        out, err = process.communicate()
        assert (process.returncode, out) == (
            0,
            "batchocr ingest job: 1 read (1 page), 1 moved, 1 left for the next time\n",
        ), err
        file.write(content[position + 1 :])
    assert finished(job)[:2] == (0, "batchocr ingest job: 1 read (4 pages), 1 moved\n")
    assert names(tmp_path / "done") == ["other.pdf", "slow.pdf"]


@pytest.mark.parametrize("on_success", ["move", "delete"])
def test_file_that_is_replaced_during_the_run_stays_and_is_read_the_next_time(
    tmp_path: Path, directed: Directed, on_success: str
) -> None:
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    job = write_job(tmp_path, directed, on_success=on_success)
    directed.tell("hold-2")
    with started(job) as process:
        directed.wait_at(2)
        text_pdf(tmp_path / "in" / ".new", ["other", "content"]).replace(tmp_path / "in" / "a.pdf")
        directed.recall("hold-2")
        out, _ = process.communicate(timeout=40)
    assert (process.returncode, "1 changed while read" in out) == (0, True)
    assert (names(tmp_path / "in"), names(tmp_path / "done") if on_success == "move" else []) == (["a.pdf"], [])
    code, out, _ = finished(job)
    assert (code, "1 read (2 pages)" in out, names(tmp_path / "in")) == (0, True, [])
    assert manifest(tmp_path / "out", "a")["page_count"] == 2


def test_damaged_and_encrypted_files_are_set_aside_while_the_others_are_read_and_a_command_is_told(
    tmp_path: Path, directed: Directed
) -> None:
    text_pdf(tmp_path / "in" / "good.pdf", "text")
    broken_pdf(tmp_path / "in" / "broken.pdf", "garbage")
    encrypted_pdf(tmp_path / "in" / "locked.pdf", "secret")
    tell = [sys.executable, "-c", "import sys; open('told.json', 'w').write(sys.stdin.read())"]
    job = write_job(tmp_path, directed, notify=tell)
    code, out, err = finished(job)
    assert (code, err) == (ExitCode.PARTIAL, "")
    assert out.splitlines()[0] == "batchocr ingest job: 1 read (1 page), 1 moved, 2 given up"
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["exit_code"], told["line"]) == (6, out.splitlines()[0])
    assert {Path(failure["moved_to"]).name for failure in told["failures"]} == {"broken.pdf", "locked.pdf"}
    assert len(names(tmp_path / "failed")) == 4
    (tmp_path / "told.json").unlink()
    assert finished(job) == (0, "", "")
    assert not (tmp_path / "told.json").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_ingest_that_was_killed_is_gone_on_with_and_its_lock_is_free(tmp_path: Path, directed: Directed) -> None:
    text_pdf(tmp_path / "in" / "0.pdf", "small")
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    job = write_job(tmp_path, directed, run={"order": "smallest"})
    directed.tell("hold-2")
    with started(job) as process:
        directed.wait_at(2)
        eventually((tmp_path / "out" / "0" / "manifest.json").exists, "the small document")
        process.kill()
        process.wait()
    directed.recall("hold-2")
    assert names(tmp_path / "done") == []
    code, out, err = finished(job, "--wait", "20")
    assert (code, "2 read" in out) == (0, True), out + err
    assert names(tmp_path / "done") == ["0.pdf", "a.pdf"]
    assert directed.pages_read().count("0.pdf 1") == 1


def test_disk_that_is_full_leaves_every_file_where_it_was_and_the_next_ingest_goes_on(
    tmp_path: Path, directed: Directed
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here (that takes root on Linux)")
    try:
        for number in range(10):
            many_page_pdf(tmp_path / "in" / f"{number}.pdf", 3 + number)
        job = write_job(tmp_path, directed, run={"output": "disk/out"}, on_success="delete")
        directed.tell("hold-3")
        with started(job) as process:
            directed.wait_at(3)
            fill(disk / "filler")
            directed.recall("hold-3")
            _, err = process.communicate(timeout=50)
        assert process.returncode == ExitCode.STORAGE, err
        assert "Traceback" not in err
        assert len(names(tmp_path / "in")) == 10
        (disk / "filler").unlink()
        code, out, err = finished(job)
        assert (code, names(tmp_path / "in")) == (0, []), out + err
        assert [manifest(disk / "out", str(number))["page_count"] for number in range(10)] == list(range(3, 13))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
@pytest.mark.parametrize("words", [(), ("--poll",)])
def test_watch_takes_what_is_there_and_what_comes_and_ends_in_order(
    tmp_path: Path, directed: Directed, words: tuple[str, ...]
) -> None:
    need_watchfiles()
    text_pdf(tmp_path / "in" / "there.pdf", "before")
    job = write_job(tmp_path, directed, settle_s=0.3)
    with started(job, *words, command="watch") as process:
        eventually(lambda: names(tmp_path / "done") == ["there.pdf"], "the file that was there")
        (tmp_path / "in" / "sub").mkdir()
        text_pdf(tmp_path / "in" / "sub" / "new.pdf", "after")
        eventually((tmp_path / "done" / "sub" / "new.pdf").exists, "the file that came")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == ExitCode.TERMINATED, err
    assert out.splitlines() == ["batchocr ingest job: 1 read (1 page), 1 moved"] * 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
def test_watch_reads_a_file_that_is_copied_slowly_once_and_whole(tmp_path: Path, directed: Directed) -> None:
    need_watchfiles()
    content = many_page_pdf(tmp_path / "whole.pdf", 4).read_bytes()
    job = write_job(tmp_path, directed, settle_s=1.0)
    with started(job, command="watch") as process:
        with (tmp_path / "in" / "slow.pdf").open("wb", buffering=0) as file:
            for position in range(0, len(content), len(content) // 30):
                file.write(content[position : position + len(content) // 30])
                time.sleep(0.1)
        eventually((tmp_path / "done" / "slow.pdf").exists, "the file to be read and moved")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (ExitCode.TERMINATED, "batchocr ingest job: 1 read (4 pages), 1 moved\n"), err
    assert directed.pages_read() == [f"slow.pdf {page_no}" for page_no in range(1, 5)]
    assert (tmp_path / "done" / "slow.pdf").read_bytes() == content


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
def test_signal_ends_a_watch_in_the_middle_of_a_run_in_order(tmp_path: Path, directed: Directed) -> None:
    need_watchfiles()
    many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    job = write_job(tmp_path, directed, run={"task_pages": 1})
    directed.tell("hold-2")
    with started(job, command="watch") as process:
        directed.wait_at(2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        directed.recall("hold-2")
        out, err = process.communicate(timeout=40)
    assert process.returncode == ExitCode.TERMINATED, out + err
    assert names(tmp_path / "in") == ["a.pdf"]
    assert finished(job)[0] == 0
    assert directed.pages_read().count("a.pdf 2") == 1


def test_file_that_is_written_over_in_place_during_the_run_stays_and_is_read_the_next_time(
    tmp_path: Path, directed: Directed
) -> None:
    path = many_page_pdf(tmp_path / "in" / "a.pdf", 3)
    content = text_pdf(tmp_path / "other.pdf", ["other", "content"]).read_bytes()
    job = write_job(tmp_path, directed)
    directed.tell("hold-2")
    with started(job) as process:
        directed.wait_at(2)
        path.write_bytes(content)
        directed.recall("hold-2")
        out, _ = process.communicate(timeout=40)
    assert (process.returncode, "1 changed while read" in out) == (0, True)
    assert names(tmp_path / "in") == ["a.pdf"]
    assert finished(job)[:2] == (0, "batchocr ingest job: 1 read (2 pages), 1 moved\n")
    assert (tmp_path / "done" / "a.pdf").read_bytes() == content
    assert manifest(tmp_path / "out", "a")["done"] == [[1, 2]]


def test_full_disk_of_done_files_keeps_them_where_they_are_and_they_are_moved_later_without_being_read_again(
    tmp_path: Path, directed: Directed
) -> None:
    disk = tmp_path / "done"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here (that takes root on Linux)")
    try:
        many_page_pdf(tmp_path / "in" / "a.pdf", 40)
        fill(disk / "filler")
        job = write_job(tmp_path, directed)
        code, out, err = finished(job)
        assert (code, names(tmp_path / "in"), names(disk)) == (ExitCode.STORAGE, ["a.pdf"], ["filler"]), out + err
        assert "1 could not be taken away" in out
        (disk / "filler").unlink()
        assert finished(job)[:2] == (0, "batchocr ingest job: 1 read (0 pages), 1 moved\n")
        assert (names(tmp_path / "in"), names(disk)) == ([], ["a.pdf"])
        assert len(directed.pages_read()) == 40
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def drop_files(folder: Path, aside: Path, count: int) -> None:
    """Puts documents into a folder as people and programs do: at once, slowly, under another name first, damaged."""
    for number in range(count):
        name = f"{number}.pdf"
        way = ["rename", "slow", "part", "broken", "locked"][number % 5]
        if way == "broken":
            broken_pdf(folder / name, "garbage")
        elif way == "locked":
            encrypted_pdf(folder / name, "secret")
        elif way == "rename":
            many_page_pdf(aside / name, 1 + number).replace(folder / name)
        else:
            content = many_page_pdf(aside / name, 1 + number).read_bytes()
            path = folder / (name if way == "slow" else f"{name}.part")
            with path.open("wb", buffering=0) as file:
                for start in range(0, len(content), len(content) // 6):
                    file.write(content[start : start + len(content) // 6])
                    time.sleep(0.1)
            path.replace(folder / name)
        time.sleep(0.2)


@pytest.mark.timeout(180)
def test_pairs_of_ingests_while_files_of_all_kinds_come_in_lose_nothing_and_read_nothing_twice(
    tmp_path: Path, directed: Directed
) -> None:
    job = write_job(tmp_path, directed, settle_s=1.0)
    (tmp_path / "aside").mkdir()
    count = 20
    codes = Counter[int]()
    with ThreadPoolExecutor(1) as pool:
        dropping = pool.submit(drop_files, tmp_path / "in", tmp_path / "aside", count)
        for _ in range(20):
            over = dropping.done()
            with started(job) as one, started(job) as other:
                for process in (one, other):
                    _, err = process.communicate(timeout=60)
                    assert "Traceback" not in err
                    codes[process.returncode] += 1
            if over and not names(tmp_path / "in"):
                break
        dropping.result()
    assert names(tmp_path / "in") == []
    good = [number for number in range(count) if number % 5 < 3]
    bad = [number for number in range(count) if number % 5 >= 3]
    assert names(tmp_path / "done") == sorted(f"{number}.pdf" for number in good)
    reasons = [f"{number}.pdf{end}" for number in bad for end in ("", ".reason.txt")]
    assert names(tmp_path / "failed") == sorted(reasons)
    pages = Counter(directed.pages_read())
    assert pages == Counter(f"{number}.pdf {page_no}" for number in good for page_no in range(1, number + 2))
    assert all(manifest(tmp_path / "out", str(number))["page_count"] == number + 1 for number in good)
    folders = {path.parent.name for path in (tmp_path / "out").glob("*/manifest.json")}
    assert folders == {str(number) for number in good}
    assert codes.keys() <= {ExitCode.OK, ExitCode.STORAGE, ExitCode.PARTIAL}
