"""Paddle's libraries as a guest in our process: quiet, with a font of ours, and with our signal handlers kept.

Nothing of Paddle is imported before a function here is called.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from batchocr.engines.paddle.models import cache_home
from batchocr.errors import SetupError

CUDA_BUILD = "paddlepaddle-gpu"
# The distributions that give the module `paddle`.
BUILDS = (CUDA_BUILD, "paddlepaddle", "paddlepaddle-xpu", "paddlepaddle-dcu")
LIBRARIES = ("paddleocr", "paddlex", "safetensors", "onnxruntime", "numpy", "opencv-contrib-python")
# The installed name of a module, where it is another.
_REMEDIES = {
    "paddle": "install the build for your device: pip install paddlepaddle==3.3.1 (CPU), or pip install "
    "paddlepaddle-gpu==3.3.1 -i https://www.paddlepaddle.org.cn/packages/stable/cu126/ (NVIDIA, CUDA 12.6)",
    "onnxruntime": "install it with: pip install onnxruntime",
}
# What PaddleX draws text with: labels, and lines that were read.
_FONTS = ("PingFang-SC-Regular.ttf", "simfang.ttf")
_FONT_VARIABLE = "PADDLE_PDX_LOCAL_FONT_FILE_PATH"


def require_libraries(engine: str, modules: Iterable[str]) -> None:
    """Looks for modules without importing them.

    Raises:
        SetupError: one is missing; names the line that installs it.
    """
    for module in modules:
        if find_spec(module) is None:
            remedy = _REMEDIES.get(module, 'install it with: pip install "batchocr[paddle]"')
            raise SetupError(f"engine {engine}: the library {module} is not installed; {remedy}")


def installed_versions(packages: Iterable[str] = (*BUILDS, *LIBRARIES)) -> dict[str, str]:
    """Gives those of the distributions that are installed, with their versions; imports none."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@contextmanager
def guest_libraries() -> Iterator[None]:
    """Surrounds the import of Paddle's libraries and the building of a pipeline, in the main thread of a worker.

    Afterwards PaddleX's log goes to ours from warnings on, and signals are handled as before: importing `paddle`
    replaces the handlers of SIGTERM and of crashes by its own.
    """
    _provide_font()
    logger = logging.getLogger("paddlex")
    logger.addFilter(_only_errors)
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are meant for those libraries' own developers
            yield
    finally:
        logger.removeFilter(_only_errors)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
        _restore_signals(terminate)


def _only_errors(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _restore_signals(terminate: object) -> None:
    paddle = sys.modules.get("paddle")
    if paddle is None or threading.current_thread() is not threading.main_thread():
        return  # Python lets the main thread alone set handlers
    paddle.disable_signal_handler()
    if callable(terminate) or isinstance(terminate, signal.Handlers):
        signal.signal(signal.SIGTERM, terminate)
    if faulthandler.is_enabled():  # what it had installed was replaced too
        faulthandler.disable()
        faulthandler.enable()


def _provide_font() -> None:
    """Names a font file to PaddleX, which else downloads one when it draws its first picture.

    The file is Pillow's own font (Latin letters, enough for labels), written once per user, since PaddleX takes nothing
    but a path. A font that the user names, or those that PaddleX has downloaded before, are left in use.
    """
    from PIL import ImageFont

    folder = cache_home(os.environ) / "fonts"
    if os.environ.get(_FONT_VARIABLE) or all((folder / name).is_file() for name in _FONTS):
        return
    font = ImageFont.load_default(20)
    if not isinstance(font, ImageFont.FreeTypeFont) or not hasattr(font.path, "getvalue"):
        return  # a Pillow without FreeType
    path = str(_written_once(font.path.getvalue(), ".ttf"))
    os.environ[_FONT_VARIABLE] = path
    # Who imported PaddleX before us has let it read that variable too early.
    fonts = sys.modules.get("paddlex.utils.fonts")
    for known in vars(fonts).values() if fonts else ():
        if hasattr(known, "_local_path") and not known._local_path:
            known._local_path = path


def _written_once(content: bytes, suffix: str) -> Path:
    """Gives a file of that content in the folder for temporary files; one of this user's is used again."""
    path = Path(tempfile.gettempdir()) / f"batchocr-{sha256(content).hexdigest()[:16]}{suffix}"
    try:
        mine = not path.is_symlink() and (os.name == "nt" or path.stat().st_uid == os.getuid())
        if mine and path.read_bytes() == content:
            return path
    except OSError:
        mine = True  # there is none yet
    number, name = tempfile.mkstemp(prefix="batchocr-", suffix=suffix)
    with os.fdopen(number, "wb") as file:
        file.write(content)
    return Path(name).replace(path) if mine else Path(name)


def release_memory() -> None:
    """Collects garbage and gives Paddle's cached GPU memory back; of use on a GPU, and harmless without Paddle."""
    gc.collect()
    paddle = sys.modules.get("paddle")
    if paddle is not None and paddle.device.is_compiled_with_cuda():
        paddle.device.cuda.empty_cache()
