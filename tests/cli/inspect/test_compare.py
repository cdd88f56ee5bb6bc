"""``decanet inspect compare``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run
from tests.conftest import MakeFolder


def test_two_networks_on_a_folder_are_compared(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = make_folder({"cat": 8, "dog": 8}), tmp_path / "figure.png"
    words = [
        "decanet_s",
        "decanet_m",
        "--data",
        str(folder),
        "--data-dir",
        str(tmp_path),
        "--out",
        str(out),
        "--json",
    ]
    assert run(["inspect", "compare", *words]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert 0 < row["cka_of_last_stages"] <= 1
    assert Image.open(out).width > 800


@pytest.mark.parametrize("words", [[], ["decanet_m"]])
def test_one_network_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "compare", *words]) == 2
    assert "at least two networks" in capsys.readouterr().err.splitlines()[-1]
