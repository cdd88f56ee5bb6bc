"""``decanet inspect neighbors``."""

from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run
from tests.conftest import MakeFolder


def test_neighbors_in_a_folder_are_drawn(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder, out = make_folder({"cat": 8, "dog": 8}), tmp_path / "figure.png"
    words = ["decanet_s", str(folder / "cat" / "000.png"), "--data", str(folder), "--data-dir", str(tmp_path)]
    assert run(["inspect", "neighbors", *words, "--out", str(out)]) == 0
    assert Image.open(out).width > 1000


def test_random_weights_have_no_neighbors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "neighbors", "resnet20_cifar"]) == 2
    assert "random weights has no test set" in capsys.readouterr().err.splitlines()[-1]
