"""``decanet inspect features``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run


def test_feature_maps_are_drawn_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "features.png"
    assert run(["inspect", "features", "decanet_s", "--stage", "block2", "--out", str(out), "--json"]) == 0
    (stage,) = json.loads(capsys.readouterr().out)["rows"]
    assert (stage["stage"], stage["shape"]) == ("block2", "64 x 6 x 6")
    assert Image.open(out).width > 800


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["decanet_s", "--stage", "block9"], 2, "no stage 'block9' (did you mean block3"),
        (["decanet_s", "nowhere.png"], 3, "there is no image nowhere.png"),
        (["resnet20_cifar", "--sparsity"], 2, "random weights has no test set"),
    ],
)
def test_errors_are_one_line(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", "features", *words]) == code
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error
