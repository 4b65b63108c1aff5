from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from support.missing import missing

from batchocr.cli.main import main


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A picture of a page with one line."""
    for module in ("cv2", "openvino", "onnxruntime", "rapidocr"):
        if find_spec(module) is None:
            missing(f"the library {module}")
    image = Image.new("RGB", (700, 160), "white")
    ImageDraw.Draw(image).text((40, 50), "Invoice number 20871", fill="black", font=ImageFont.load_default(36))
    path = tmp_path / "scan.png"
    image.save(path)
    return path


def test_comparison_tells_numbers_text_and_time_of_each_runtime(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--runtimes", "openvino, onnxruntime", str(scan), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["file"], answer["pages"], answer["missing"]) == (1, "scan.png", 1, {})
    first, other = answer["runtimes"]
    assert (first["name"], other["name"]) == ("openvino", "onnxruntime")
    assert "onnxruntime" in other["versions"]
    assert other["wrong_characters"] == 0
    assert other["characters"] == len("Invoice number 20871")
    assert 0 < other["networks"]["recognition"]["max_abs"] < 1e-3


def test_comparison_for_people_names_all_three_tables(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--runtimes", "onnxruntime,openvino", str(scan), "--pages", "1-3"]) == 0
    out = capsys.readouterr().out
    assert "1 page; all differences are from onnxruntime." in out
    assert all(head in out for head in ("seconds a page", "largest difference", "characters"))
    assert "0 of 20 (0.000%)" in out


def test_missing_runtime_is_named_with_the_remedy(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("torch") is not None:
        pytest.skip("PyTorch is installed here")
    assert main(["compare", "--runtimes", "openvino,onnxruntime,torch", str(scan)]) == 4
    assert (
        "torch is left out: engine ppocr: the library torch is not installed; install it with: pip install"
        in " ".join(capsys.readouterr().out.split())
    )
    assert main(["compare", "--runtimes", "openvino,torch", str(scan)]) == 4
    err = capsys.readouterr().err
    assert "no two runtimes to compare" in err
    assert "batchocr[torch]" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--runtimes", "openvino,openvino"], "twice"),
        (["--runtimes", "openvino,mnn"], "'mnn' is none"),
        (["--pages", "0"], "counted from 1"),
        (["--engine", "fake"], "'fake'"),
    ],
)
def test_wrong_call_is_a_usage_error(
    scan: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments, str(scan)]) == 2
    assert words in capsys.readouterr().err


def test_pages_that_are_not_there_and_files_that_are_no_documents_are_input_errors(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--runtimes", "openvino,onnxruntime", str(scan), "--pages", "2-"]) == 3
    assert "none of the pages" in capsys.readouterr().err
    scan.write_bytes(b"no picture")
    assert main(["compare", "--runtimes", "openvino,onnxruntime", str(scan)]) == 3
    assert "scan.png: " in capsys.readouterr().err
