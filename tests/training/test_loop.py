"""The training loop: resuming, checkpoints, divergence, schedules and image sizes."""

import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from decanet.core.errors import DivergedError, Interrupted, Preempted
from decanet.core.recipe import Adam, Model, Recipe
from decanet.core.recipe_files import read_recipe
from decanet.core.run_folder import RunFolder
from decanet.evaluation.runs import load_run
from decanet.models.decanet import DecaNet
from decanet.training import checkpoint, loop
from decanet.training.loop import Line, _stop_if_diverged
from tests.training.conftest import CPU, LENET, StopsAt, Trainer, digest


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            ["ema=0.9", "validation=0.2", "batch_size=128"],
            id="muon with ema, stopped where an epoch ends",
        ),
        pytest.param(["data.image_size=20", "progressive_sizes=[[0.3,12],[0.6,16]]"], id="growing images"),
        pytest.param(
            ["batch_size=300", "selection.start=0.1", "selection.keep=0.8"],
            id="within a shortened epoch",
        ),
        pytest.param(
            [
                "model.name=wrn_16_4_cifar",
                'model.options={"dropout": 0.3}',
                "data.image_size=8",
                "augmentation.cutout=2",
                "batch_size=16",
                "epochs=0.3",
                "optimizer.name=adam",
                "optimizer.lr=0.0003",
            ],
            id="adam with dropout",
        ),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    trainer: Trainer, uninterrupted: Callable[[Recipe], Any], settings: list[str]
) -> None:
    recipe = trainer.recipe("epochs=2", "augmentation.cutout=6", *settings)
    whole, _, _, at_once = uninterrupted(recipe)
    stopping = StopsAt(3)
    with pytest.raises(Interrupted, match=r"stopped at step 3 of .*decanet train --resume .*cut"):
        trainer(recipe, "cut", report=stopping)
    cut = RunFolder(trainer.folder / "cut")
    assert cut.checkpoint.exists()
    assert not cut.result.exists()
    load_run(cut.path, CPU)  # an interrupted run can already be evaluated
    _, result, _, resumed = trainer(read_recipe(cut.recipe), "cut", resume=True)
    assert digest(cut) == digest(whole)
    steps = [line["step"] for line in cut.read_metrics() if "step" in line]
    assert steps == list(range(1, stopping.total_steps + 1))
    losses = [line.loss for line in stopping.lines + resumed.lines]
    assert losses == [line.loss for line in at_once.lines]
    assert stopping.validations + resumed.validations == at_once.validations
    assert result["seed"] == recipe.seed


def test_sigterm_raises_preempted(trainer: Trainer) -> None:
    with pytest.raises(Preempted) as caught:
        trainer(trainer.recipe("epochs=2"), report=StopsAt(2, signal.SIGTERM))
    assert caught.value.exit_code == 75


def test_checkpoints_are_written_at_intervals_of_time(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []

    real = loop.save_state
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_FRACTION", 1e9)
    monkeypatch.setattr(
        loop, "save_state", lambda state, path: (saved.append(state["progress"]["step"]), real(state, path))
    )
    trainer(trainer.recipe())
    assert saved == list(range(1, 9))


def test_a_plateau_of_the_validation_error_lowers_the_learning_rate(trainer: Trainer) -> None:
    settings = ["epochs=4", "validation=0.2", "optimizer.name=sgd", "optimizer.lr=1e-12"]
    recipe = trainer.recipe(*settings, 'schedule={"shape": "plateau", "patience": 1}')
    _, _, _, report = trainer(recipe)
    lrs = sorted({line.lr for line in report.lines}, reverse=True)
    assert len(lrs) >= 2
    assert lrs[1] == pytest.approx(lrs[0] / 10)


def test_a_loss_that_is_no_number_stops_with_advice(trainer: Trainer) -> None:
    recipe = trainer.recipe(*LENET, "optimizer.name=sgd", "optimizer.lr=1e9")
    with pytest.raises(DivergedError, match=r"lower optimizer\.lr"):
        trainer(recipe)
    assert not (trainer.folder / "run" / "result.json").exists()


def test_a_jump_of_the_first_losses_does_not_end_a_short_training() -> None:
    jumped = Line(step=2, epoch=0.7, loss=9.9, accuracy=0.5, lr=0.01, seconds=1.0, images_per_second=9.0)
    recipe = Recipe(model=Model(name="lenet5_modern"), batch_size=8, epochs=1, optimizer=Adam())
    _stop_if_diverged(jumped, recipe, 1 / 3, 2)
    for line in (replace(jumped, step=21), replace(jumped, loss=float("nan"))):
        with pytest.raises(DivergedError):
            _stop_if_diverged(line, recipe, 1 / 3, 2)


def test_learning_rates_that_are_too_large_for_the_network_stop_with_advice(trainer: Trainer) -> None:
    recipe = trainer.recipe(*LENET, "epochs=4")  # 25 is a learning rate for DecaNet's biases
    with pytest.raises(
        DivergedError, match=r"uniform predictions have 2\.3; .* a recipe that suits lenet5_modern"
    ):
        trainer(recipe)


def test_images_have_the_sizes_of_the_recipe(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:

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
