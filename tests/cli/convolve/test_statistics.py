"""``decanet convolve statistics``: numbers, files and one-line errors."""

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


def test_a_photograph_is_correlated_and_noise_is_not(here, capsys, drawn):
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
    above, below = drawn["cat.png"].subfigs
    np.testing.assert_array_equal(above.axes[1].images[0].get_array(), rho)
    np.testing.assert_array_equal(below.axes[0].lines[0].get_ydata(), report["correlations"])
    assert "R^2" in printed.err


def test_noise_is_measured_though_no_law_can_be_fitted(capsys, drawn):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 80), dtype=np.uint8)).save("noise.png")
    assert statistics("noise.png", "--out", "figure.png") == 0
    out = capsys.readouterr().out
    assert "50x80" in out
    assert "not fitted" in out
    assert drawn["figure.png"].get_suptitle().startswith("No law is fitted")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.png"], 3, "none.png"),
        (["flat.png", "--out", "a.png"], 3, "all pixels of the image are equal"),
        (["one.png"], 3, "at least 2x2"),
        (["--out", "a.mp4"], 2, "Use a name that ends in"),
        (["--save-array", "a.txt"], 2, "Use a name that ends in .npy"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(here, capsys, arguments, code, message):
    Image.new("L", (30, 20)).save("flat.png")
    Image.new("L", (1, 1)).save("one.png")
    before = sorted(here.iterdir())
    assert statistics(*arguments) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error[")
    assert message in error
    assert sorted(here.iterdir()) == before
