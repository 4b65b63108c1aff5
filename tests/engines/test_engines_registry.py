from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.jobs import ENGINES

from batchocr.engines.fake import FakeEngine
from batchocr.engines.registry import engine_class, engine_entry_points
from batchocr.errors import ConfigError, SetupError


def test_our_engines_are_registered_like_anybodys() -> None:
    points = engine_entry_points()
    assert {"fake", "ppocr"} <= set(points)
    assert list(points) == sorted(points)


def test_engine_of_another_package_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ENGINES))
    assert engine_class("directed").name == "directed"


def test_engine_is_given_by_name() -> None:
    assert engine_class("fake") is FakeEngine


def test_unknown_engine_is_refused_with_the_nearest_name_and_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"no engine called 'ppocrr'\. Did you mean ppocr\?.*fake, paddleocr-vl, paddlex, ppocr"
    ):
        engine_class("ppocrr")


def test_engine_whose_module_cannot_be_imported_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[batchocr.engines]\nbroken = no_such_module:Engine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SetupError, match=r"broken cannot be imported \(No module named 'no_such_module'\)"):
        engine_class("broken")


def test_listing_engines_imports_none() -> None:
    program = (
        "import sys; from batchocr.engines.registry import engine_entry_points; engine_entry_points();"
        "print([m for m in ('numpy', 'pydantic', 'batchocr.engines.fake') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
