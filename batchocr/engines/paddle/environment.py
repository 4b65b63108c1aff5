"""The variables that Paddle reads while it is imported, so that they must be set before its worker starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

Allocator: TypeAlias = Literal["naive_best_fit", "auto_growth"]


def paddle_environment(allocator: Allocator, flags: Mapping[str, str]) -> dict[str, str]:
    """Gives the variables for `EngineInfo.environment`; one that the user has set himself stays as it is.

    Args:
        allocator: how Paddle takes GPU memory. `naive_best_fit` takes one large piece at the start and serves all from
            it: with `auto_growth`, pieces of ever new sizes pile up until PaddleOCR-VL runs out of memory. The
            pipelines of many small networks fail with the former and want `auto_growth`.
        flags: more of Paddle's flags by name, with or without the prefix `FLAGS_`; they may replace the allocator.
    """
    prefix = "FLAGS_"
    named = {prefix + name.removeprefix(prefix): value for name, value in flags.items()}
    return {
        f"{prefix}allocator_strategy": allocator,
        # Else each start asks the model hubs whether they answer, though everything is there.
        "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "1",
        # Paddle's C++ side is heard from errors on.
        "GLOG_minloglevel": "2",
        **named,
    }
