"""Folders of one's own, from the command line: they just work, wherever one stands, and nothing leaks into a test."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decanet.cli import run as decanet

CHEAP = ["model.name=lenet5_modern", "data.image_size=32", "precision=float32", "progressive_sizes=[]",
         "optimizer.name=adam"]  # fmt: skip
CHEAP = [part for setting in CHEAP for part in ("--set", setting)]


def two_classes(folder: Path, each: int) -> Path:
    """Dark and bright images of noise."""
    for name, level in (("bright", 150), ("dark", 0)):
        (folder / name).mkdir(parents=True)
        for index in range(each):
            noise = np.random.default_rng([level, index]).integers(level, level + 100, (20, 24, 3), np.uint8)
            Image.fromarray(noise).save(folder / name / f"{index:02d}.png")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the folder ``mine`` of images and the folder ``run`` of a run on it, begun there."""
    place = tmp_path_factory.mktemp("place")
    two_classes(place / "mine", 10)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert decanet(["train", "quick", "--data", "mine", "--out", "run", "--epochs", "12", *CHEAP]) == 0
    return place


@pytest.fixture
def place(finished: Path, tmp_path: Path) -> Path:
    """A copy of ``finished`` that may be changed, at a place where the run does not look for its images."""
    shutil.copytree(finished, tmp_path / "copy")
    recipe = tmp_path / "copy" / "run" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(str(finished), str(tmp_path / "copy")))
    about = tmp_path / "copy" / "run" / "data.json"
    about.write_text(about.read_text().replace(str(finished), str(tmp_path / "copy")))
    return tmp_path / "copy"


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[dict[str, object], str]:
    """The result, and what was printed on the way."""
    assert decanet(["evaluate", *map(str, arguments), "--json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_a_run_works_from_any_folder_and_its_result_holds_no_path(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result, printed = evaluated(capsys, finished / "run")
    stored = (finished / "run" / "result.json").read_text()
    assert result["test_top1"] == json.loads(stored)["test_top1"]
    assert result["images"] == 4
    assert "4 of 4 test images are there, unchanged" in printed
    assert str(finished) not in stored
    assert str(finished).encode() not in (finished / "run" / "model.safetensors").read_bytes()
    assert json.loads(stored)["data"] == json.loads(stored)["settings"]["data"]["name"] == "mine"
    assert str(finished / "mine") in (finished / "run" / "recipe.toml").read_text()


def test_a_copy_of_a_training_image_is_not_evaluated(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, _ = evaluated(capsys, place / "run")
    for path in json.loads((place / "run" / "data.json").read_text())["files"]["train"]:
        shutil.copy(place / "mine" / path, place / "mine" / f"{path}.again.png")
    after, printed = evaluated(capsys, place / "run")
    assert "has changed since the run began: 16 new (" in printed
    assert {**after, "run": None} == {**before, "run": None}


def test_all_of_another_folder_is_evaluated(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = two_classes(tmp_path / "other", 3)
    for path in other.rglob("*.png"):
        Image.open(path).rotate(180).save(path)
    trained = next(iter(json.loads((finished / "run" / "data.json").read_text())["files"]["train"]))
    shutil.copy(finished / "mine" / trained, other / "dark" / "seen.png")
    result, printed = evaluated(capsys, finished / "run", "--data", other, "--figures", tmp_path / "figures")
    assert "1 of 7 images left out: the run was trained on them" in printed
    assert result["images"] == 6
    assert result["test_top1"] == 1.0
    shutil.rmtree(other / "bright")
    result, _ = evaluated(capsys, finished / "run", "--data", other)
    assert result["test_top1"] == 1.0, "one class of two, with its own label"


def test_a_folder_given_as_a_recipe_and_a_file_given_as_a_run_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "taken").touch()
    assert decanet(["train", "mine"]) == 2
    assert (
        "mine is a folder, not a recipe; for instance: decanet train quick --data mine"
        in capsys.readouterr().err
    )
    assert decanet(["train", "quick", "--data", "nowhere/", "--out", "taken"]) == 2
    assert "taken is a file, and a run is a folder" in capsys.readouterr().err


def test_figures_that_cannot_be_written_lose_no_result(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "taken").touch()
    code = decanet(["evaluate", str(place / "run"), "--figures", str(place / "taken"), "--json"])
    captured = capsys.readouterr()
    assert code == 2
    assert json.loads(captured.out)["images"] == 4
    assert "cannot write" in captured.err


@pytest.mark.parametrize("arguments", [["--resume", "run"], ["quick", "--data", "nowhere/", "--out", "run"]])
def test_a_finished_run_is_refused_before_its_data_is_looked_for(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    shutil.rmtree(place / "mine")
    monkeypatch.chdir(place)
    code = decanet(["train", *arguments])
    captured = capsys.readouterr()
    assert code in (2, 4)
    assert "finished" in captured.err
    assert "evaluate run" in captured.err
    assert "folder" not in captured.out + captured.err


def test_the_fallback_does_not_replace_a_folder_of_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    assert decanet(["train", "quick", "--data", str(tmp_path / "mine"), "--fallback", "digits"]) == 3
    captured = capsys.readouterr()
    assert "at least two classes" in captured.err
    assert "digits" not in captured.out


def test_an_unknown_class_is_named(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = two_classes(tmp_path / "other", 1)
    (other / "dark").rename(other / "dim")
    assert decanet(["evaluate", str(finished / "run"), "--data", str(other)]) == 3
    assert "other classes than the run was trained on: dim; it knows bright, dark" in capsys.readouterr().err


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures cost more than such a training."""
    monkeypatch.setattr("decanet.insight.run_figures.draw_run", lambda *_: None)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("each", [2, 12])
def test_a_small_folder_is_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str], each: int) -> None:
    folder = two_classes(tmp_path / "007", each)
    command = ["train", "quick", "--data", str(folder), "--out", str(tmp_path / "run"), *CHEAP]
    assert decanet([*command, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["test_top1"] == 1.0
    (line,) = (line for line in captured.err.splitlines() if line.startswith("fitted to"))
    assert "batch_size 500 ->" in line
    assert "epochs 4.4 ->" in line


def test_a_recipe_of_ones_own_is_not_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = two_classes(tmp_path / "mine", 5)
    recipe = tmp_path / "own.toml"
    recipe.write_text('batch_size = 500\nepochs = 2\nlog_every = 1\nselection = { keep = 0.9 }\n'
                      '[model]\nname = "lenet5_modern"\n[optimizer]\nname = "adam"\n')  # fmt: skip
    assert (
        decanet(["train", str(recipe), "--data", str(folder), "--out", str(tmp_path / "run"), "--json"]) == 0
    )
    captured = capsys.readouterr()
    assert json.loads(captured.out)["settings"]["batch_size"] == 500
    assert json.loads(captured.out)["epochs"] == 2
    assert "fitted" not in captured.err
