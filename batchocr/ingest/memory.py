"""What is remembered between two calls of every file that stays in an input folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from batchocr.datatypes import FileIdentity
from batchocr.errors import StorageError

SCHEMA = 1


@dataclass(frozen=True)
class Remembered:
    """One file.

    Attributes:
        identity: size, time and inode of what was read.
        outcome: done; `trying`: to be read again; `given_up`: failed for good, until it changes.
        settings: digest of the settings that it was read with.
        attempts: runs in which it failed.
        folder: of its results, below the output folder.
    """

    identity: FileIdentity
    outcome: Literal["done", "trying", "given_up"]
    settings: str
    attempts: int = 0
    folder: str = ""


class Memory:
    """All files that are remembered, in a JSON file."""

    def __init__(self, path: Path) -> None:
        """Reads the file; without one nothing is remembered.

        Raises:
            StorageError: it is damaged, or from a newer release.
        """
        self._path = path
        self._files: dict[str, Remembered] = {}
        self._saved = True
        try:
            content = json.loads(path.read_text("ascii"))
            if content["schema"] > SCHEMA:
                raise StorageError(f"{path} was written by a newer batchocr; upgrade batchocr.")
            for name, entry in content["files"].items():
                self._files[name] = Remembered(**{**entry, "identity": FileIdentity(*entry["identity"])})
        except FileNotFoundError:
            return
        except OSError as err:
            raise StorageError(f"{path} cannot be read ({err.strerror or err}). Check its rights.") from err
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise StorageError(
                f"{path} is damaged ({err}). Delete it: what was read is recognised by its results, but files that "
                "were given up are tried again."
            ) from err

    def __iter__(self) -> Iterator[tuple[str, Remembered]]:
        """Gives path and memory of every file."""
        return iter(list(self._files.items()))

    def get(self, path: str) -> Remembered | None:
        """Gives what is remembered of a file."""
        return self._files.get(path)

    def put(self, path: str, entry: Remembered) -> None:
        """Remembers a file."""
        self._saved = self._saved and self._files.get(path) == entry
        self._files[path] = entry

    def forget(self, path: str) -> None:
        """Forgets a file."""
        self._saved = self._files.pop(path, None) is None and self._saved

    def save(self) -> None:
        """Writes what has changed, in one step.

        Raises:
            StorageError: it cannot be written.
        """
        if self._saved:
            return
        files = {
            path: {**asdict(entry), "identity": list(asdict(entry.identity).values())}
            for path, entry in self._files.items()
        }
        write_whole(self._path, json.dumps({"schema": SCHEMA, "files": files}, indent=0))
        self._saved = True


def write_whole(path: Path, text: str) -> None:
    """Writes a file in one step: after a crash it holds the old text or the new one.

    Raises:
        StorageError: it cannot be written.
    """
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as err:
        raise StorageError(f"{path} cannot be written ({err.strerror or err}). Check its rights and the disk.") from err
