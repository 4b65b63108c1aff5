"""Finds the networks to use, those in the installed `rapidocr` wheel (whose code is never imported) or a user's own.

A folder of a user holds one ONNX network of PP-OCR as `rapidocr`, PaddleX or PaddleOCR lay it out. It is looked into
without a runtime, so that a wrong one is met before a run is planned.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from batchocr.engines.ppocr.dictionary import find_dictionary
from batchocr.engines.ppocr.onnx_file import OnnxFile, OnnxFileError, Shape, read_onnx
from batchocr.errors import SetupError

DETECTION = "PP-OCRv6_det_small.onnx"
RECOGNITION = "PP-OCRv6_rec_small.onnx"
REMEDY = 'install them with: pip install "batchocr[cpu]"'
LINE_HEIGHT_PX = 48


@dataclass(frozen=True)
class NetworkFile:
    """One network and how to open it.

    Attributes:
        path: of the ONNX file.
        characters: what a recognizer tells apart, one entry per class; empty for a detector.
        classes: how many classes a recognizer has, the blank included; None where the file leaves it open.
        others: further files that its answers depend on.
        prefix: what its files are called in the fingerprint, before their names.
        device: where it runs: `cpu` or `gpu:N`.
    """

    path: Path
    characters: tuple[str, ...] = field(default=(), repr=False)
    classes: int | None = None
    others: tuple[Path, ...] = ()
    prefix: str = ""
    device: str = "cpu"

    def hashes(self) -> dict[str, str]:
        """Gives file name to sha256 (hex).

        Raises:
            SetupError: a file cannot be read.
        """
        return {self.prefix + path.name: _sha256(path) for path in (self.path, *self.others)}


@dataclass(frozen=True)
class Weights:
    """The networks of the engine.

    Attributes:
        detection: finds lines; image in, map of text probability out.
        recognition: reads a line.
    """

    detection: NetworkFile
    recognition: NetworkFile

    def hashes(self) -> dict[str, str]:
        """Gives file name to sha256 (hex) of all files.

        Raises:
            SetupError: a file cannot be read.
        """
        return {**self.detection.hashes(), **self.recognition.hashes()}

    def on(self, device: str) -> Weights:
        """Gives the same networks for a device."""
        return Weights(replace(self.detection, device=device), replace(self.recognition, device=device))


def find_weights(det_model_dir: Path | None = None, rec_model_dir: Path | None = None) -> Weights:
    """Gives both networks, looked into and found to fit.

    Args:
        det_model_dir: folder of another detector, instead of the one in `rapidocr`.
        rec_model_dir: folder of another recognizer and its dictionary.

    Raises:
        SetupError: `rapidocr` is not installed or carries other weights, or a folder holds no network that fits.
    """
    detection = _in_folder(det_model_dir, "det_model_dir") if det_model_dir else _bundled(DETECTION)
    recognition = _in_folder(rec_model_dir, "rec_model_dir") if rec_model_dir else _bundled(RECOGNITION)
    _check_detector(detection, _looked_into(detection))
    return Weights(
        NetworkFile(detection, prefix="detection/" if det_model_dir else ""),
        _recognizer(recognition, "recognition/" if rec_model_dir else ""),
    )


def _bundled(name: str) -> Path:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise SetupError(f"engine ppocr: the package rapidocr, which carries the weights, is not installed; {REMEDY}")
    path = Path(spec.origin).parent / "models" / name
    if not path.is_file():
        raise SetupError(f"engine ppocr: the installed rapidocr lacks {name} in {path.parent}; {REMEDY}")
    return path


def _in_folder(folder: Path, option: str) -> Path:
    if not folder.is_dir():
        raise SetupError(f"engine ppocr: {option} {folder} is no folder; give one that holds an ONNX file")
    usual = folder / "inference.onnx"
    found = [usual] if usual.is_file() else sorted(folder.glob("*.onnx"))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise SetupError(f"engine ppocr: {option} {folder} holds several networks ({names}); keep one in a folder")
    hint = ""
    if any(folder.glob("*.pdiparams")):
        hint = "; what lies there is a Paddle model, which `paddlex --paddle2onnx` turns into ONNX"
    raise SetupError(f"engine ppocr: {option} {folder} holds no ONNX file{hint}")


def _looked_into(path: Path) -> OnnxFile:
    try:
        file = read_onnx(path, with_weights=False)
    except OSError as err:
        raise SetupError(f"engine ppocr: cannot read the weights {path} ({err.strerror}); {REMEDY}") from err
    except OnnxFileError as err:
        raise SetupError(f"engine ppocr: the weights {path} cannot be used: {err}; copy the file again") from err
    if len(file.inputs) != 1 or len(file.outputs) != 1:
        raise SetupError(
            f"engine ppocr: {path} is no network of PP-OCR: it has {len(file.inputs)} inputs and "
            f"{len(file.outputs)} outputs instead of one each"
        )
    return file


def _check_detector(path: Path, file: OnnxFile) -> None:
    (given,), (answered,) = file.inputs.values(), file.outputs.values()
    if not (_fits(given, (None, 3, None, None)) and _fits(answered, (None, 1, None, None))):
        raise SetupError(
            f"engine ppocr: {path} is no detector of PP-OCR: it turns {_words(given)} into {_words(answered)}; "
            "a detector turns an image (n, 3, any height, any width) into a map (n, 1, height, width)"
        )


def _recognizer(path: Path, prefix: str) -> NetworkFile:
    file = _looked_into(path)
    (given,), (answered,) = file.inputs.values(), file.outputs.values()
    if not (_fits(given, (None, 3, LINE_HEIGHT_PX, None)) and len(answered) == 3):
        raise SetupError(
            f"engine ppocr: {path} is no recognizer that can be used: it turns {_words(given)} into "
            f"{_words(answered)}; one of PP-OCRv3 or later turns lines (n, 3, {LINE_HEIGHT_PX}, any width) into "
            "(n, steps, classes)"
        )
    dictionary = find_dictionary(path, file.metadata)
    network = NetworkFile(path, dictionary.characters, answered[2], dictionary.files, prefix)
    if network.classes is not None:
        check_classes(network, network.classes)
    return network


def check_classes(network: NetworkFile, classes: int) -> None:
    """Checks that a recognizer has a class for each of its characters, for the blank and perhaps for the space.

    Raises:
        SetupError: it has more or fewer, so that the dictionary is another network's.
    """
    if classes - len(network.characters) not in {1, 2}:
        where = ", ".join(path.name for path in network.others) or "its metadata"
        raise SetupError(
            f"engine ppocr: {network.path} tells {classes} classes apart, but its dictionary ({where}) has "
            f"{len(network.characters)} characters, which makes {len(network.characters) + 2} classes with blank and "
            "space; give the dictionary that belongs to it"
        )


def _fits(shape: Shape, wanted: Shape) -> bool:
    """Tells whether a network takes what is wanted; a wanted None must be free, others must be free or equal."""
    if len(shape) != len(wanted):
        return False
    pairs = list(zip(shape, wanted, strict=True))[1:]
    return all(length is None or length == want for length, want in pairs)


def _words(shape: Shape) -> str:
    return "(" + ", ".join("any" if length is None else str(length) for length in shape) + ")"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as err:
        raise SetupError(f"engine ppocr: cannot read the weights {path} ({err.strerror}); {REMEDY}") from err
    return digest.hexdigest()
