from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.documents import many_page_pdf
from support.jobs import run_job

from batchocr.cli.main import main
from batchocr.errors import ExitCode


def test_simulation_is_told_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--simulate", "--pages", "5000", "--devices", "1,8"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("5000 pages in ")
    assert [line.split()[0] for line in lines[3:5]] == ["1", "8"]
    assert "microseconds" in lines[-1]


def test_simulation_is_told_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--pages", "3000", "--devices", "4", "--failures-per-hour", "20", "--json"]
    assert main(["bench", "--simulate", *arguments]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    (simulation,) = found["simulations"]
    assert (found["schema"], simulation["devices"], simulation["pages"]) == (1, 4, 3000)
    assert simulation["failures"] > 0
    assert simulation["makespan_s"] > simulation["bound_s"] > 0


def test_documents_of_an_earlier_run_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for name, pages in (("a", 3), ("b", 7)):
        many_page_pdf(tmp_path / "in" / f"{name}.pdf", pages)
    run_job(tmp_path, executor="serial")
    assert main(["bench", "--simulate", "--from-output", str(tmp_path / "out"), "--devices", "2", "--json"]) == 0
    (simulation,) = json.loads(capsys.readouterr().out)["simulations"]
    assert (simulation["documents"], simulation["pages"]) == (2, 10)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--simulate"),
        (["--simulate", "--devices", "two"], "numbers of devices"),
        (["--simulate", "--devices", "0"], "numbers of devices"),
    ],
)
def test_wrong_call_is_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == ExitCode.USAGE
    assert words in capsys.readouterr().err
