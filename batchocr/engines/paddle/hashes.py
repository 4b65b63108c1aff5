"""Which weights a pipeline has, as hashes of its model folders: other weights of the same name are told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from batchocr.engines.paddle.models import Model
from batchocr.errors import SetupError

# Files up to this size are read whole; larger ones (language models) would cost seconds before every run.
WHOLE_BYTES = 256 * 2**20
ENDS_BYTES = 2**20


def model_hashes(models: Iterable[Model]) -> dict[str, str]:
    """Gives the place of each model that is loaded (`SubModules.TextDetection PP-OCRv6_small_det`) to a sha256.

    It covers the name, size and content of every file in the folder; of files over 256 MiB the first and the last MiB.

    Raises:
        SetupError: a file cannot be read.
    """
    return {f"{model.role} {model.name}": _folder_hash(model) for model in models if model.wanted}


def _folder_hash(model: Model) -> str:
    digest = hashlib.sha256()
    try:
        for file in sorted(path for path in model.folder.rglob("*") if path.is_file()):
            name = file.relative_to(model.folder)
            if any(part.startswith(".") for part in name.parts):
                continue  # what downloaders leave behind
            size = file.stat().st_size
            digest.update(f"{name.as_posix()}\0{size}\0".encode("utf-8", "surrogateescape"))
            _add(digest, file, size)
    except OSError as err:
        raise SetupError(f"the model {model.name} in {model.folder} cannot be read ({err})") from err
    return digest.hexdigest()


def _add(digest: hashlib._Hash, file: Path, size: int) -> None:
    with file.open("rb") as stream:
        if size > WHOLE_BYTES:
            digest.update(stream.read(ENDS_BYTES))
            stream.seek(-ENDS_BYTES, 2)
        while piece := stream.read(ENDS_BYTES):
            digest.update(piece)
