from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from batchocr.errors import DocumentError, FailureKind, StorageError
from batchocr.outputs import commit as commit_module
from batchocr.outputs.commit import FolderCommit, file_sha256, foreign_files, recover
from batchocr.outputs.manifest import write_manifest


def stage(out: Path, commit_id: str, text: str, folder: str = "r/x") -> FolderCommit:
    commit = FolderCommit(out, out / ".batchocr", folder, commit_id)
    (commit.staging / "images").mkdir()
    (commit.staging / "x.md").write_text(text)
    (commit.staging / "images" / "a.jpg").write_text(text)
    files = {name: file_sha256(commit.staging / name) for name in ("x.md", "images/a.jpg")}
    write_manifest(commit.staging, {"schema": 1, "commit_id": commit_id, "folder": folder, "files": files})
    return commit


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An output in which `r/x` was committed before."""
    stage(tmp_path, "c1", "old").commit(force=False)
    return tmp_path


def test_a_commit_replaces_the_whole_folder(old: Path) -> None:
    stage(old, "c2", "new").commit(force=False)
    assert {path.name: path.read_text() for path in (old / "r/x").rglob("*.*") if path.suffix != ".json"} == {
        "x.md": "new",
        "a.jpg": "new",
    }
    assert [path for path in (old / ".batchocr").rglob("*") if path.name not in ("staging", "trash")] == []


def test_without_an_exchange_the_commit_works_as_well(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_module, "exchange", lambda one, other: False)
    stage(old, "c2", "new").commit(force=False)
    assert (old / "r/x/x.md").read_text() == "new"
    assert list((old / ".batchocr/trash").iterdir()) == []


def add_note(folder: Path) -> None:
    (folder / "note.txt").write_text("mine")


def change_markdown(folder: Path) -> None:
    (folder / "x.md").write_text("corrected by hand")


def drop_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def link_inside(folder: Path) -> None:
    (folder / "link").symlink_to("/")


def replace_by_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


def replace_parent_by_file(folder: Path) -> None:
    shutil.rmtree(folder.parent)
    folder.parent.write_text("a file")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (add_note, "note.txt"),
        (change_markdown, "x.md"),
        (drop_manifest, "images/a.jpg"),
        (link_inside, "link"),
        (replace_by_file, "x"),
        (replace_parent_by_file, "r"),
    ],
)
def test_what_is_not_ours_blocks_the_commit_and_is_kept_by_force(
    old: Path, spoil: Callable[[Path], None], named: str
) -> None:
    spoil(old / "r/x")
    before = sorted(str(path) for path in (old / "r").rglob("*"))
    commit = stage(old, "c2", "new")
    with pytest.raises(DocumentError, match=named) as caught:
        commit.commit(force=False)
    assert caught.value.kind is FailureKind.OUTPUT_BLOCKED
    assert "--force" in str(caught.value)
    assert sorted(str(path) for path in (old / "r").rglob("*")) == before

    commit.commit(force=True)
    assert (old / "r/x/x.md").read_text() == "new"
    assert len(list((old / ".batchocr/kept").iterdir())) == 1


def test_a_forced_commit_keeps_the_foreign_file(old: Path) -> None:
    add_note(old / "r/x")
    stage(old, "c2", "new").commit(force=True)
    assert (old / ".batchocr/kept/x-c2/note.txt").read_text() == "mine"
    assert not (old / "r/x/note.txt").exists()


def test_missing_files_and_desktop_droppings_block_nothing(old: Path) -> None:
    (old / "r/x/x.md").unlink()
    (old / "r/x/.DS_Store").write_text("")
    assert foreign_files(old / "r/x") == []
    stage(old, "c2", "new").commit(force=False)
    assert (old / "r/x/x.md").read_text() == "new"


def test_recovery_finishes_a_ready_commit_and_drops_an_unfinished_one(old: Path) -> None:
    stage(old, "c2", "new").staging.rename(old / ".batchocr/staging/c2.ready")
    stage(old, "c3", "half")
    (recovered,) = recover(old, old / ".batchocr")
    assert (recovered.folder, recovered.manifest["commit_id"]) == ("r/x", "c2")
    assert (old / "r/x/x.md").read_text() == "new"
    assert list((old / ".batchocr/staging").iterdir()) == []
    assert recover(old, old / ".batchocr") == []


def test_recovery_tells_of_a_commit_whose_exchange_was_done(old: Path) -> None:
    ready = old / ".batchocr/staging/c2.ready"
    stage(old, "c2", "new").staging.rename(ready)
    ready.rename(old / "swap")
    (old / "r/x").rename(ready)
    (old / "swap").rename(old / "r/x")
    (recovered,) = recover(old, old / ".batchocr")
    assert recovered.manifest["commit_id"] == "c2"
    assert not ready.exists()


def test_recovery_keeps_what_was_put_in_the_way_meanwhile(old: Path) -> None:
    stage(old, "c2", "new").staging.rename(old / ".batchocr/staging/c2.ready")
    add_note(old / "r/x")
    recover(old, old / ".batchocr")
    assert (old / "r/x/x.md").read_text() == "new"
    assert (old / ".batchocr/kept/x-c2/note.txt").read_text() == "mine"


def test_recovery_of_a_new_output_does_nothing(tmp_path: Path) -> None:
    assert recover(tmp_path, tmp_path / ".batchocr") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_cannot_be_written_is_a_storage_error_with_its_remedy(
    old: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    commit = stage(old, "c2", "new")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="run the same command again"):
        commit.commit(force=False)
    assert (old / "r/x/x.md").read_text() == "old"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="dies in forked children")
@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_crash_at_any_step_of_commit_and_recovery_leaves_the_old_or_the_new_folder(tmp_path: Path) -> None:
    check_crashes(tmp_path, every=1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="dies in forked children")
def test_a_crash_at_some_steps_of_commit_and_recovery_leaves_the_old_or_the_new_folder(tmp_path: Path) -> None:
    check_crashes(tmp_path, every=7)


def check_crashes(tmp_path: Path, every: int) -> None:
    """Runs the driver in memory where that is possible: it flushes thousands of times."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        driver = Path(__file__).with_name("crash_driver.py")
        ended = subprocess.run(
            [sys.executable, driver, folder, str(every)], capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr
    *faults, summary = ended.stdout.splitlines()
    assert faults == []
    assert int(summary.split()[0]) > 100 / every
