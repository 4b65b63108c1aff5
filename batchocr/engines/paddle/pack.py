"""Packs of models for machines without a network: a plain tar whose first member lists every file with its sha256.

A pack is hostile until shown otherwise: only what the list names is taken, only regular files, each within its size and
with its hash, into a folder of its own that gets its name at the very end.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from batchocr.engines.paddle.install import install_folder, staging
from batchocr.engines.paddle.models import MODELS_FOLDER, Model
from batchocr.engines.paddle.verify import verify_models
from batchocr.errors import InputError, SetupError, StorageError

MANIFEST = "batchocr-models.json"
MAX_MANIFEST_BYTES = 16 << 20
MAX_NAME = 100  # longer ones would need a second header
MAX_DEPTH = 4
BLOCK = 512
CHUNK_BYTES = 1 << 20
SAFE_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?<!\.)")

Progress = Callable[[int], None]


@dataclass(frozen=True)
class PackedFile:
    """A file of a model: its path within the model's folder, size in bytes and sha256 in hex."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class PackedModel:
    """A model in a pack: its name, the name of its folder below `official_models`, and its files."""

    name: str
    place: str
    files: tuple[PackedFile, ...]

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True)
class Unpacked:
    """What came of a model: where it is, and `unpacked`, `replaced` or `kept` (the same was there)."""

    name: str
    folder: Path
    state: str


def pack_models(
    models: Collection[Model], pack: Path, *, force: bool = False, progress: Progress = lambda done: None
) -> tuple[PackedModel, ...]:
    """Writes a pack of the models that are wanted, and of those that are there besides. Reads all bytes twice.

    Args:
        models: to pack.
        pack: the file to write.
        force: replace a file of that name.
        progress: is told of bytes that were read, twice the size in all.

    Raises:
        SetupError: a model is missing or damaged.
        StorageError: the pack cannot be written, or is there already.
    """
    if pack.exists() and not force:
        raise StorageError(f"{pack} is there already. Choose another name with -o, or replace it with --force.")
    faults = verify_models(models)
    if faults:
        words = "; ".join(f"{fault.model}: {fault.file}: {fault.message}" for fault in faults)
        raise SetupError(f"Only whole models can be packed. {words}. {faults[0].remedy}")
    chosen = [model for model in models if model.present]
    part = pack.with_name(pack.name + ".part")
    try:
        packed = tuple(_listed(model, progress) for model in chosen)
        with part.open("wb") as stream:
            _write(stream, list(zip(chosen, packed, strict=True)), progress)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(pack)
    except OSError as err:
        raise StorageError(f"The pack {pack} cannot be written ({err.strerror or err}).") from err
    finally:
        part.unlink(missing_ok=True)
    return packed


def packed_bytes(models: Collection[Model]) -> int:
    """Gives the size of the files that `pack_models` would read (once)."""
    return sum(file.stat().st_size for model in models if model.present for file, _ in _files(model.folder))


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Gives the files of a model with their paths in it, in order; what a download left behind (`.cache`) is none."""
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if not any(part.startswith(".") for part in path.parts) and file.is_file():
            yield file, path.as_posix()


def _listed(model: Model, progress: Progress) -> PackedModel:
    files = []
    for file, path in _files(model.folder):
        if not _is_safe(path) or len(f"{model.place}/{path}") > MAX_NAME:
            raise StorageError(f"{file} cannot be packed: its name is too long or has characters that travel badly.")
        files.append(PackedFile(path, file.stat().st_size, _sha256(file, progress)))
    return PackedModel(model.name, model.place, tuple(files))


def _sha256(file: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def _write(stream: IO[bytes], models: list[tuple[Model, PackedModel]], progress: Progress) -> None:
    listing = {"schema": 1, "models": [asdict(packed) for _, packed in models]}
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        content = json.dumps(listing, indent=1).encode()
        tar.addfile(_header(MANIFEST, len(content)), io.BytesIO(content))
        for model, packed in models:
            for entry in packed.files:
                with (model.folder / entry.path).open("rb") as file:
                    tar.addfile(_header(f"{packed.place}/{entry.path}", entry.size_bytes), file)
                progress(entry.size_bytes)


def _header(name: str, size_bytes: int) -> tarfile.TarInfo:
    """Gives a header without times and owners, so that equal models make equal packs."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = size_bytes, 0o644
    return header


def unpack_models(
    pack: Path, home: Path, *, force: bool = False, progress: Progress = lambda done: None
) -> tuple[Unpacked, ...]:
    """Puts the models of a pack into their places, each whole or not at all; equal ones that are there are left alone.

    Args:
        pack: a file that `pack_models` wrote.
        home: cache folder of PaddleX.
        force: replace models that differ.
        progress: is told of bytes that were taken from the pack.

    Raises:
        InputError: the pack cannot be read, is damaged, or is none.
        StorageError: another model is in the place of one, or there is no room.
    """
    try:
        with pack.open("rb") as stream:
            models = _read_manifest(stream, pack)
            states = {model.place: _compare(model, home / MODELS_FOLDER / model.place) for model in models}
            _check_room(models, states, home, pack, force=force)
            new = [model for model in models if states[model.place] != "kept"]
            with staging(home) as stage:
                _extract(stream, models, {model.place for model in new}, stage, pack, progress)
                for model in new:
                    install_folder(stage / model.place, home / MODELS_FOLDER / model.place)
    except OSError as err:
        raise InputError(f"The pack {pack} cannot be read ({err.strerror or err}).") from err
    return tuple(
        Unpacked(model.name, home / MODELS_FOLDER / model.place, states[model.place] or "unpacked") for model in models
    )


def read_pack(pack: Path) -> tuple[PackedModel, ...]:
    """Gives what a pack holds as its list says; the files themselves are not looked at.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        with pack.open("rb") as stream:
            return _read_manifest(stream, pack)
    except OSError as err:
        raise InputError(f"The pack {pack} cannot be read ({err.strerror or err}).") from err


def _read_manifest(stream: IO[bytes], pack: Path) -> tuple[PackedModel, ...]:
    header = _next_header(stream, pack)
    if header is None or header.name != MANIFEST or not 0 < header.size <= MAX_MANIFEST_BYTES:
        raise InputError(f"{pack} is no pack of models: {MANIFEST} is not its first member.")
    content = stream.read(header.size)
    stream.seek(-header.size % BLOCK, 1)
    try:
        listing = json.loads(content)
        if listing["schema"] != 1:
            raise InputError(f"{pack} was written by a later release of batchocr (schema {listing['schema']!r}).")
        models = tuple(_packed_model(entry) for entry in listing["models"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise InputError(f"{pack} is no pack of models: its list makes no sense ({err}).") from err
    names = [f"{model.place}/{file.path}".casefold() for model in models for file in model.files]
    if len(set(names)) < len(names) or len({model.place.casefold() for model in models}) < len(models):
        raise InputError(f"{pack} is no pack of models: its list names a file twice.")
    if sum(model.size_bytes for model in models) > os.fstat(stream.fileno()).st_size:
        raise InputError(f"{pack} is cut short: its list promises more than there is. Copy it again.")
    return models


def _packed_model(entry: Any) -> PackedModel:
    """Gives one entry of the list; raises ValueError, TypeError or KeyError where it makes no sense or is not safe."""
    files = tuple(PackedFile(file["path"], file["size_bytes"], file["sha256"]) for file in entry["files"])
    for file in files:
        if not _is_safe(file.path):
            raise ValueError(f"the path {file.path!r} is not safe")
        if type(file.size_bytes) is not int or file.size_bytes < 0 or not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
            raise ValueError(f"size or hash of {file.path} is none")
    name, place = entry["name"], entry["place"]
    if not isinstance(name, str) or not _is_safe(name) or not _is_safe(place) or "/" in place or not files:
        raise ValueError(f"the model {name!r} in {place!r} is not safe")
    return PackedModel(name, place, files)


def _is_safe(path: str) -> bool:
    """Only plain characters, no hidden parts, not absolute, no `..`."""
    parts = path.split("/")
    return len(parts) <= MAX_DEPTH and len(path) <= MAX_NAME and all(SAFE_PART.fullmatch(part) for part in parts)


def _next_header(stream: IO[bytes], pack: Path) -> tarfile.TarInfo | None:
    """Gives the next member's header, None at the end. Only headers that `pack_models` writes are understood.

    The library's own reader would follow extended headers of any size before it shows a name.
    """
    block = stream.read(BLOCK)
    if len(block) == BLOCK and not block.strip(b"\0"):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.HeaderError, ValueError) as err:
        raise InputError(f"{pack} is cut short, damaged, or no pack of models. Copy it again.") from err
    if header.type != tarfile.REGTYPE:
        raise InputError(f"{pack} holds {header.name!r}, which is not a plain file: nothing was taken from it.")
    return header


def _compare(model: PackedModel, folder: Path) -> str:
    """Gives `kept` where the same files are there, `replaced` where others are, "" where nothing is."""
    if not folder.exists() and not folder.is_symlink():
        return ""
    for file in model.files:
        there = folder / file.path
        if not there.is_file() or there.stat().st_size != file.size_bytes:
            return "replaced"
    same = all(_sha256(folder / file.path, lambda done: None) == file.sha256 for file in model.files)
    return "kept" if same else "replaced"


def _check_room(
    models: Collection[PackedModel], states: dict[str, str], home: Path, pack: Path, *, force: bool
) -> None:
    differing = [str(home / MODELS_FOLDER / place) for place, state in states.items() if state == "replaced"]
    if differing and not force:
        raise StorageError(
            f"What is in {', '.join(differing)} differs from {pack}; nothing was unpacked. Replace it with --force."
        )
    needed = sum(model.size_bytes for model in models if states[model.place] != "kept")
    folder = home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(f"{pack} needs {needed:,} bytes in {home}, where {free:,} are free. Make room.")


def _extract(
    stream: IO[bytes],
    models: Collection[PackedModel],
    new: Collection[str],
    stage: Path,
    pack: Path,
    progress: Progress,
) -> None:
    """Writes the files of the new models below `stage`, and checks that the pack holds just what its list names."""
    expected = {f"{model.place}/{file.path}": file for model in models for file in model.files}
    while (header := _next_header(stream, pack)) is not None:
        file = expected.pop(header.name, None)
        if file is None or header.size != file.size_bytes:
            raise InputError(f"{pack} holds {header.name!r}, which is not as its list says: nothing was taken from it.")
        after = stream.tell() + header.size + -header.size % BLOCK
        if header.name.split("/", 1)[0] in new:
            _extract_file(stream, file, stage / header.name, pack, progress)
        else:
            progress(header.size)
        stream.seek(after)
    if expected:
        raise InputError(f"{pack} is cut short: {min(expected)} is not in it. Copy it again.")


def _extract_file(stream: IO[bytes], file: PackedFile, target: Path, pack: Path, progress: Progress) -> None:
    digest = hashlib.sha256()
    left = file.size_bytes
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as written:
            while left and (chunk := stream.read(min(left, CHUNK_BYTES))):
                written.write(chunk)
                digest.update(chunk)
                left -= len(chunk)
                progress(len(chunk))
            written.flush()
            os.fsync(written.fileno())
    except OSError as err:
        raise StorageError(f"{target.name} of {pack} cannot be written ({err.strerror or err}).") from err
    if left or digest.hexdigest() != file.sha256:
        raise InputError(f"{file.path} in {pack} is not what was packed: cut short or damaged. Copy it again.")
