"""``decanet inspect specialization``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run


def test_towers_of_several_networks_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "towers.png"
    words = ["inspect", "specialization", "two_tower_cifar", "alexnet_cifar", "--out", str(out), "--json"]
    assert run(words) == 0
    printed = json.loads(capsys.readouterr().out)
    two, one = printed["rows"]
    assert printed["comparison"] is None
    assert (two["towers"], one["towers"]) == (2, 1)
    assert two["network"] == "two_tower_cifar (untrained)"
    assert Image.open(out).width > 1000


@pytest.mark.parametrize(
    ("words", "message"), [([], "give at least one network"), (["mlp_cifar"], "no two convolutions")]
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "specialization", *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
