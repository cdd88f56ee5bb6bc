"""``decanet inspect receptive-field``."""

import json
from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run


def test_fields_are_drawn_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fields.png"
    assert run(["inspect", "receptive-field", "decanet_s", "--out", str(out), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0] == {"stage": "whiten", "theoretical": "2 x 2", "effective": 2.0}
    assert Image.open(out).width > 900


@pytest.mark.parametrize(
    ("words", "message"),
    [(["decanet_s", "--stage", "block9"], "no stage 'block9'"), (["mlp_cifar"], "no feature maps")],
)
def test_errors_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "receptive-field", *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
