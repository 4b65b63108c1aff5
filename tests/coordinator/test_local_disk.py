"""Where the state folder may be: the mount table decides, here one of our own making."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from batchocr.coordinator.lock import Mount, holder_of, network_file_system, require_local_disk, run_lock
from batchocr.errors import StorageError

MOUNTS = [
    Mount("/", "overlay", "rw,relatime"),
    Mount("/mnt/archive", "nfs4", "rw,vers=4.2"),
    Mount("/mnt/archive/scratch", "ext4", "rw"),
    Mount("/mnt/share", "CIFS", "rw"),
    Mount("/home/me/server", "fuse.sshfs", "rw"),
    Mount("/home/me/vault", "fuse.gocryptfs", "rw"),
    Mount("/host", "9p", "rw,trans=virtio"),
    Mount("/auto", "autofs", "rw"),
    Mount("/auto", "nfs", "rw"),
    Mount("/drive", "NTFS", "rw,remote"),
]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/mnt/archive", "nfs4"),
        ("/mnt/archive/2024/out/.batchocr", "nfs4"),
        ("/mnt/share/out", "CIFS"),
        ("/home/me/server/out", "fuse.sshfs"),
        ("/auto/out", "nfs"),
        ("/drive/out", "NTFS"),
    ],
)
def test_network_file_system_is_recognised(folder: str, kind: str) -> None:
    assert network_file_system(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize(
    "folder", ["/data/out", "/mnt/archive/scratch/out", "/mnt/archives/out", "/home/me/vault/out", "/host/out"]
)
def test_local_disk_is_none(folder: str) -> None:
    assert network_file_system(Path(folder), MOUNTS) is None


def test_folder_that_no_mount_holds_counts_as_local() -> None:
    assert network_file_system(Path("/data"), []) is None


def test_state_folder_on_the_network_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "share")
    partitions = [
        SimpleNamespace(mountpoint="/", fstype="ext4", opts="rw"),
        SimpleNamespace(mountpoint=str(tmp_path / "share"), fstype="nfs", opts="rw"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: partitions)  # noqa: A006 - psutil's own name
    require_local_disk(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=r"network file system \(nfs\).*--state-dir"):
        require_local_disk(tmp_path / "link" / "out" / ".batchocr")


def test_this_machine_s_own_mounts_can_be_read(tmp_path: Path) -> None:
    require_local_disk(tmp_path)


def test_holder_of_a_lock_is_named_while_it_is_held(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    with run_lock(tmp_path):
        holder = holder_of(tmp_path)
    assert holder is not None
    assert "pid" in holder
    assert holder_of(tmp_path) is None
