"""Gets models from PaddleX's hubs, through PaddleX's own download, in a child that can be ended.

The child downloads into a folder of its own; a model gets its place once it is whole. So a pull that is interrupted
leaves nothing that PaddleX would take for a model.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from batchocr.engines.paddle.install import install_folder, staging
from batchocr.engines.paddle.models import MODELS_FOLDER, Model, find_model
from batchocr.engines.paddle.verify import verify_models
from batchocr.errors import SetupError
from batchocr.launcher import launch

REMEDY = (
    "Pulling needs a network and one of PaddleX's hubs (PADDLE_PDX_MODEL_SOURCE names the first to ask). Without one: "
    "on a machine that has a network `batchocr models pull {pipeline}` and `batchocr models pack {pipeline} -o "
    "pack.tar`, bring the file here, then `batchocr models unpack pack.tar`."
)


def pull_models(
    models: Collection[Model], home: Path, pipeline: str, *, timeout_s: float, chatter: bool = False
) -> tuple[Path, ...]:
    """Downloads models and puts each into its place, in the stead of what is there. Blocks for minutes.

    Args:
        models: to get.
        home: cache folder of PaddleX.
        pipeline: that they belong to, for the remedy.
        timeout_s: for all of them together.
        chatter: let PaddleX show its progress on stderr.

    Returns:
        The folders.

    Raises:
        SetupError: PaddleX is missing, no hub can be reached, it took too long, or what came is not whole.
        StorageError: the models cannot be written.
    """
    if find_spec("paddlex") is None:
        raise SetupError('Pulling goes through PaddleX, which is not installed: pip install "batchocr[paddle]".')
    own = [str(model.folder) for model in models if not model.folder.is_relative_to(home / MODELS_FOLDER)]
    if own:
        raise SetupError(f"{', '.join(own)}: folders of your own are not pulled into. Put the models there yourself.")
    names = ", ".join(model.name for model in models)
    remedy = REMEDY.format(pipeline=pipeline)
    with staging(home) as stage:
        error = _download(models, stage, timeout_s, chatter=chatter)
        if error:
            raise SetupError(f"{names} could not be pulled: {error}. {remedy}")
        staged = [find_model(model.name, model.role, stage, form=model.format) for model in models]
        faults = verify_models(staged, pipeline)
        if faults:
            words = "; ".join(f"{fault.model}: {fault.file.name}: {fault.message}" for fault in faults)
            raise SetupError(f"What the hub gave is not whole, so nothing was put in place. {words}. Pull again.")
        places = tuple(home / MODELS_FOLDER / model.place for model in models)
        for place in places:
            install_folder(stage / MODELS_FOLDER / place.name, place)
    return places


def _download(models: Collection[Model], stage: Path, timeout_s: float, *, chatter: bool) -> str:
    """Lets a child download; gives what went wrong in words, "" if nothing did."""
    question = [{"name": model.name, "format": model.format} for model in models]
    child = launch(
        "batchocr.engines.paddle.pull",
        environment={"PADDLE_PDX_CACHE_HOME": str(stage)},
        stdout=subprocess.PIPE,
        stderr=None if chatter else subprocess.DEVNULL,
    )
    try:
        reply, _ = child.communicate(json.dumps(question).encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return f"it took longer than {timeout_s:g} s (--timeout-s)"
    finally:
        if child.poll() is None:
            _end(child)
    if not reply:
        return f"the process that downloads ended with exit code {child.returncode}"
    return str(json.loads(reply)["error"])


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kills a child with all that it started."""
    if hasattr(os, "killpg"):
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.communicate()


def main() -> None:
    """Downloads what standard input asks for, in the child, and answers `{"error": "..."}` on standard output."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not end up in the answer

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        json.dump({"error": _words(error)}, out)
        out.close()

    # PaddleX raises bare `Exception`s: whatever ends this process is told to the one that asked.
    sys.excepthook = tell
    question = json.load(sys.stdin)
    from paddlex.inference.utils.official_models import official_models

    for entry in question:
        formats = {"paddle": None, "onnx": ("onnx",), "safetensors": ("safetensors", "paddle_dyn")}[entry["format"]]
        official_models.get_model_path(entry["name"], model_formats=formats)
    json.dump({"error": ""}, out)
    out.close()
    os._exit(0)


def _words(error: BaseException | None) -> str:
    """Gives the first lines of an error and of what caused it."""
    words: list[str] = []
    while error is not None and len(words) < 3:
        first = str(error).strip().splitlines()
        words.append((first[0] if first else type(error).__name__)[:300].rstrip(" .!"))
        error = error.__cause__ or error.__context__
    return "; caused by: ".join(words)
