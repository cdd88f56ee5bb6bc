"""Dry runs: the predicted time, and what they leave behind."""

import pytest

from decanet.training.dry_run import dry_run
from tests.training.conftest import COUNT, CPU, LENET, Recorder, Trainer


def test_a_dry_run_times_steps_whose_loss_explodes(trainer: Trainer) -> None:
    recipe = trainer.recipe(*LENET, "optimizer.name=sgd", "optimizer.lr=1e9")
    outcome = dry_run(recipe, trainer.data, device=CPU, report=Recorder())
    assert outcome["steps"] == 8
    assert outcome["predicted_seconds"] == pytest.approx(COUNT / outcome["images_per_second"])
