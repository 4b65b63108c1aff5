"""Repairs of PaddleOCR-VL at run time, each told in the log where it was needed."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger(__name__)

# What Paddle raises where an operator has no kernel for the device, or its library cannot be loaded.
_NO_KERNEL = (RuntimeError, OSError, ValueError, SystemError, AttributeError, TypeError)


def switch_off_missing_kernels(reader: Any) -> bool:
    """Lets the native language model do without Paddle's fused RMSNorm where that does not run.

    PaddleX takes that kernel for granted on every GPU with CUDA 12; on Windows, and in some builds, it is not there,
    and each page would fail. It is tried once, on the device, with what the model has.

    Args:
        reader: the pipeline's model for blocks; one that asks a server has no kernels.

    Returns:
        Whether it was switched off.
    """
    config = getattr(getattr(reader, "infer", None), "config", None)
    if config is None or not getattr(config, "fuse_rms_norm", False):
        return False
    import paddle
    from paddle.incubate.nn.functional import fused_rms_norm_ext
    from paddlex.utils.device import TemporaryDeviceChanger

    try:
        with TemporaryDeviceChanger(reader.device):
            ones = paddle.ones([1, 1, config.hidden_size], dtype=reader.dtype)
            weight = paddle.ones([config.hidden_size], dtype=reader.dtype)
            fused_rms_norm_ext(ones, weight, config.rms_norm_eps)[0].numpy()
    except _NO_KERNEL as err:
        config.fuse_rms_norm = False
        reason = (str(err).strip() or type(err).__name__).splitlines()[-1]
        logger.warning("the fused RMSNorm of Paddle does not run here and was switched off (slower): %s", reason)
        return True
    return False
