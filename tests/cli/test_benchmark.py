"""``decanet benchmark``: output, written files, and errors in one line."""

import json
from pathlib import Path

import pytest

from decanet.cli import run as decanet


def test_counts_are_printed_for_people_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert decanet(["benchmark", "counts", "tutorial", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted["tutorial"]["macs_per_epoch"] > 1e13
    assert decanet(["benchmark", "counts", "tutorial"]) == 0
    assert f"{counted['tutorial']['macs_per_epoch'] / 1e12:.3f}" in capsys.readouterr().out


def test_networks_are_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["benchmark", "models", "lenet5_modern", "--batch-size", "2", "--seconds", "0"]
    assert decanet([*arguments, "--out", str(tmp_path), "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    (file,) = tmp_path.glob("*-models.json")
    assert json.loads(file.read_text()) == measured
    assert [row["model"] for row in measured["models"]] == ["lenet5_modern"]
    assert "| `lenet5_modern` | 2 |" in file.with_suffix(".md").read_text()


def test_inference_is_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["benchmark", "inference", "lenet5_modern", "--batch-size", "2", "--seconds", "0"]
    assert decanet([*arguments, "--out", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("*-inference.json")
    assert json.loads(file.read_text())["batch_size"] == 2
    assert "| `lenet5_modern` |" in file.with_suffix(".md").read_text()
    assert file.name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "flahs"], 2, "did you mean flash"),
        (["train", "flash", "--seeds", "0"], 2, "at least one training"),
        (["models", "resnet51"], 2, "did you mean resnet50"),
        (["models", "--batch-size", "1"], 2, "at least two images"),
        (["models", "--threads", "0"], 2, "at least one"),
        (["data", "nowhere"], 3, "no folder nowhere"),
        (["inference", "resnet51"], 2, "did you mean resnet50"),
        (["inference", "--batch-size", "1"], 2, "at least 2"),
        (["images", "--rounds", "0"], 2, "0 rounds"),
        (["signals", "--rounds", "0"], 2, "at least 1"),
        (["peers", "--steps", "0"], 2, "5 rounds of 0 steps"),
        (["counts", "missing.toml"], 2, "no recipe file missing.toml"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert decanet(["benchmark", *arguments]) == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error[")
    assert message in line
    assert not list(tmp_path.iterdir())
