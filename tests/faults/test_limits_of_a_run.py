"""Disks that are full or read-only, and inputs that change under a run: it stops or says so, and can go on later."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from support.documents import many_page_pdf, text_pdf
from support.jobs import (
    Directed,
    background_run,
    build,
    eventually,
    manifest,
    run_job,
    tree,
)

from batchocr import runs
from batchocr.datatypes import RunSummary
from batchocr.errors import ExitCode, FailureKind, StorageError

pytestmark = pytest.mark.faults

COMMAND = Path(sys.executable).with_name("batchocr")
PAGES = 6


@pytest.fixture
def directed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directed:
    (tmp_path / "in").mkdir()
    many_page_pdf(tmp_path / "in" / "a.pdf", PAGES)
    return Directed(tmp_path / "orders", monkeypatch)


# --- disks ---


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mounts a file system of its own on a new folder, where that is allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here (that takes root on Linux)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave_bytes: int) -> Path:
    """Fills the disk of a folder but for so many bytes, and gives the file to delete."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            os.truncate(path, max(0, path.stat().st_size - leave_bytes))
    return path


def no_half_written_folder(output: Path) -> bool:
    """Tells whether every folder that stands in the output has its manifest, which is written last."""
    folders = [path for path in output.iterdir() if path.is_dir() and path.name != ".batchocr"]
    return all((folder / "manifest.json").is_file() for folder in folders)


@pytest.mark.parametrize("leave_bytes", [0, 8 << 10, 64 << 10])
def test_disk_that_is_full_in_the_middle_stops_the_run_and_the_next_goes_on(
    tmp_path: Path, directed: Directed, leave_bytes: int
) -> None:
    for number in range(20):
        text_pdf(tmp_path / "in" / f"{number}.pdf", f"document {number}")
    smooth = run_job(tmp_path, output=str(tmp_path / "smooth"), **directed.settings())
    assert smooth.exit_code is ExitCode.OK
    directed.tell("hold-3")
    with small_disk(tmp_path / "disk", "size=4m") as disk:
        with command(tmp_path, directed, disk / "out") as process:
            directed.wait_at(3)
            filler = fill(disk, leave_bytes)
            directed.recall("hold-3")
            check_storage_error(process)
        assert no_half_written_folder(disk / "out")
        with command(tmp_path, directed, disk / "out") as process:  # nothing can begin on a full disk either
            check_storage_error(process)
        filler.unlink()
        with command(tmp_path, directed, disk / "out") as process:
            _, err = process.communicate(timeout=40)
        assert process.returncode == ExitCode.OK, err
        assert tree(disk / "out") == tree(tmp_path / "smooth")


@contextmanager
def command(tmp_path: Path, directed: Directed, output: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs the installed command, which does not look for free space."""
    options = ["--engine-option", f"folder={directed.folder}", "--devices", "cpu", "--min-free-disk", "0"]
    words = [str(COMMAND), "run", str(tmp_path / "in"), "-o", str(output), "--engine", "directed", *options]
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def check_storage_error(process: subprocess.Popen[str]) -> None:
    _, err = process.communicate(timeout=40)
    assert process.returncode == ExitCode.STORAGE, err
    assert "Traceback" not in err
    assert "Error: " in err


def test_spool_that_does_not_fit_its_disk_stops_the_run_and_keeps_the_pages_before_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    noise = [Image.effect_noise((1600, 1600), 100) for _ in range(8)]
    noise[0].save(tmp_path / "in" / "a.tiff", save_all=True, append_images=noise[1:])
    values = {"engine_options": {"needs_image": True, "content": "rich"}, "state_dir": str(tmp_path / "disk" / "state")}
    with small_disk(tmp_path / "disk", "size=1m") as disk:
        # Spool and ledger share the disk: whichever meets its end first speaks.
        with pytest.raises(StorageError, match=r"cannot write the spool .*No space left|ledger .* disk is full"):
            run_job(tmp_path, min_free_disk=0, **values)
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        summary = run_job(tmp_path, min_free_disk=0, **values)
    assert summary.exit_code is ExitCode.OK
    assert 0 < summary.pages_done < len(noise)
    assert manifest(tmp_path / "out", "a")["done"] == [[1, len(noise)]]


def test_run_stops_before_the_disk_is_full_and_goes_on_later(tmp_path: Path, directed: Directed) -> None:
    with pytest.raises(StorageError, match=r"MiB are free at .*, less than --min-free-disk\. Free some space"):
        run_job(tmp_path, **directed.settings(), min_free_disk="1000TiB")
    assert directed.pages_read() == []
    assert run_job(tmp_path, **directed.settings(), min_free_disk=0).pages_done == PAGES


def test_output_that_is_read_only_is_refused_and_named(tmp_path: Path, directed: Directed) -> None:
    with small_disk(tmp_path / "disk", "ro,size=1m") as disk, pytest.raises(StorageError, match="cannot be written"):
        run_job(tmp_path, output=str(disk / "out"), **directed.settings())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_output_without_the_right_to_write_is_refused_and_named(tmp_path: Path, directed: Directed) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="cannot be written"):
        run_job(tmp_path, **directed.settings())


# --- inputs that change ---


def replace(path: Path) -> None:
    """Puts another file into its place, as an editor does."""
    text_pdf(path.with_suffix(".new"), ["other", "pages"])
    path.with_suffix(".new").replace(path)


def overwrite(path: Path) -> None:
    """Writes another file over it, as `cp` does."""
    path.write_bytes(text_pdf(path.with_suffix(".other"), ["other", "pages"]).read_bytes())
    path.with_suffix(".other").unlink()


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


CHANGES = [replace, overwrite, truncate, Path.unlink]


def all_counted(output: Path) -> bool:
    return all(entry["pages"] for entry in runs.status(output)["documents"])


@contextmanager
def held_run(tmp_path: Path, directed: Directed) -> Iterator[Future[RunSummary]]:
    """A run that has counted everything and holds page 2 of `a.pdf`; pages are rendered one ahead."""
    wanted = build(tmp_path, **directed.settings(needs_image=True), dpi=72, task_pages=1)
    directed.tell("hold-2")
    with background_run(wanted) as run:
        directed.wait_at(2, run)
        eventually(lambda: all_counted(tmp_path / "out"), "all documents to be counted")
        yield run


def check_changed(tmp_path: Path, summary: RunSummary, name: str) -> None:
    assert summary.exit_code is ExitCode.PARTIAL
    (report,) = summary.failures
    assert report.source == name
    assert {failure.kind for failure in report.failures} == {FailureKind.DOCUMENT_CHANGED}
    assert not (tmp_path / "out" / name.removesuffix(".pdf")).exists()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_document_that_changes_before_it_is_opened_is_reported_and_the_next_run_reads_it_as_it_is(
    tmp_path: Path, directed: Directed, change: Callable[[Path], None]
) -> None:
    victim = text_pdf(tmp_path / "in" / "b.pdf", ["one", "two", "three"])
    with held_run(tmp_path, directed) as run:
        change(victim)
        directed.recall("hold-2")
        summary = run.result()
    check_changed(tmp_path, summary, "b.pdf")
    assert manifest(tmp_path / "out", "a")["done"] == [[1, PAGES]]
    check_next_run(tmp_path, directed, victim, "b")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_document_that_changes_while_it_is_read_is_reported_and_never_mixed(
    tmp_path: Path, directed: Directed, change: Callable[[Path], None]
) -> None:
    victim = tmp_path / "in" / "a.pdf"
    with held_run(tmp_path, directed) as run:
        change(victim)
        directed.recall("hold-2")
        summary = run.result()
    check_changed(tmp_path, summary, "a.pdf")
    check_next_run(tmp_path, directed, victim, "a")


def check_next_run(tmp_path: Path, directed: Directed, victim: Path, name: str) -> None:
    summary = run_job(tmp_path, **directed.settings(needs_image=True), dpi=72)
    if victim.exists() and victim.stat().st_size and b"(other)" in victim.read_bytes():
        assert (summary.exit_code, manifest(tmp_path / "out", name)["done"]) == (ExitCode.OK, [[1, 2]])
    elif not victim.exists():
        assert (summary.exit_code, summary.pages_done) == (ExitCode.OK, 0)
