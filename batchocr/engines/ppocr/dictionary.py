"""Finds a recognizer's dictionary: inside the ONNX file's metadata, or in a file beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from batchocr.errors import SetupError

# Where rapidocr keeps it in the ONNX file, and PaddleX beside it.
METADATA_KEY = "character"
PADDLEX_FILES = ("inference.yml", "inference.yaml")
# The largest there is has 18,708 characters.
MAX_FILE_BYTES = 8 << 20


@dataclass(frozen=True)
class Dictionary:
    """The characters that a recognizer tells apart.

    Attributes:
        characters: one entry per class, without blank and space.
        files: where they were found; none if they are in the ONNX file.
    """

    characters: tuple[str, ...] = field(repr=False)
    files: tuple[Path, ...] = ()


def find_dictionary(network: Path, metadata: Mapping[str, str]) -> Dictionary:
    """Gives the dictionary of the recognizer `network`.

    It is looked for in the metadata, in PaddleX' `inference.yml`, and in the only other text file of the folder.

    Args:
        network: path of the ONNX file.
        metadata: of that file.

    Raises:
        SetupError: there is none, there are several, or it cannot be read.
    """
    if metadata.get(METADATA_KEY):
        return Dictionary(tuple(metadata[METADATA_KEY].split("\n")))
    for path in (network.parent / name for name in PADDLEX_FILES):
        if path.is_file():
            characters = _from_paddlex(path)
            if characters:
                return Dictionary(characters, (path,))
    lists = sorted(network.parent.glob("*.txt"))
    if len(lists) != 1:
        found = f"several ({', '.join(path.name for path in lists)})" if lists else "none"
        raise SetupError(
            f"engine ppocr: the recognizer {network} needs one dictionary, and there is {found}; put its characters "
            "beside it, in a .txt file with one of them a line or in PaddleX' inference.yml"
        )
    # A list may end with a line that is a space, but not with one that is nothing.
    lines = _text(lists[0]).removeprefix("\ufeff").split("\n")
    characters = tuple(line.removesuffix("\r") for line in lines)
    return Dictionary(characters[:-1] if characters[-1] == "" else characters, (lists[0],))


def _from_paddlex(path: Path) -> tuple[str, ...]:
    try:
        # The base loader leaves every entry the text that it is: `1`, `~` and `no` are characters here.
        content = yaml.load(_text(path), getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    except yaml.YAMLError as err:
        raise SetupError(f"engine ppocr: {path} is no YAML ({str(err).splitlines()[0]}); copy the file again") from err
    step = content.get("PostProcess") if isinstance(content, dict) else None
    characters = step.get("character_dict") if isinstance(step, dict) else None
    if not isinstance(characters, list) or not all(isinstance(entry, str) for entry in characters):
        return ()
    return tuple(characters)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SetupError(f"engine ppocr: {path} is too large for a dictionary (over {MAX_FILE_BYTES >> 20} MiB)")
        return path.read_bytes().decode()
    except OSError as err:
        raise SetupError(f"engine ppocr: cannot read the dictionary {path} ({err.strerror})") from err
    except UnicodeDecodeError as err:
        raise SetupError(f"engine ppocr: the dictionary {path} is not UTF-8 text") from err
