"""What a training starts from: the recipe with its chosen keys, the data, and the fit of one to the other."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from decanet.core.errors import CheckpointError, DataError, UsageError
from decanet.core.progress import Silent
from decanet.core.recipe_files import to_toml
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.core.runtime import Ranks
from decanet.data import load_data
from decanet.training.run_files import begin
from decanet.training.start import (
    DataSource,
    choose_recipe,
    prepare,
    prepare_resumed,
    train_prepared,
)
from tests.conftest import Heard, MakeFolder

CPU = torch.device("cpu")
CHEAP = ["model.name=lenet5_modern", "data.image_size=32", "precision=float32", "progressive_sizes=[]",
         "optimizer.name=adam"]  # fmt: skip


@pytest.fixture
def where(tmp_path: Path) -> DataSource:
    return DataSource(tmp_path / "cache")


def test_the_keys_of_a_recipe_of_ones_own_are_chosen(tmp_path: Path) -> None:
    built_in, chosen = choose_recipe("quick", ["epochs=2"])
    assert (built_in.epochs, chosen) == (2, {"epochs"})
    (tmp_path / "own.toml").write_text(to_toml(built_in))
    for own in (tmp_path / "own.toml", built_in):
        recipe, chosen = choose_recipe(own, ["optimizer.lr=0.5"])
        assert recipe.optimizer.lr == 0.5
        assert {"batch_size", "epochs", "optimizer.lr"} <= chosen


def test_only_the_log_is_fitted_to_data_asked_for_by_name(where: DataSource, heard: Heard) -> None:
    """Thirteen steps with a line of the log every 25 steps would make curves of a single point."""
    recipe, _ = prepare(*choose_recipe("quick", ["data.name=digits"]), where, device=CPU, report=heard)
    assert recipe.log_every == 1
    assert (recipe.batch_size, recipe.epochs, recipe.selection.keep) == (500, 4.4, 0.4)


def test_a_built_in_recipe_is_fitted_to_a_small_folder(
    make_folder: MakeFolder, where: DataSource, heard: Heard
) -> None:
    folder = make_folder({"cats": 10, "dogs": 10})
    settings = [*CHEAP, f'data.name="{folder}"']
    recipe, data = prepare(*choose_recipe("quick", settings), where, device=CPU, report=heard)
    assert recipe.batch_size == 16
    assert (len(data.train), len(data.test)) == (16, 4)
    assert any(note.startswith("fitted to 16 training images: batch_size 500 -> 16") for note in heard.notes)
    kept, _ = prepare(*choose_recipe("quick", [*settings, "batch_size=8"]), where, device=CPU, report=heard)
    assert kept.batch_size == 8


def test_loaded_data_is_taken_as_it_is(where: DataSource, heard: Heard) -> None:
    digits = load_data("digits", cache=where.cache, report=Silent())
    recipe, data = prepare(*choose_recipe("quick"), where, device=CPU, report=heard, data=digits)
    assert data is digits
    assert (recipe.data.name, recipe.data.mean) == ("digits", digits.mean)
    assert (
        "no horizontal flips, in training or evaluation: they would change the classes of digits"
        in heard.notes
    )


def test_the_fallback_is_used_where_the_data_is_not_available(tmp_path: Path, heard: Heard) -> None:
    where = DataSource(tmp_path, "cache", fallback="digits")
    recipe, data = prepare(*choose_recipe("quick"), where, device=CPU, report=heard)
    assert data.name == recipe.data.name == "digits"
    assert recipe.data.mean == data.mean, "constants of the other data are dropped"
    assert any("digits is used instead" in note for note in heard.notes)
    folder = ['data.name="./nowhere"']
    with pytest.raises(DataError, match="no folder"):  # other data is no remedy for the user's own folder
        prepare(*choose_recipe("quick", folder), where, device=CPU, report=heard)


@pytest.fixture
def begun(make_folder: MakeFolder, where: DataSource) -> RunFolder:
    """A run on the folder ``images`` that was begun and interrupted before its first checkpoint."""
    folder = make_folder({"cats": 10, "dogs": 10})
    run = RunFolder(folder.parent / "run")
    chosen = choose_recipe("quick", [*CHEAP, f'data.name="{folder}"'])
    recipe, data = prepare(*chosen, where, device=CPU, report=Silent())
    begin(run, recipe, data)
    return run


def test_a_run_is_resumed_with_the_images_it_began_with(
    begun: RunFolder, where: DataSource, heard: Heard
) -> None:
    images = begun.path.parent / "images"
    shutil.copy(images / "dogs" / "000.png", images / "dogs" / "zzz.png")
    recipe, data = prepare_resumed(begun, where, device=CPU, report=heard)
    assert (len(data.train), len(data.test)) == (16, 4)
    assert recipe.batch_size == 16, "the run keeps what it was fitted to"
    moved = images.rename(images.with_name("moved"))
    images.symlink_to(moved)  # as the refusal of a moved folder advises
    linked, _ = prepare_resumed(begun, where, device=CPU, report=heard)
    assert linked == recipe, "or the run would be told that its recipe was changed"
    (images / next(iter(data.files["train"]))).unlink()
    with pytest.raises(DataError, match="1 missing"):
        prepare_resumed(begun, where, device=CPU, report=heard)


def test_a_finished_run_is_not_resumed(begun: RunFolder, where: DataSource, heard: Heard) -> None:
    begun.result.write_text(json.dumps({"format": RUN_FORMAT}))
    begun.figures.mkdir()
    with pytest.raises(CheckpointError, match="is finished"):
        prepare_resumed(begun, where, device=CPU, report=heard)


def test_ones_own_network_on_a_folder_needs_the_image_size(
    make_folder: MakeFolder, where: DataSource, heard: Heard
) -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(2))
    settings = [f'data.name="{make_folder({"cats": 3, "dogs": 3})}"', "data.image_size=null"]
    chosen = choose_recipe("quick", [*settings, "progressive_sizes=[]"])
    with pytest.raises(UsageError, match=r"set data\.image_size"):
        prepare(*chosen, where, device=CPU, report=heard, model=network)


def test_a_training_that_cannot_begin_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: DataSource
) -> None:
    from decanet.cli.progress import ConsoleReport

    monkeypatch.chdir(tmp_path)
    chosen = choose_recipe("quick", ["data.name=digits", "progressive_sizes=[[0.5, 3]]"])
    with pytest.raises(DataError), ConsoleReport(quiet=True) as report:
        train_prepared(
            lambda: prepare(*chosen, where, device=CPU, report=report),
            device=CPU,
            ranks=Ranks(),
            report=report,
        )
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs"]
