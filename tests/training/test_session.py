"""Whole trainings: the accuracy they reach and the files they write."""

import json
import shutil
from typing import Any

import pytest
import torch

from decanet.core.errors import BusyError, CheckpointError, DataError, Interrupted, UsageError
from decanet.core.recipe_files import read_recipe
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.evaluation.evaluate import evaluate_split
from decanet.evaluation.runs import load_run
from tests.training.conftest import COUNT, CPU, LENET, StopsAt, Trainer, digest


def test_the_quick_recipe_learns_the_digits(trainer_on_all_digits: Trainer) -> None:
    trainer = trainer_on_all_digits
    growing = [
        "data.image_size=20",
        "progressive_sizes=[[0.3,12],[0.6,16]]",
    ]  # in three sizes, as the recipe has it
    _, result, predictions, report = trainer(trainer.recipe("batch_size=200", "epochs=5", *growing))
    assert result["test_top1"] > 0.95
    assert result["test_top1"] == predictions.accuracy()
    assert result["test_top5"] >= result["test_top1"]
    assert report.lines[-1].loss < report.lines[0].loss / 1.5


def test_a_network_of_one_channel_learns(trainer_on_all_digits: Trainer) -> None:
    trainer = trainer_on_all_digits
    _, result, _, _ = trainer(trainer.recipe(*LENET, "batch_size=200", "epochs=8", name="tutorial"))
    assert result["test_top1"] > 0.8
    assert result["macs"] == 416_520


def test_a_run_holds_recipe_result_log_and_environment(finished: Any, trainer: Trainer) -> None:
    run, result, _, report = finished
    assert read_recipe(run.recipe) == trainer.recipe()
    assert json.loads(run.result.read_text()) == result
    assert {
        "model",
        "recipe",
        "data",
        "seed",
        "params",
        "macs",
        "test_top1",
        "test_top5",
        "train_seconds",
    } <= set(result)
    assert result["params"] == 295_072
    assert result["macs"] == 4_118_816  # counted by torch.utils.flop_counter, halved
    environment = result["environment"]
    assert environment["torch"] == torch.__version__
    assert environment["threads"] == torch.get_num_threads()
    lines = run.read_metrics()
    assert [line["step"] for line in lines] == list(range(1, 9))  # 480 images in batches of 60
    assert lines[-1]["loss"] == report.lines[-1].loss
    about = json.loads(run.data.read_text())
    assert about["classes"] == [str(d) for d in range(10)]
    assert about["format"] == json.loads(run.result.read_text())["format"] == RUN_FORMAT
    assert not run.checkpoint.exists(), "a finished run needs no state"


def test_the_weights_file_gives_the_same_predictions(finished: Any, trainer: Trainer) -> None:
    run, _, predictions, _ = finished

    again = evaluate_split(load_run(run.path, CPU).model, trainer.recipe(), trainer.data, "test", CPU)
    torch.testing.assert_close(again.probabilities, predictions.probabilities)


def test_equal_seeds_give_equal_weights_and_other_seeds_do_not(finished: Any, trainer: Trainer) -> None:
    first = finished[0]
    second, _, _, _ = trainer(trainer.recipe(), "b")
    other, _, _, _ = trainer(trainer.recipe("seed=1"), "c")
    assert digest(first) == digest(second)
    assert digest(first) != digest(other)


def test_with_a_validation_set_the_test_set_is_not_evaluated(trainer: Trainer) -> None:
    _, result, predictions, report = trainer(trainer.recipe("validation=0.2", "epochs=2"))
    assert "validation_top1" in result
    assert "test_top1" not in result
    assert len(predictions.labels) == round(0.2 * COUNT)
    assert len(report.validations) == 2


def test_a_run_in_the_way_is_not_overwritten(finished: Any, trainer: Trainer) -> None:
    run = RunFolder(shutil.copytree(finished[0].path, trainer.folder / "run"))
    before = run.weights.read_bytes()
    with pytest.raises(UsageError, match="already holds a finished run"):
        trainer(trainer.recipe("seed=5"))
    assert run.weights.read_bytes() == before


def test_a_folder_with_other_files_is_left_as_it_was(trainer: Trainer) -> None:
    folder = trainer.folder / "run"
    folder.mkdir()
    (folder / "data.json").write_text("mine")
    with pytest.raises(UsageError, match=r"already holds data\.json"):
        trainer(trainer.recipe())
    assert [path.name for path in folder.iterdir()] == ["data.json"]


def test_two_trainings_cannot_share_a_folder(trainer: Trainer) -> None:
    with RunFolder(trainer.folder / "run").locked(), pytest.raises(BusyError, match="another process"):
        trainer(trainer.recipe())


def test_resuming_a_finished_run_draws_its_figures_or_is_refused(finished: Any, trainer: Trainer) -> None:
    """A run that ends after its result was written has no figures: resuming draws them, and trains nothing."""
    first, result, predictions, _ = finished
    run = RunFolder(shutil.copytree(first.path, trainer.folder / "run"))
    before = run.weights.read_bytes()
    _, again, predictions_again, report = trainer(trainer.recipe(), resume=True)
    assert again == result
    torch.testing.assert_close(predictions_again.probabilities, predictions.probabilities)
    assert report.lines == []
    assert run.weights.read_bytes() == before
    run.figures.mkdir()
    with pytest.raises(CheckpointError, match=r"is finished; decanet evaluate .*decanet predict"):
        trainer(trainer.recipe(), resume=True)
    with pytest.raises(UsageError, match=r"already holds a finished run; .*decanet evaluate"):
        trainer(trainer.recipe())


def test_resuming_by_another_recipe_is_refused(trainer: Trainer) -> None:
    with pytest.raises(Interrupted):
        trainer(trainer.recipe(), report=StopsAt(2))
    with pytest.raises(CheckpointError, match=r"not the recipe of the checkpoint: model was changed"):
        trainer(trainer.recipe("model.name=decanet_m"), resume=True)


def test_a_damaged_checkpoint_is_reported_in_one_line(trainer: Trainer) -> None:
    with pytest.raises(Interrupted):
        trainer(trainer.recipe(), report=StopsAt(2))
    (trainer.folder / "run" / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        trainer(trainer.recipe(), resume=True)


def test_images_too_small_for_the_network_are_refused_before_anything_is_written(trainer: Trainer) -> None:
    with pytest.raises(DataError, match=r"pool5.*63x63.*alexnet_cifar"):
        trainer(trainer.recipe("model.name=alexnet", "data.image_size=32"))
    assert not (trainer.folder / "run").exists()


def test_progressive_sizes_too_small_for_the_network_are_refused_before_anything_is_written(
    trainer: Trainer,
) -> None:
    with pytest.raises(DataError, match=r"decanet_s cannot take a 8x8 image"):
        trainer(trainer.recipe("progressive_sizes=[[0.5,8]]"))
    assert not (trainer.folder / "run").exists()


def test_a_network_smaller_than_the_images_trains_on_crops(trainer: Trainer) -> None:
    """Krizhevsky's own CIFAR networks take random 24x24 crops of 32x32, and the center crop in the evaluation."""
    recipe = trainer.recipe(
        "model.name=cuda_convnet_13", "data.image_size=24", "augmentation.resize=32", "epochs=0.3",
        "optimizer.name=adam",
    )  # fmt: skip
    run, result, _, _ = trainer(recipe)
    assert result["params"] > 0
    assert load_run(run.path, CPU).spec.image_size == 24
