from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchocr.datatypes import FileIdentity, KnownFile
from batchocr.errors import StorageError
from batchocr.ingest.taking import CHANGED, Taker, put_back

CONTENT = b"the document"
HOSTILE = ["-rf", "a\nb.pdf", "; touch x.pdf", "..pdf", os.fsdecode(b"caf\xe9.pdf"), "a" * 255, "*.pdf", "a.pdf "]


@pytest.fixture
def taker(tmp_path: Path) -> Taker:
    (tmp_path / "in").mkdir()
    return Taker(tmp_path / "moving.json")


def written(path: Path, content: bytes = CONTENT) -> KnownFile:
    path.write_bytes(content)
    return known(path)


def known(path: Path) -> KnownFile:
    found = path.stat()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return KnownFile(str(path), FileIdentity(found.st_size, found.st_mtime_ns, found.st_ino), digest)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.fixture(params=["one file system", "two file systems"])
def done(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Gives a folder to move to."""
    folder = tmp_path / "done"
    if request.param == "one file system":
        yield folder
        return
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here (that takes root on Linux)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_file_is_moved_with_its_time_and_into_new_folders(tmp_path: Path, taker: Taker, done: Path) -> None:
    file = written(tmp_path / "in" / "a.pdf")
    taken = taker.move(file, done / "x" / "y" / "a.pdf")
    assert (taken.to, taken.problem) == (done / "x" / "y" / "a.pdf", "")
    assert taken.to.read_bytes() == CONTENT
    assert taken.to.stat().st_mtime_ns == file.identity.mtime_ns
    assert (names(tmp_path / "in"), names(done / "x" / "y")) == (set(), {"a.pdf"})
    assert not (tmp_path / "moving.json").exists()


def test_move_overwrites_nothing(tmp_path: Path, taker: Taker, done: Path) -> None:
    done.mkdir(exist_ok=True)
    (done / "a.pdf").write_bytes(b"first")
    (done / "a~2.pdf").symlink_to("nowhere")
    assert taker.move(written(tmp_path / "in" / "a.pdf"), done / "a.pdf").to == done / "a~3.pdf"
    assert (done / "a.pdf").read_bytes() == b"first"


def test_reason_lies_beside_a_moved_file_and_replaces_none(tmp_path: Path, taker: Taker) -> None:
    failed = tmp_path / "failed"
    failed.mkdir()
    (failed / "a.pdf.reason.txt").write_text("of another")
    taken = taker.move(written(tmp_path / "in" / "a.pdf"), failed / "a.pdf", "too dark")
    assert taken.to == failed / "a~2.pdf"
    assert (failed / "a~2.pdf.reason.txt").read_text() == "too dark"
    assert (failed / "a.pdf.reason.txt").read_text() == "of another"


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_are_moved_and_deleted_as_they_are(tmp_path: Path, taker: Taker, name: str) -> None:
    file = written(tmp_path / "in" / name)
    assert taker.move(file, tmp_path / "done" / name, "reason").to == tmp_path / "done" / name
    assert not taker.move(written(tmp_path / "in" / name), tmp_path / "done" / name, "reason").problem
    assert not taker.delete(written(tmp_path / "in" / name)).problem
    assert (names(tmp_path / "in"), len(names(tmp_path / "done"))) == (set(), 4)


def same_size_and_time(path: Path) -> None:
    before = path.stat()
    path.write_bytes(CONTENT.upper())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(b"another one")
    path.with_name("new").replace(path)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b" grows")


@pytest.mark.parametrize("change", [same_size_and_time, replaced, appended], ids=lambda change: change.__name__)
@pytest.mark.parametrize("way", ["move", "delete"])
def test_file_that_is_not_the_one_that_was_read_stays(tmp_path: Path, taker: Taker, change, way: str) -> None:
    path = tmp_path / "in" / "a.pdf"
    file = written(path)
    change(path)
    content = path.read_bytes()
    taken = taker.move(file, tmp_path / "done" / "a.pdf") if way == "move" else taker.delete(file)
    assert (taken.problem, taken.changed, taken.to) == (CHANGED, True, None)
    assert (names(tmp_path / "in"), path.read_bytes()) == ({"a.pdf"}, content)
    assert names(tmp_path / "done") == set()
    assert not (tmp_path / "moving.json").exists()


def test_link_stays_and_so_does_what_it_points_to(tmp_path: Path, taker: Taker) -> None:
    target = tmp_path / "precious.pdf"
    target.write_bytes(CONTENT)
    (tmp_path / "in" / "a.pdf").symlink_to(target)
    taken = taker.delete(known(tmp_path / "in" / "a.pdf"))
    assert taken.for_good
    assert "link" in taken.problem
    assert target.read_bytes() == CONTENT


def test_file_that_is_gone_is_no_fault(tmp_path: Path, taker: Taker) -> None:
    file = written(tmp_path / "in" / "a.pdf")
    (tmp_path / "in" / "a.pdf").unlink()
    assert taker.delete(file).changed
    assert not (tmp_path / "moving.json").exists()


def test_file_aside_finds_its_name_taken_and_gets_another(tmp_path: Path) -> None:
    (tmp_path / ".aside").write_bytes(b"old")
    (tmp_path / "a.pdf").write_bytes(b"new")
    assert put_back(tmp_path / ".aside", tmp_path / "a.pdf") == tmp_path / "a~2.pdf"
    assert ((tmp_path / "a.pdf").read_bytes(), (tmp_path / "a~2.pdf").read_bytes()) == (b"new", b"old")


def test_disk_that_is_full_leaves_the_file_where_it_was(tmp_path: Path, taker: Taker) -> None:
    done = tmp_path / "done"
    done.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(done)]
    if sys.platform != "linux" or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here (that takes root on Linux)")
    try:
        file = written(tmp_path / "in" / "a.pdf", bytes(200_000))
        taken = taker.move(file, done / "a.pdf")
        assert (taken.to, taken.changed) == (None, False)
        assert "No space left" in taken.problem
        assert (known(tmp_path / "in" / "a.pdf"), names(done)) == (file, set())
        assert not (tmp_path / "moving.json").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(done)], check=True)


# --- crashes ---

_CRASH = """\
import json, os, sys
from pathlib import Path
from batchocr.datatypes import FileIdentity, KnownFile
from batchocr.ingest.taking import Taker
name, path, identity, sha256, note, target, reason, at = json.loads(sys.argv[1])
calls = 0
def count(event, arguments):
    global calls
    if event in ("os.rename", "os.link", "os.remove", "open", "os.mkdir") and armed:
        calls += 1
        if calls == at:
            os._exit(9)
armed = False
sys.addaudithook(count)
file = KnownFile(path, FileIdentity(*identity), sha256)
taker = Taker(Path(note))
armed = True
taker.move(file, Path(target), reason) if name == "move" else taker.delete(file)
armed = False
print(calls)
"""


def crash(way: str, file: KnownFile, note: Path, target: Path, at: int) -> bool:
    """Takes a file in a process that dies before its `at`-th change; tells whether it died."""
    identity = [file.identity.size_bytes, file.identity.mtime_ns, file.identity.inode]
    order = json.dumps([way, file.path, identity, file.sha256, str(note), str(target), "too dark", at])
    done = subprocess.run([sys.executable, "-c", _CRASH, order], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 9), done.stderr
    return done.returncode == 9


@pytest.mark.parametrize("way", ["move", "delete"])
def test_crash_at_any_moment_loses_nothing_and_leaves_nothing_twice(tmp_path: Path, way: str) -> None:
    died = 0
    for at in range(1, 40):
        here = tmp_path / str(at)
        (here / "in").mkdir(parents=True)
        file = written(here / "in" / "a.pdf")
        note, target = here / "moving.json", here / "failed" / "a.pdf"
        if not crash(way, file, note, target, at):
            break
        died += 1
        taker = Taker(note)
        taker.mend()
        assert taker.mend() is None
        copies = [path for path in here.rglob("*") if path.is_file() and path.read_bytes() == CONTENT]
        assert len(copies) == 1 or (way == "delete" and not copies), f"crash {at}"
        for path in copies:
            assert path in (target, Path(file.path)), f"crash {at}"
            assert path != target or target.with_name("a.pdf.reason.txt").read_text() == "too dark"
            if path == Path(file.path):
                assert known(path) == file
                assert not (taker.move(file, target) if way == "move" else taker.delete(file)).problem
        assert names(here / "in") == set()
    assert died >= 5


def test_crash_while_copying_to_another_file_system_is_mended(tmp_path: Path, taker: Taker) -> None:
    file = written(tmp_path / "in" / ".x.taking")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / ".y.part").write_bytes(CONTENT[:3])
    note = {
        "path": str(tmp_path / "in" / "a.pdf"), "aside": file.path, "target": str(tmp_path / "done" / "a.pdf"),
        "beside": str(tmp_path / "done" / ".y.part"), "reason": "",
    }  # fmt: skip
    (tmp_path / "moving.json").write_text(json.dumps(note))
    assert taker.mend() == note["path"]
    assert (names(tmp_path / "in"), names(tmp_path / "done")) == ({"a.pdf"}, set())


def test_note_that_cannot_be_read_stops_everything(tmp_path: Path, taker: Taker) -> None:
    (tmp_path / "moving.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be read"):
        taker.mend()
