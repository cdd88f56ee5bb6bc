"""``decanet inspect unit``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run
from decanet.insight import units


def test_a_unit_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "unit.png"
    assert run(["inspect", "unit", "decanet_s", "--unit", "3", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["stage"], found["unit"]) == ("block3", 3)
    assert [row["rule"] for row in found["rules"]] == list(units.RULES)
    assert Image.open(out).width > 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["decanet_s", "--unit", "9999"], "has no unit 9999"),
        (["decanet_s", "--stage", "block9"], "no stage 'block9'"),
        (["mlp_cifar"], "has no feature maps"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "unit", *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
