"""Puts a model that was unpacked or pulled into its place, whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from batchocr.engines.paddle.models import MODELS_FOLDER
from batchocr.errors import StorageError


@contextmanager
def staging(home: Path) -> Iterator[Path]:
    """Lends an empty folder on the file system of the models; whatever is left in it goes.

    Args:
        home: cache folder of PaddleX, made if need be.

    Raises:
        StorageError: it cannot be written.
    """
    models = home / MODELS_FOLDER
    try:
        models.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=".staging-", dir=models))
    except OSError as err:
        raise StorageError(f"The folder of models {models} cannot be written ({err.strerror or err}).") from err
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def install_folder(staged: Path, target: Path) -> None:
    """Moves a folder to its place; what is there is put aside before and removed after.

    Raises:
        StorageError: it cannot be moved; what was there is there again.
    """
    aside = target.with_name(f".replaced-{uuid.uuid4().hex[:8]}-{target.name}")
    try:
        replaces = target.is_symlink() or target.exists()
        if replaces:
            target.rename(aside)
        try:
            staged.rename(target)
        except OSError:
            if replaces:
                aside.rename(target)
            raise
        if aside.is_symlink():
            aside.unlink()
    except OSError as err:
        raise StorageError(f"The model cannot be put at {target} ({err.strerror or err}).") from err
    shutil.rmtree(aside, ignore_errors=True)
