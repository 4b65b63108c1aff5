"""What a test does when the machine lacks something it needs."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skips the test, or fails it in CI, where everything must be there (CI=true)."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{reason} (CI must have it)", pytrace=False)
    pytest.skip(reason)
