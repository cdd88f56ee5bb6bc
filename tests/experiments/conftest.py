"""A small experiment on the digits, and results made up for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decanet.core.files import write_json
from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary
from decanet.experiments.trial import FORMAT, GENERATION, Trial, pack

DIGITS = vary(BASE, "data.name=digits", "augmentation.flip=none", "epochs=3", "log_every=2")


def experiment(**changes: Any) -> Experiment:
    """Two arms, one comparison, two learning rates."""
    declared: dict[str, Any] = {
        "number": 1,
        "source": "a paper",
        "arms": (
            Arm("narrow", vary(DIGITS, 'model.options={"activation": "sigmoid"}'), Images(300)),
            Arm("wide", vary(DIGITS, 'model.options={"activation": "relu"}'), Images(300)),
        ),
        "comparisons": (Comparison("wide", "narrow", "test_error", "lower"),),
        "learning_rates": (0.01, 0.03),
        "seeds": 5,
        "name": "activation",  # which has texts
    }
    return Experiment(**declared | changes)


def made_up(trial: Trial, error: float = 10.0, **changes: Any) -> dict[str, Any]:
    """A result as ``run_trial`` writes it, with a given test error."""
    settings = trial.recipe.model_dump(mode="json")
    settings["precision"] = "bfloat16"
    wrong = np.arange(1000) < 10 * error
    measured = {
        "validation_error": error, "test_error": error, "test_loss": error / 20, "train_error": error / 2,
        "gap": error / 2, "epochs_to_target": error,
    }  # fmt: skip
    result = {
        "format": FORMAT, "experiment": trial.experiment.name, "arm": trial.arm.name, "purpose": trial.purpose,
        "generation": GENERATION, "images": vars(trial.arm.images), "data_sha256": "0", "settings": settings,
        "environment": {"processor": "Zen 4", "capability": "AVX512", "torch": "2.14.1"},
        "measured": measured, "params": 1000, "macs": 2000, "train_seconds": 60.0, "images_per_second": 100.0,
        "curve": [[1.0, 50.0, 1.5], [2.0, 30.0, 1.0], [3.0, error, 0.5]], "wrong": pack(wrong),
    }  # fmt: skip
    return {**result, **changes}


Keep = Callable[..., None]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """``keep(trial, error=..., **changes)`` writes a made-up result below ``tmp_path``."""

    def write(trial: Trial, error: float = 10.0, **changes: Any) -> None:
        write_json(tmp_path / trial.file, made_up(trial, error, **changes))

    return write
