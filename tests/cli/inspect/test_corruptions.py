"""``decanet inspect corruptions``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run
from tests.conftest import MakeFolder


def test_a_folder_of_images_is_measured_and_drawn(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = make_folder({"cat": 3, "dog": 3}), tmp_path / "figure.png"
    words = [
        "decanet_s",
        "--images",
        "4",
        "--data",
        str(folder),
        "--data-dir",
        str(tmp_path),
        "--out",
        str(out),
        "--json",
    ]
    assert run(["inspect", "corruptions", *words]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]
    assert Image.open(out).width > 500


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give at least one trained network"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "corruptions", *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
