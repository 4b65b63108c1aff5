"""What `doctor` finds out about Paddle: builds, pins, GPUs, fonts, kernels and models, each with its remedy.

Versions come from the packages' metadata. Paddle itself is asked in a child, since importing it costs a second and some
builds abort the process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchocr.devices import Finding
from batchocr.devices.gpu_facts import GpuFacts
from batchocr.engines.paddle.models import VL_VERSIONS, missing_models, vl_models
from batchocr.engines.paddle.runtime import BUILDS, installed_versions
from batchocr.engines.paddle.verify import verify_models
from batchocr.launcher import launch

BUILD_TIMEOUT_S = 120.0
GIB = 1 << 30
# The weights of one release of PaddleOCR-VL, downloaded beside what is put in place.
PULL_BYTES = 5 * GIB
OPENCV = "opencv-contrib-python"
OPENCV_VERSION = "4.10.0.84"  # PaddleX asks for just this one
OPENCV_WHEELS = (OPENCV, "opencv-python", "opencv-python-headless", "opencv-contrib-python-headless")
NUMPY_BELOW = (2, 4)
SAFETENSORS_FROM = (0, 7)
# The oldest driver that runs a CUDA release of this major number.
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
OLDEST_CAPABILITY = (7, 0)  # of the native backend
BF16_CAPABILITY = (8, 0)
FONT_VARIABLE = "PADDLE_PDX_LOCAL_FONT_FILE_PATH"
EXTRA = 'pip install "batchocr[paddle]"'
CPU_LINE = "pip install paddlepaddle==3.3.1"
CUDA_LINE = "pip install paddlepaddle-gpu==3.3.1 -i https://www.paddlepaddle.org.cn/packages/stable/cu126/"


@dataclass(frozen=True)
class Build:
    """What the installed Paddle says of itself.

    Attributes:
        version: of Paddle.
        cuda: version of CUDA that it was built for, "" for none.
        fused_norm: it has the kernel `fused_rms_norm_ext`.
    """

    version: str
    cuda: str
    fused_norm: bool


def check_paddle(home: Path, gpus: Sequence[GpuFacts], environ: Mapping[str, str]) -> tuple[Finding, ...]:
    """Gives the findings about Paddle; where none of it is installed, at once, whether the GPUs would do for it.

    Args:
        home: cache folder of PaddleX.
        gpus: of this machine.
        environ: where Paddle's variables are looked for.
    """
    versions = installed_versions((*BUILDS, "paddlex", "paddleocr", "safetensors", "numpy", *OPENCV_WHEELS))
    if not {"paddlex", "paddleocr", *BUILDS} & set(versions):
        remedy = f"For the engines paddleocr-vl and paddlex: {EXTRA}, in an environment of its own."
        absent = Finding("paddle", "note", "not installed", remedy)
        return (absent, *(finding for gpu in gpus for finding in _capability(gpu)))
    return (
        *_build(versions, gpus),
        *(finding for gpu in gpus for finding in _capability(gpu)),
        *_libraries(versions),
        *_opencv(versions),
        _font(environ),
        *_models(home),
    )


def _build(versions: Mapping[str, str], gpus: Sequence[GpuFacts]) -> Iterator[Finding]:
    builds = [name for name in BUILDS if name in versions]
    if not builds:
        remedy = f"CPU: {CPU_LINE}; NVIDIA: {CUDA_LINE}. A server backend with engine: onnxruntime needs neither."
        yield Finding("paddle", "note", "paddlepaddle is not installed", remedy)
        return
    named = ", ".join(f"{name} {versions[name]}" for name in builds)
    if len(builds) > 1:
        remedy = f"Both write the same files. pip uninstall {' '.join(builds)}, then install the one that you want."
        yield Finding("paddle", "problem", named, remedy)
        return
    build, error = read_build()
    if build is None:
        remedy = "Run `python -c 'import paddle'` to see it fail; install the build that fits CPU and driver."
        yield Finding("paddle", "problem", f"{named} cannot be imported: {error}", remedy)
        return
    words = f"{named}, {f'CUDA {build.cuda}' if build.cuda else 'no CUDA'}"
    if gpus and not build.cuda and builds == ["paddlepaddle"]:
        yield Finding("paddle", "note", f"{words}: the GPUs stay idle", f"pip uninstall paddlepaddle, then {CUDA_LINE}")
    else:
        yield Finding("paddle", "ok", words)
    yield from _driver(build, gpus)
    if not build.fused_norm:
        words = "this build lacks fused_rms_norm_ext" + (" (as on Windows)" if sys.platform == "win32" else "")
        remedy = "PaddleOCR-VL's native backend imports it: take Paddle 3.3 or newer, or a server backend."
        yield Finding("paddle kernels", "problem", words, remedy)
    elif sys.platform == "win32":
        words = "on Windows the kernel of fuse_rms_norm may be missing; it is then switched off while loading"
        yield Finding("paddle kernels", "note", words)


def read_build(timeout_s: float = BUILD_TIMEOUT_S) -> tuple[Build | None, str]:
    """Asks the installed Paddle, in a child, what it was built for. Takes a second or more.

    Returns:
        The build, or None and the reason in words.
    """
    child = launch("batchocr.engines.paddle.checkup", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        reply, said = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return None, f"the import took longer than {timeout_s:g} s"
    if child.returncode == 0 and reply:
        return Build(**json.loads(reply)), ""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return None, (lines[-1][:300] if lines else f"the process ended with exit code {child.returncode}")


def main() -> None:
    """Answers, in the child, with the fields of `Build` as JSON on standard output."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not end up in the answer
    import paddle
    from paddle.incubate.nn import functional

    cuda = paddle.version.cuda()
    build = {
        "version": paddle.__version__,
        "cuda": "" if cuda in {"False", False, None} else str(cuda),
        "fused_norm": hasattr(functional, "fused_rms_norm_ext"),
    }
    json.dump(build, out)
    out.close()
    os._exit(0)


def _driver(build: Build, gpus: Sequence[GpuFacts]) -> Iterator[Finding]:
    if not build.cuda or not gpus:
        return
    cuda, driver = _numbers(build.cuda), _numbers(gpus[0].driver)
    oldest = OLDEST_DRIVER.get(cuda[0]) if cuda else None
    if oldest is None or not driver:
        return
    if driver[0] < oldest:
        remedy = f"Update the driver to {oldest} or newer, or take a build for an older CUDA."
        yield Finding("driver", "problem", f"{gpus[0].driver} is too old for CUDA {build.cuda}", remedy)
    else:
        yield Finding("driver", "ok", f"{gpus[0].driver} runs CUDA {build.cuda}")


def _capability(gpu: GpuFacts) -> Iterator[Finding]:
    if gpu.capability is None:
        return
    name = f"{gpu.name} for Paddle"
    words = "compute capability {}.{}".format(*gpu.capability)
    if gpu.capability < OLDEST_CAPABILITY:
        remedy = "Leave it out with --devices, or read with engine ppocr on the CPU."
        yield Finding(name, "problem", f"{words}: not supported by the current wheels of Paddle", remedy)
    elif gpu.capability < BF16_CAPABILITY:
        remedy = "Take the native backend, which computes in float32 there, and one worker per GPU."
        yield Finding(name, "note", f"{words}: no bfloat16, and servers with vLLM are not advised", remedy)
    else:
        yield Finding(name, "ok", words)


def _libraries(versions: Mapping[str, str]) -> Iterator[Finding]:
    missing = [name for name in ("paddleocr", "paddlex", "safetensors") if name not in versions]
    if missing:
        yield Finding("paddle libraries", "problem", f"{', '.join(missing)} not installed", EXTRA)
    else:
        named = ", ".join(f"{name} {versions[name]}" for name in ("paddleocr", "paddlex", "safetensors"))
        yield Finding("paddle libraries", "ok", named)
    if "safetensors" in versions and _numbers(versions["safetensors"]) < SAFETENSORS_FROM:
        remedy = 'pip install "safetensors>=0.7.0"'
        yield Finding("safetensors", "problem", f"{versions['safetensors']} is older than PaddleX asks for", remedy)
    if "numpy" in versions and _numbers(versions["numpy"]) >= NUMPY_BELOW:
        remedy = 'PaddleX asks for an older one: pip install "numpy<2.4"'
        yield Finding("numpy", "note", versions["numpy"], remedy)


def _opencv(versions: Mapping[str, str]) -> Iterator[Finding]:
    wheels = [name for name in OPENCV_WHEELS if name in versions]
    named = ", ".join(f"{name} {versions[name]}" for name in wheels) or "not installed"
    line = f"pip install --force-reinstall --no-deps {OPENCV}=={OPENCV_VERSION}"
    if len(wheels) > 1:
        remedy = f"They write the same folder cv2. pip uninstall {' '.join(wheels)}, then {line}"
        yield Finding("opencv", "problem" if OPENCV not in wheels else "note", named, remedy)
    elif versions.get(OPENCV) != OPENCV_VERSION:
        yield Finding("opencv", "problem", named, f"PaddleX asks for just one version: {line}")
    else:
        yield Finding("opencv", "ok", named)


def _numbers(text: str) -> tuple[int, ...]:
    """Gives the leading numbers of a version; `0.6.2.dev0` is (0, 6, 2)."""
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _font(environ: Mapping[str, str]) -> Finding:
    """PaddleX downloads a font when it draws its first picture, unless it is given one."""
    named = environ.get(FONT_VARIABLE)
    if named and not Path(named).is_file():
        return Finding("font", "problem", f"{FONT_VARIABLE}={named}: no such file", "Name a .ttf file, or unset it.")
    if named:
        return Finding("font", "ok", named)
    from PIL import features

    if features.check("freetype2"):
        words = f"Pillow's own (Latin letters) on visualizations; {FONT_VARIABLE} names another"
        return Finding("font", "ok", words)
    remedy = f"Name a .ttf file in {FONT_VARIABLE}; else visualizations need a network."
    return Finding("font", "note", "this Pillow has none", remedy)


def _models(home: Path) -> Iterator[Finding]:
    """Looks at every release of PaddleOCR-VL of which anything is there, at the newest in any case."""
    newest = list(VL_VERSIONS)[-1]
    for version in VL_VERSIONS:
        models = vl_models(version, home)
        language_model = models[1]
        if not language_model.present and version != newest:
            continue
        name = f"models {version}"
        missing = missing_models(models)
        faults = verify_models([model for model in models if model.present], version)
        if faults:
            words = "; ".join(f"{fault.file}: {fault.message}" for fault in faults)
            yield Finding(name, "problem", words, faults[0].remedy)
        if missing:
            words = "not there: " + ", ".join(str(model.folder) for model in missing)
            remedy = f"With a network: `batchocr models pull {version}`; without: `batchocr models unpack PACK`."
            yield Finding(name, "note", words, remedy)
            yield from _room(home)
        elif not faults:
            yield Finding(name, "ok", f"whole, in {language_model.folder.parent}")


def _room(home: Path) -> Iterator[Finding]:
    folder = home.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < PULL_BYTES:
        remedy = "Make room, or keep models elsewhere with PADDLE_PDX_CACHE_HOME."
        yield Finding("disk for models", "note", f"{free / GIB:.1f} GiB free at {folder}", remedy)
