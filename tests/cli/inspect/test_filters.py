"""``decanet inspect filters``."""

from pathlib import Path

import pytest
from PIL import Image

from decanet.cli import run


def test_filters_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "filters.png"
    assert run(["inspect", "filters", "decanet_s", "--out", str(out)]) == 0
    assert "composed with those of whiten" in capsys.readouterr().out
    assert Image.open(out).width > 500


def test_a_network_with_random_weights_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "filters.png"
    assert run(["inspect", "filters", "lenet5_modern", "--out", str(out)]) == 0
    assert "random weights" in capsys.readouterr().out


def test_an_unknown_network_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "filters", "decanet_x"]) == 4
    assert "did you mean" in capsys.readouterr().err
