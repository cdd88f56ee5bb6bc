"""The command's numbers, files and refusals."""

import json

import numpy as np
import pytest
from PIL import Image

from decanet.cli import run


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def statistics(*arguments):
    return run(["convolve", "statistics", *arguments])


def test_the_cat_is_correlated_and_snow_is_not(here, capsys):
    assert statistics("--json", "--out", "cat.png", "--save-array", "cat.npy") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["neighbors_across"] > 0.9
    assert abs(report["random_correlations"][1]) < 0.02
    assert report["fits"]["exponential"]["k"] > 0
    assert report["files"] == ["cat.png", "cat.npy"]
    rho = np.load("cat.npy")
    reach = len(rho) // 2
    assert rho[reach, reach] == 1.0
    assert rho[reach, reach + 1] == report["neighbors_across"]
    with Image.open("cat.png") as figure:
        assert min(figure.size) > 500
    assert "R^2" in printed.err


def test_a_image_of_ones_own(capsys):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 80), dtype=np.uint8)).save("snow.png")
    assert statistics("snow.png") == 0
    out = capsys.readouterr().out
    assert "50x80" in out
    assert "nothing to fit" in out


def test_noise_can_be_drawn_though_there_is_nothing_to_fit(here):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 80), dtype=np.uint8)).save("snow.png")
    assert statistics("snow.png", "--out", "figure.png") == 0
    assert (here / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["none.png"], 3, "none.png"),
        (["flat.png", "--out", "a.png"], 3, "all pixels of the image are equal"),
        (["one.png"], 3, "at least 2x2"),
        (["--out", "a.mp4"], 2, "must end in"),
        (["--save-array", "a.txt"], 2, "must end in .npy"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(here, capsys, arguments, code, says):
    Image.new("L", (30, 20)).save("flat.png")
    Image.new("L", (1, 1)).save("one.png")
    before = sorted(here.iterdir())
    assert statistics(*arguments) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error[")
    assert says in error
    assert sorted(here.iterdir()) == before
