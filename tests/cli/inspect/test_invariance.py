"""``decanet inspect invariance``, ``corruptions`` and ``equivariance``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run
from tests.conftest import MakeFolder


@pytest.mark.parametrize(
    ("view", "extra"), [("invariance", True), ("corruptions", True), ("equivariance", False)]
)
def test_views_on_a_folder_of_images(
    view: str, extra: bool, make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder({"cat": 3, "dog": 3})
    out = tmp_path / "figure.png"
    words = [
        "inspect",
        view,
        "decanet_s",
        "--data",
        str(folder),
        "--data-dir",
        str(tmp_path),
        "--out",
        str(out),
    ]
    assert run([*words, *(["--images", "4"] if extra else []), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]
    assert Image.open(out).width > 500


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["invariance"], "give at least one trained network"),
        (["corruptions"], "give at least one trained network"),
        (["invariance", "decanet_s", "--images", "0"], "give at least 1"),
        (["equivariance", "resnet20_cifar"], "random weights has no test set"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
