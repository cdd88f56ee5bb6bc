"""Whole trainings: what they reach, what they write, how they stop and go on."""

import hashlib
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from decanet.core.errors import (
    BusyError,
    CheckpointError,
    DataError,
    DivergedError,
    Interrupted,
    Preempted,
    UsageError,
)
from decanet.core.progress import Silent
from decanet.core.recipe import Adam, Model, Recipe
from decanet.core.recipe_files import read_recipe
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.core.runtime import ranks_from_environment
from decanet.data import ImageData, load_data
from decanet.evaluation.runs import load_run
from decanet.training.distributed import process_group
from decanet.training.dry_run import dry_run
from decanet.training.loop import Line, _stop_if_diverged
from decanet.training.session import run_training
from tests.training.conftest import CPU, Listener, Trainer, in_two_processes

# Fewer multiply-adds than DecaNet has at 16 pixels.
LENET = ["model.name=lenet5_modern", "data.image_size=32"]


def digest(run: RunFolder) -> str:
    """Of the weights' values: a file's metadata may differ."""
    from safetensors.torch import load_file

    tensors = load_file(run.weights)
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].contiguous().numpy().tobytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def finished(digits: ImageData, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished training of an epoch: run, result, predictions and report. Tests that write take a copy."""
    trainer = Trainer(digits, tmp_path_factory.mktemp("finished"))
    return trainer(trainer.recipe())


def test_the_quick_recipe_learns_the_digits(trainer: Trainer) -> None:
    growing = [
        "data.image_size=20",
        "progressive_sizes=[[0.3,12],[0.6,16]]",
    ]  # in three sizes, as the recipe has it
    _, result, said, listener = trainer(trainer.recipe("epochs=5", *growing))
    assert result["test_top1"] > 0.95
    assert result["test_top1"] == said.accuracy()
    assert result["test_top5"] >= result["test_top1"]
    assert listener.lines[-1].loss < listener.lines[0].loss / 1.5


def test_a_network_that_sees_gray_learns_too(trainer: Trainer) -> None:
    _, result, _, _ = trainer(trainer.recipe(*LENET, "epochs=8", name="tutorial"))
    assert result["test_top1"] > 0.8
    assert result["macs"] == 416_520


def test_auto_leaves_a_network_with_little_arithmetic_in_float32(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def machine_with_bfloat16(wanted: str, _: torch.device) -> str:
        return "bfloat16" if wanted == "auto" else wanted

    monkeypatch.setattr("decanet.evaluation.specification.choose_precision", machine_with_bfloat16)
    lenet5 = ["model.name=lenet5", "data.image_size=32"]  # 0.3 million multiply-adds an image
    assert trainer.recipe("precision=auto", *lenet5).precision == "float32"
    assert trainer.recipe("precision=bfloat16", *lenet5).precision == "bfloat16"
    assert (
        trainer.recipe("precision=auto", "data.image_size=32").precision == "bfloat16"
    )  # decanet_s has 20 million


def test_a_run_holds_all_that_a_comparison_needs(finished: Any, trainer: Trainer) -> None:
    run, result, _, listener = finished
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
    assert [line["step"] for line in lines] == list(range(1, 9))  # 1433 images in batches of 200
    assert lines[-1]["loss"] == listener.lines[-1].loss
    about = json.loads(run.data.read_text())
    assert about["classes"] == [str(d) for d in range(10)]
    assert about["format"] == json.loads(run.result.read_text())["format"] == RUN_FORMAT
    assert not run.state.exists(), "a finished run needs no state"


def test_the_weights_file_gives_the_same_answers(finished: Any, trainer: Trainer) -> None:
    run, _, said, _ = finished
    from decanet.evaluation.evaluate import evaluate_split

    again = evaluate_split(load_run(run.path, CPU).model, trainer.recipe(), trainer.data, "test", CPU)
    torch.testing.assert_close(again.probabilities, said.probabilities)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(finished: Any, trainer: Trainer) -> None:
    first = finished[0]
    second, _, _, _ = trainer(trainer.recipe(), "b")
    other, _, _, _ = trainer(trainer.recipe("seed=1"), "c")
    assert digest(first) == digest(second)
    assert digest(first) != digest(other)


class StopsAt(Listener):
    """Asks to stop when a step is logged, as Ctrl-C or the system would."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.step, self.number = step, number

    def line(self, line: Line) -> None:
        super().line(line)
        if line.step == self.step:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            ["ema=0.9", "validation=0.2", "batch_size=400"],
            id="muon with an average, stopped where a pass ends",
        ),
        pytest.param(["data.image_size=20", "progressive_sizes=[[0.3,12],[0.6,16]]"], id="growing images"),
        pytest.param(
            ["batch_size=1000", "selection.start=0.1", "selection.keep=0.8"],
            id="amid a pass over the hardest",
        ),
        pytest.param(
            [
                "model.name=wrn_16_4_cifar",
                'model.options={"dropout": 0.3}',
                "data.image_size=8",
                "augmentation.cutout=2",
                "batch_size=16",
                "epochs=0.1",
                "optimizer.name=adam",
                "optimizer.lr=0.0003",
            ],
            id="adam with dropout",
        ),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(trainer: Trainer, settings: list[str]) -> None:
    recipe = trainer.recipe("epochs=2", "augmentation.cutout=6", *settings)
    whole, _, _, whole_listener = trainer(recipe, "whole")
    stopping = StopsAt(3)
    with pytest.raises(Interrupted, match=r"stopped at step 3 of .*decanet train --resume .*cut"):
        trainer(recipe, "cut", report=stopping)
    cut = RunFolder(trainer.folder / "cut")
    assert cut.state.exists()
    assert not cut.result.exists()
    load_run(cut.path, CPU)  # an interrupted run can already be judged
    _, result, _, resumed = trainer(read_recipe(cut.recipe), "cut", resume=True)
    assert digest(cut) == digest(whole)
    steps = [line["step"] for line in cut.read_metrics() if "step" in line]
    assert steps == list(range(1, stopping.total_steps + 1))
    losses = [line.loss for line in stopping.lines + resumed.lines]
    assert losses == [line.loss for line in whole_listener.lines]
    assert stopping.validations + resumed.validations == whole_listener.validations
    assert result["seed"] == recipe.seed


def test_termination_saves_and_says_preempted(trainer: Trainer) -> None:
    with pytest.raises(Preempted) as caught:
        trainer(trainer.recipe("epochs=2"), report=StopsAt(2, signal.SIGTERM))
    assert caught.value.exit_code == 75


def test_checkpoints_in_between_are_written_by_the_clock(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    from decanet.training import checkpoint, loop

    real = loop.save_state
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_FRACTION", 1e9)
    monkeypatch.setattr(
        loop, "save_state", lambda state, path: (saved.append(state["progress"]["step"]), real(state, path))
    )
    trainer(trainer.recipe())
    assert saved == list(range(1, 9))


def test_a_validation_share_keeps_the_test_split_untouched(trainer: Trainer) -> None:
    _, result, said, listener = trainer(trainer.recipe("validation=0.2", "epochs=2"))
    assert "validation_top1" in result
    assert "test_top1" not in result
    assert len(said.labels) == round(0.2 * 1433)
    assert len(listener.validations) == 2


def test_a_plateau_lowers_the_rate_from_the_validation_error(trainer: Trainer) -> None:
    settings = ["epochs=4", "validation=0.2", "optimizer.name=sgd", "optimizer.lr=1e-12"]
    recipe = trainer.recipe(*settings, 'schedule={"shape": "plateau", "patience": 1}')
    _, _, _, listener = trainer(recipe)
    lrs = sorted({line.lr for line in listener.lines}, reverse=True)
    assert len(lrs) >= 2
    assert lrs[1] == pytest.approx(lrs[0] / 10)


def test_a_plateau_without_validation_is_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match="set validation"):
        trainer.recipe('schedule={"shape": "plateau"}')


@pytest.mark.parametrize("resize", ["null", "37"])
def test_ten_crops_of_images_that_fill_the_network_are_refused_before_training(
    trainer: Trainer, resize: str
) -> None:
    """Training shows the whole of a 32x32 image; crops of it enlarged to 37x37 are another kind of image."""
    with pytest.raises(UsageError, match="tta=flip_shift"):
        trainer.recipe("data.image_size=32", "tta=ten_crop", f"augmentation.resize={resize}")


def test_images_are_evaluated_at_the_size_that_training_cuts_crops_from(trainer: Trainer) -> None:
    assert trainer.recipe("data.image_size=32", "augmentation.resize=37").augmentation.resize == 32
    assert trainer.recipe("data.image_size=24", "augmentation.resize=28").augmentation.resize == 28
    assert trainer.recipe("data.image_size=24", "tta=ten_crop", "augmentation.resize=28").tta == "ten_crop"


def test_tta_larger_than_the_resized_image_are_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match="at least 32x32"):
        trainer.recipe("data.image_size=32", "augmentation.resize=28")


def test_a_loss_that_is_no_number_stops_with_advice(trainer: Trainer) -> None:
    recipe = trainer.recipe(*LENET, "optimizer.name=sgd", "optimizer.lr=1e9")
    with pytest.raises(DivergedError, match=r"lower optimizer\.lr"):
        trainer(recipe)
    assert not (trainer.folder / "run" / "result.json").exists()


def test_a_jump_of_the_first_losses_ends_no_short_training() -> None:
    jumped = Line(step=2, epoch=0.7, loss=9.9, accuracy=0.5, lr=0.01, seconds=1.0, images_per_second=9.0)
    recipe = Recipe(model=Model(name="lenet5_modern"), batch_size=8, epochs=1, optimizer=Adam())
    _stop_if_diverged(jumped, recipe, 1 / 3, 2)
    for line in (replace(jumped, step=21), replace(jumped, loss=float("nan"))):
        with pytest.raises(DivergedError):
            _stop_if_diverged(line, recipe, 1 / 3, 2)


def test_a_network_that_the_rates_do_not_suit_stops_with_advice(trainer: Trainer) -> None:
    recipe = trainer.recipe(*LENET, "epochs=4")  # 25 is a rate for DecaNet's biases
    with pytest.raises(
        DivergedError, match=r"guessing would give 2\.3; .* a recipe that suits lenet5_modern"
    ):
        trainer(recipe)


def test_a_rehearsal_times_steps_whose_loss_explodes(trainer: Trainer) -> None:
    recipe = trainer.recipe(*LENET, "optimizer.name=sgd", "optimizer.lr=1e9")
    outcome = dry_run(recipe, trainer.data, device=CPU, report=Listener())
    assert outcome["steps"] == 8
    assert outcome["predicted_seconds"] == pytest.approx(1433 / outcome["images_per_second"])


def test_a_run_in_the_way_is_not_overwritten(finished: Any, trainer: Trainer) -> None:
    run = RunFolder(shutil.copytree(finished[0].path, trainer.folder / "run"))
    before = run.weights.read_bytes()
    with pytest.raises(UsageError, match="already holds a finished run"):
        trainer(trainer.recipe("seed=5"))
    assert run.weights.read_bytes() == before


def test_a_folder_of_somebodys_files_is_left_as_it_was(trainer: Trainer) -> None:
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
    first, result, said, _ = finished
    run = RunFolder(shutil.copytree(first.path, trainer.folder / "run"))
    before = run.weights.read_bytes()
    _, again, said_again, listener = trainer(trainer.recipe(), resume=True)
    assert again == result
    torch.testing.assert_close(said_again.probabilities, said.probabilities)
    assert listener.lines == []
    assert run.weights.read_bytes() == before
    run.figures.mkdir()
    with pytest.raises(CheckpointError, match=r"is finished; decanet evaluate .*decanet predict"):
        trainer(trainer.recipe(), resume=True)
    with pytest.raises(UsageError, match=r"already holds a finished run; .*decanet evaluate"):
        trainer(trainer.recipe())


def test_resuming_by_another_recipe_is_refused(trainer: Trainer) -> None:
    with pytest.raises(Interrupted):
        trainer(trainer.recipe(), report=StopsAt(2))
    with pytest.raises(CheckpointError, match=r"not the recipe of the saved state: model was changed"):
        trainer(trainer.recipe("model.name=decanet_m"), resume=True)


def test_a_damaged_state_is_reported_in_one_line(trainer: Trainer) -> None:
    with pytest.raises(Interrupted):
        trainer(trainer.recipe(), report=StopsAt(2))
    (trainer.folder / "run" / "state.pt").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        trainer(trainer.recipe(), resume=True)


def test_images_too_small_for_the_network_stop_before_anything_is_written(trainer: Trainer) -> None:
    with pytest.raises(DataError, match=r"pool5.*63x63.*alexnet_cifar"):
        trainer(trainer.recipe("model.name=alexnet", "data.image_size=32"))
    assert not (trainer.folder / "run").exists()


def test_images_that_start_too_small_stop_before_anything_is_written(trainer: Trainer) -> None:
    with pytest.raises(DataError, match=r"decanet_s cannot take a 8x8 image"):
        trainer(trainer.recipe("progressive_sizes=[[0.5,8]]"))
    assert not (trainer.folder / "run").exists()


def test_the_network_sees_the_sizes_that_the_recipe_says(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decanet.models.decanet import DecaNet

    seen: list[tuple[bool, int]] = []
    real = DecaNet.forward

    def forward(self: DecaNet, x: torch.Tensor) -> torch.Tensor:
        if x.device.type != "meta":  # the cost is counted at every size beforehand
            seen.append((self.training, x.shape[-1]))
        return real(self, x)

    monkeypatch.setattr(DecaNet, "forward", forward)
    trainer(trainer.recipe("progressive_sizes=[[0.5,20]]", "data.image_size=24"))
    assert [image_size for training, image_size in seen if training] == [20] * 4 + [24] * 4
    assert {image_size for training, image_size in seen if not training} == {24}


def test_mixup_cutmix_clipping_and_cosine_train(trainer: Trainer) -> None:
    recipe = trainer.recipe(
        "epochs=6", "augmentation.mixup=0.2", "augmentation.cutmix=1.0", "clip_gradient=1",
        'schedule={"shape": "cosine", "warmup": 0.1}', "optimizer.name=adamw", "optimizer.lr=0.01",
    )  # fmt: skip
    _, result, _, _ = trainer(recipe)
    assert result["test_top1"] > 0.5


def test_the_tutorials_recipe_is_the_tutorials() -> None:
    from decanet.training.recipes import load_recipe

    recipe = load_recipe("tutorial")
    assert recipe.model.name == "alexnet_cifar"
    assert (recipe.batch_size, recipe.epochs, recipe.log_every) == (128, 10, 100)
    assert recipe.optimizer.model_dump() == {
        "name": "adam",
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "weight_decay": 0.0,
        "decay_vectors": True,
    }
    assert recipe.data.mean == (0.4914, 0.4822, 0.4465)
    assert recipe.data.std == (0.2023, 0.1994, 0.2010)
    assert (recipe.augmentation.flip, recipe.augmentation.crop_padding) == ("random", 4)
    assert recipe.precision == "float32"
    assert load_recipe("tutorial_bf16") == recipe.model_copy(
        update={"name": "tutorial_bf16", "precision": "bfloat16"}
    )


def train_as_one_of_two(recipe: Path, folder: Path) -> None:
    ranks = ranks_from_environment()
    data = load_data("digits", cache=Path("unused"), report=Silent())
    with process_group(ranks, CPU):
        run_training(read_recipe(recipe), data, RunFolder(folder), device=CPU, ranks=ranks, report=Listener())


@pytest.mark.parametrize(
    "settings",
    [
        # Residual: a maximum over flat regions has ties, and rounding decides who wins them.
        pytest.param(
            ["model.name=resnet20_cifar", "optimizer.name=sgd", "optimizer.lr=0.01", "epochs=0.5"],
            id="with batch normalization"),
        pytest.param(
            [*LENET, "optimizer.name=sgd", "optimizer.lr=0.01", "epochs=2"], id="without"),
    ],
)  # fmt: skip
def test_two_processes_reach_what_one_reaches(trainer: Trainer, settings: list[str]) -> None:
    # An odd batch size: the slices differ in length, and the gradients must still be the global batch's.
    recipe = trainer.recipe("batch_size=333", "precision=float32", *settings)
    one, one_result, _, _ = trainer(recipe, "one")
    assert in_two_processes(train_as_one_of_two, one.recipe, trainer.folder / "two") == (0, 0)
    two = RunFolder(trainer.folder / "two")
    assert two.read_json(two.result)["processes"] == 2
    losses = [[line["loss"] for line in run.read_metrics()] for run in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    from safetensors.torch import load_file

    alone, together = load_file(one.weights), load_file(two.weights)
    assert alone.keys() == together.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(
            together[name], tensor, rtol=1e-3, atol=1e-3, msg=lambda m, n=name: f"{n}: {m}"
        )
    assert two.read_json(two.result)["test_top1"] == pytest.approx(one_result["test_top1"], abs=0.02)


def test_a_network_that_sees_less_than_the_images_hold_trains_on_crops(trainer: Trainer) -> None:
    """Krizhevsky's own CIFAR networks take random 24x24 crops of 32x32, and the center when judged."""
    recipe = trainer.recipe(
        "model.name=cuda_convnet_13", "data.image_size=24", "augmentation.resize=32", "epochs=0.3",
        "optimizer.name=adam",
    )  # fmt: skip
    run, result, _, _ = trainer(recipe)
    assert result["params"] > 0
    assert load_run(run.path, CPU).spec.image_size == 24
