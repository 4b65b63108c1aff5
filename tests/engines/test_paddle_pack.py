"""Packs of models: what travels whole, and what a hostile or damaged pack cannot do."""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.model_folders import write_static_model, write_vl_model

from batchocr.engines.paddle.models import vl_models
from batchocr.engines.paddle.pack import MANIFEST, pack_models, packed_bytes, read_pack, unpack_models
from batchocr.errors import InputError, SetupError, StorageError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    write_static_model(home)
    write_vl_model(home)
    return home


@pytest.fixture
def pack(home: Path, tmp_path: Path) -> Path:
    pack_models(vl_models("v1.6", home), tmp_path / "pack.tar")
    return tmp_path / "pack.tar"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_pack(path: Path, files: dict[str, bytes], listing: dict[str, Any] | None = None, **changes: Any) -> None:
    """Writes a pack of the model `M` with these files; `listing` and fields of its members replace the right ones."""
    entries = [
        {"path": name, "size_bytes": len(data), "sha256": sha256(data).hexdigest()} for name, data in files.items()
    ]
    listing = listing or {"schema": 1, "models": [{"name": "M", "place": "M", "files": entries}]}
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in {MANIFEST: json.dumps(listing).encode(), **{f"M/{n}": d for n, d in files.items()}}.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            if name != MANIFEST:
                for field, value in changes.items():
                    setattr(header, field, value)
            tar.addfile(header, io.BytesIO(data) if header.size else None)


def test_models_travel_whole(home: Path, pack: Path, tmp_path: Path) -> None:
    done = unpack_models(pack, tmp_path / "other")

    assert [(model.name, model.state) for model in done] == [
        ("PP-DocLayoutV3", "unpacked"),
        ("PaddleOCR-VL-1.6-0.9B", "unpacked"),
    ]
    assert tree(tmp_path / "other") == tree(home)


def test_pack_can_be_read_by_any_tar_and_tells_nothing_of_its_maker(home: Path, pack: Path, tmp_path: Path) -> None:
    with tarfile.open(pack, "r:") as tar:
        members = tar.getmembers()
    assert members[0].name == MANIFEST
    assert {(member.uid, member.uname, member.mtime, member.isreg()) for member in members} == {(0, "", 0, True)}
    pack_models(vl_models("v1.6", home), tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == pack.read_bytes()


def test_folder_of_the_users_own_travels_to_the_usual_place(home: Path, tmp_path: Path) -> None:
    mine = (home / "official_models" / "PaddleOCR-VL-1.6").rename(tmp_path / "mine")
    pack_models(vl_models("v1.6", home, folders={"vl_rec": mine}), tmp_path / "pack.tar")

    unpack_models(tmp_path / "pack.tar", tmp_path / "other")

    assert (tmp_path / "other" / "official_models" / "PaddleOCR-VL-1.6" / "model.safetensors").is_file()


def test_what_a_download_left_behind_is_not_packed(home: Path, tmp_path: Path) -> None:
    cache = home / "official_models" / "PP-DocLayoutV3" / ".cache"
    cache.mkdir()
    (cache / "lock").touch()

    packed = pack_models(vl_models("v1.6", home), tmp_path / "pack.tar")

    assert {file.path for file in packed[0].files} == {"inference.json", "inference.pdiparams", "inference.yml"}


def test_progress_adds_up(home: Path, tmp_path: Path) -> None:
    models = vl_models("v1.6", home)
    packing: list[int] = []
    pack_models(models, tmp_path / "pack.tar", progress=packing.append)
    assert sum(packing) == 2 * packed_bytes(models)
    unpacking: list[int] = []
    unpack_models(tmp_path / "pack.tar", tmp_path / "other", progress=unpacking.append)
    assert sum(unpacking) == sum(model.size_bytes for model in read_pack(tmp_path / "pack.tar"))


def test_damaged_or_missing_model_is_not_packed(home: Path, tmp_path: Path) -> None:
    weights = home / "official_models" / "PaddleOCR-VL-1.6" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(SetupError, match="cut short"):
        pack_models(vl_models("v1.6", home), tmp_path / "pack.tar")
    with pytest.raises(SetupError, match="no such folder"):
        pack_models(vl_models("v1", home), tmp_path / "pack.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_pack_that_is_there_is_replaced_only_by_force(home: Path, pack: Path) -> None:
    pack.write_bytes(b"mine")
    with pytest.raises(StorageError, match="--force"):
        pack_models(vl_models("v1.6", home), pack)
    assert pack.read_bytes() == b"mine"
    pack_models(vl_models("v1.6", home), pack, force=True)
    assert len(read_pack(pack)) == 2


def test_same_models_are_left_alone(home: Path, pack: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    assert {model.state for model in unpack_models(pack, home)} == {"kept"}
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*.*") if path.is_file()}.items() <= before.items()


def test_differing_model_is_replaced_only_by_force(home: Path, pack: Path) -> None:
    weights = home / "official_models" / "PP-DocLayoutV3" / "inference.pdiparams"
    right, wrong = weights.read_bytes(), weights.read_bytes()[:-1] + b"!"
    weights.write_bytes(wrong)
    (weights.parent / "notes.txt").write_text("mine")

    with pytest.raises(StorageError, match="PP-DocLayoutV3"):
        unpack_models(pack, home)
    assert weights.read_bytes() == wrong
    done = {model.name: model.state for model in unpack_models(pack, home, force=True)}

    assert done == {"PP-DocLayoutV3": "replaced", "PaddleOCR-VL-1.6-0.9B": "kept"}
    assert weights.read_bytes() == right
    assert sorted(path.name for path in weights.parent.parent.iterdir()) == ["PP-DocLayoutV3", "PaddleOCR-VL-1.6"]


def test_link_in_the_place_of_a_model_is_replaced_and_not_followed(home: Path, pack: Path, tmp_path: Path) -> None:
    models = tmp_path / "other" / "official_models"
    models.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (models / "PP-DocLayoutV3").symlink_to(tmp_path / "elsewhere")

    unpack_models(pack, tmp_path / "other", force=True)

    assert not (models / "PP-DocLayoutV3").is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_pack_that_was_cut_short_anywhere_leaves_nothing(pack: Path, tmp_path: Path) -> None:
    content = pack.read_bytes()
    data_bytes = len(content.rstrip(b"\0"))
    for length in range(0, data_bytes - 600, 997):
        pack.write_bytes(content[:length])
        with pytest.raises(InputError, match="pack"):
            unpack_models(pack, tmp_path / "other")
    assert tree(tmp_path / "other") == {}


def test_flipped_byte_in_a_weight_is_found(pack: Path, tmp_path: Path) -> None:
    content = bytearray(pack.read_bytes())
    content[content.rindex(b"data_offsets")] ^= 1
    pack.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        unpack_models(pack, tmp_path / "other")
    assert tree(tmp_path / "other") == {}


@pytest.mark.parametrize(
    "path",
    [
        "../../evil",
        "/evil",
        "a/../../../evil",
        "..",
        ".hidden",
        "a\\b",
        "C:evil",
        "a//b",
        "",
        "a\n",
        "a.",
        "x" * 101,
        "ü",
    ],
)
def test_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    entry = {"path": path, "size_bytes": 1, "sha256": "0" * 64}
    for model in ({"name": "M", "place": "M", "files": [entry]}, {"name": "M", "place": path, "files": [entry]}):
        write_pack(tmp_path / "pack.tar", {"a": b"x"}, {"schema": 1, "models": [model]})
        with pytest.raises(InputError, match="not safe"):
            unpack_models(tmp_path / "pack.tar", tmp_path / "home")
    assert [entry.name for entry in tmp_path.iterdir()] == ["pack.tar"]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_member_that_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    write_pack(tmp_path / "pack.tar", {"a": b""}, type=kind, linkname="/etc/passwd")
    with pytest.raises(InputError, match="not a plain file"):
        unpack_models(tmp_path / "pack.tar", tmp_path / "home")
    assert tree(tmp_path / "home") == {}


@pytest.mark.parametrize("name", ["M/b", "N/a", "/M/a", "M/../M/a", "../a"])
def test_member_that_the_list_does_not_name_is_refused(tmp_path: Path, name: str) -> None:
    write_pack(tmp_path / "pack.tar", {"a": b"x"}, name=name)
    with pytest.raises(InputError, match="not as its list says"):
        unpack_models(tmp_path / "pack.tar", tmp_path / "home")
    assert tree(tmp_path) == {"pack.tar": (tmp_path / "pack.tar").read_bytes()}


def test_member_that_comes_twice_or_is_larger_than_listed_is_refused(tmp_path: Path) -> None:
    data = b"x" * 600
    entry = {"path": "a", "size_bytes": 600, "sha256": sha256(data).hexdigest()}
    listing = {"schema": 1, "models": [{"name": "M", "place": "M", "files": [entry]}]}
    for files in ({"a": data, "b": data}, {"a": data + b"x"}):
        write_pack(tmp_path / "pack.tar", files, listing, name="M/a")
        with pytest.raises(InputError, match="not as its list says"):
            unpack_models(tmp_path / "pack.tar", tmp_path / "home")
    assert tree(tmp_path / "home") == {}


def test_list_that_promises_more_than_the_file_holds_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    entry = {"path": "a", "size_bytes": 1 << 50, "sha256": "0" * 64}
    write_pack(tmp_path / "pack.tar", {}, {"schema": 1, "models": [{"name": "M", "place": "M", "files": [entry]}]})
    with pytest.raises(InputError, match="cut short"):
        unpack_models(tmp_path / "pack.tar", tmp_path / "home")
    assert not (tmp_path / "home").exists()


FILE = {"path": "a", "size_bytes": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    "listing",
    [
        {"schema": 2, "models": []},
        {"models": []},
        {"schema": 1, "models": 3},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": []}]},
        {"schema": 1, "models": [{"name": 5, "place": "M", "files": [FILE]}]},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": [{**FILE, "size_bytes": -1}]}]},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": [{**FILE, "size_bytes": True}]}]},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": [{**FILE, "sha256": "abc"}]}]},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": [{**FILE, "sha256": None}]}]},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": [{**FILE, "path": 7}]}]},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": [FILE, {**FILE, "path": "A"}]}]},
        {"schema": 1, "models": [{"name": "M", "place": "M", "files": [FILE]}] * 2},
    ],
)
def test_list_that_makes_no_sense_is_refused(tmp_path: Path, listing: dict[str, Any]) -> None:
    write_pack(tmp_path / "pack.tar", {"a": b"x"}, listing)
    with pytest.raises(InputError, match="pack"):
        read_pack(tmp_path / "pack.tar")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 2048, b"%PDF-1.7" + bytes(600), b"\x1f\x8b" + bytes(700), b"\xff" * 512]
)
def test_other_files_are_no_packs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pack.tar").write_bytes(content)
    with pytest.raises(InputError, match="pack"):
        unpack_models(tmp_path / "pack.tar", tmp_path / "home")
    with pytest.raises(InputError, match="cannot be read"):
        read_pack(tmp_path)


def test_place_that_cannot_be_written_is_a_storage_error(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("a file in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        unpack_models(pack, tmp_path / "other")
