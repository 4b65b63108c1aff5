"""Finds the PP-OCR weights in the installed `rapidocr` wheel, whose code is never imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from batchocr.errors import SetupError

DETECTION = "PP-OCRv6_det_small.onnx"
RECOGNITION = "PP-OCRv6_rec_small.onnx"
REMEDY = 'install them with: pip install "batchocr[cpu]"'


@dataclass(frozen=True)
class Weights:
    """Where the weights lie.

    Attributes:
        detection: the network that finds lines; image in, map of text probability out.
        recognition: the network that reads a line; its metadata hold the dictionary.
    """

    detection: Path
    recognition: Path

    def hashes(self) -> dict[str, str]:
        """Gives file name to sha256 (hex) of both files.

        Raises:
            SetupError: a file cannot be read.
        """
        return {path.name: _sha256(path) for path in (self.detection, self.recognition)}


def find_weights() -> Weights:
    """Gives the paths of both networks.

    Raises:
        SetupError: the `rapidocr` wheel is not installed or carries other weights.
    """
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise SetupError(f"engine ppocr: the package rapidocr, which carries the weights, is not installed; {REMEDY}")
    folder = Path(spec.origin).parent / "models"
    weights = Weights(detection=folder / DETECTION, recognition=folder / RECOGNITION)
    missing = [path.name for path in (weights.detection, weights.recognition) if not path.is_file()]
    if missing:
        raise SetupError(f"engine ppocr: the installed rapidocr lacks {', '.join(missing)} in {folder}; {REMEDY}")
    return weights


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as err:
        raise SetupError(f"engine ppocr: cannot read the weights {path} ({err.strerror}); {REMEDY}") from err
    return digest.hexdigest()
