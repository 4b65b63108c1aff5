"""One browser for all tests of a module; none is left when other modules count processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.chromium import Tab, chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("chromium") / "profile") as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Tab:
    browser.events.clear()
    return browser
