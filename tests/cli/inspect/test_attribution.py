"""``decanet inspect attribution``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run


def test_maps_are_drawn_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheet.png"
    words = ["inspect", "attribution", "decanet_s", "--class", "dog", "--stage", "block2", "--out", str(out)]
    assert run([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["method"] for row in rows][:2] == ["gradient x input", "integrated gradients"]
    assert Image.open(out).width > 1000


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["decanet_s", "--class", "kat"], 2, "no class 'kat' (did you mean cat"),
        (["decanet_s", "--class", "10"], 2, "no class '10'"),
        (["decanet_s", "--stage", "block9"], 2, "no stage 'block9'"),
        (["decanet_s", "--stage", "head"], 2, "'head' has no positions"),
        (["decanet_s", "--images", "1"], 2, "gives no interval"),
        (["resnet20_cifar", "--data", "digits"], 2, "random weights has no test set"),
    ],
)
def test_errors_are_one_line(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", "attribution", *words]) == code
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error
