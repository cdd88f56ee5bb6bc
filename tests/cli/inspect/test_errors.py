"""``decanet inspect errors``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run
from tests.conftest import MakeFolder


def test_errors_on_a_folder_of_images(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder({"cat": 12, "dog": 12})
    out = tmp_path / "errors.png"
    words = [
        "inspect",
        "errors",
        "decanet_s",
        "--data",
        str(folder),
        "--data-dir",
        str(tmp_path),
        "--out",
        str(out),
    ]
    assert run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 24
    assert 0 <= found["calibration_error"] <= 1
    assert sum(pair["images"] for pair in found["pairs"]) <= 24 * (1 - found["accuracy"]) + 1e-6
    assert Image.open(out).width > 1000


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["resnet20_cifar"], 2, "random weights has no test set"),
        (["decanet_s", "--data", "nowhere"], 2, "nowhere"),
    ],
)
def test_errors_are_one_line(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", "errors", *words]) == code
    assert message in capsys.readouterr().err.splitlines()[-1]
