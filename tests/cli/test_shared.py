"""Options that several commands have, and how their values are converted."""

import os
from pathlib import Path

import pytest

from decanet.cli import _app
from decanet.cli import run as decanet
from decanet.cli._shared import accuracy_in_words


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["train", "quick", "--out=~/x"], "out"),
        (["train", "quick", "--data-dir=~/x"], "data_dir"),
        (["train", "--resume=~/x"], "resume"),
        (["evaluate", "decanet_m", "--data-dir=~/x"], "data_dir"),
        (["evaluate", "run", "--figures=~/x"], "figures"),
        (["lineage", "--figures=~/x"], "figures"),
        (["convolve", "image", "~/x"], "image"),
        (["convolve", "signal", "--figures=~/x"], "figures"),
    ],
)
def test_the_home_folder_is_expanded_in_every_path(
    arguments: list[str], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _, bound, _ = _app().parse_args(arguments, exit_on_error=False, print_error=False)
    assert bound.arguments[option] == tmp_path / "x"


def test_the_home_folder_is_expanded_in_lists_and_unknown_homes_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _, bound, _ = _app().parse_args(["predict", "~/a.png", "~nobody-here/x.png"], exit_on_error=False)
    assert bound.arguments["images"] == (tmp_path / "a.png", Path("~nobody-here/x.png"))


@pytest.mark.parametrize("name", ["2024", "true", "[a]", '"quoted"'])
def test_a_folder_of_any_name_is_taken_for_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir(name)
    assert decanet(["train", "quick", "--data", name]) == 3
    assert f"error[data]: {name} needs a folder for each" in capsys.readouterr().err


def test_a_top5_accuracy_of_100_percent_is_left_out() -> None:
    assert accuracy_in_words(0.5, 1.0, "40 images") == "accuracy [bold]50.00%[/bold] on 40 images"
    assert accuracy_in_words(0.5, 0.75, "40 images").endswith("on 40 images (top-5 75.00%)")
