"""One trial: its training, its measurements, and what makes a result its own."""

from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import Interrupted
from decanet.core.progress import Silent
from decanet.data import ImageData, load_data
from decanet.experiments.declaration import Arm, Images, vary
from decanet.experiments.runner import Silence
from decanet.experiments.trial import (
    GENERATION,
    Trial,
    epochs_to,
    final_train_error,
    over_an_epoch,
    pack,
    run_trial,
    unpack,
)
from tests.experiments.conftest import DIGITS, experiment, made_up
from tests.training.conftest import StopsAt

CPU = torch.device("cpu")
EXPERIMENT = experiment()
TRIAL = Trial(EXPERIMENT, EXPERIMENT.arm("wide"), 0.03, 0, "final")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    return load_data("digits", cache=tmp_path_factory.mktemp("cache"), report=Silent())


def test_a_trial_is_measured_and_leaves_nothing_behind(digits: ImageData, tmp_path: Path) -> None:
    result = run_trial(TRIAL, digits, tmp_path / "run", device=CPU, report=Silence())
    measured = result["measured"]
    assert measured["gap"] == pytest.approx(measured["test_error"] - measured["train_error"])
    wrong = unpack(result["wrong"])
    assert 100 * wrong.sum() / len(digits.test) == pytest.approx(measured["test_error"])
    assert TRIAL.is_result(result)
    assert result["settings"]["optimizer"]["lr"] == 0.03
    assert [point[0] for point in result["curve"]] == sorted(point[0] for point in result["curve"])
    assert not (tmp_path / "run").exists()


def test_an_interrupted_trial_resumes_to_the_same_numbers(digits: ImageData, tmp_path: Path) -> None:
    whole = run_trial(TRIAL, digits, tmp_path / "a", device=CPU, report=Silence())
    with pytest.raises(Interrupted):
        run_trial(TRIAL, digits, tmp_path / "b", device=CPU, report=StopsAt(4))
    assert (tmp_path / "b").exists()
    resumed = run_trial(TRIAL, digits, tmp_path / "b", device=CPU, report=Silence())
    assert resumed["measured"] == whole["measured"]
    assert resumed["wrong"] == whole["wrong"]


def test_tuning_is_shorter_and_knows_no_test_error(digits: ImageData, tmp_path: Path) -> None:
    trial = Trial(EXPERIMENT, EXPERIMENT.arm("wide"), 0.03, 1000, "tuning")
    assert trial.recipe.epochs == DIGITS.epochs * EXPERIMENT.tuning
    result = run_trial(trial, digits, tmp_path / "run", device=CPU, report=Silence())
    assert result["measured"].keys() == {"validation_error", "train_error"}
    assert "wrong" not in result


def test_a_training_that_diverges_has_the_errors_of_chance(digits: ImageData, tmp_path: Path) -> None:
    arm = Arm("wide", vary(DIGITS, "epochs=20", "schedule.warmup=0"), Images(300))
    result = run_trial(
        Trial(EXPERIMENT, arm, 1e6, 0, "final"), digits, tmp_path / "run", device=CPU, report=Silence()
    )
    assert "the loss became" in result["diverged"]
    assert result["measured"]["test_error"] == pytest.approx(90)
    assert not (tmp_path / "run").exists()


def test_a_result_is_of_its_own_trial_alone() -> None:
    result = made_up(TRIAL)
    assert TRIAL.is_result(result)
    assert not TRIAL.is_result({**result, "generation": GENERATION + 1})
    assert not TRIAL.is_result({**result, "images": {"count": 400}})
    assert not Trial(EXPERIMENT, EXPERIMENT.arm("wide"), 0.01, 0, "final").is_result(result)
    assert not Trial(EXPERIMENT, EXPERIMENT.arm("wide"), 0.03, 1, "final").is_result(result)
    assert not Trial(EXPERIMENT, EXPERIMENT.arm("wide"), 0.03, 0, "quick").is_result(result)
    changed = Arm("wide", vary(EXPERIMENT.arm("wide").recipe, "batch_size=64"), Images(300))
    assert not Trial(EXPERIMENT, changed, 0.03, 0, "final").is_result(result)


def test_files_are_named_after_arm_and_seed() -> None:
    arm = Arm("8 layers, width 30", DIGITS)
    assert Trial(EXPERIMENT, arm, 0.1, 2, "final").file == "8-layers-width-30-seed2.json"
    assert (
        Trial(EXPERIMENT, arm, 0.03, 1000, "tuning").file == "tuning/8-layers-width-30-lr0.03-seed1000.json"
    )


CURVE = [(0.5, 90.0, 2.0), (1.0, 70.0, 2.0), (1.5, 50.0, 1.0), (2.0, 30.0, 1.0), (2.5, 20.0, 1.0)]


def test_the_training_error_is_a_mean_over_an_epoch() -> None:
    assert over_an_epoch(CURVE) == [(1.0, 80.0), (1.5, 60.0), (2.0, 40.0), (2.5, 25.0)]
    assert final_train_error(CURVE) == 25
    assert final_train_error(CURVE[:1]) == 90


def test_epochs_to_a_target_are_interpolated_or_none() -> None:
    assert epochs_to(CURVE, 50) == pytest.approx(1.75)
    assert epochs_to(CURVE, 80) == 1
    assert epochs_to(CURVE, 24) is None


def test_packed_booleans_are_read_back() -> None:
    wrong = np.random.default_rng(0).random(1003) < 0.3
    assert np.array_equal(unpack(pack(wrong))[:1003], wrong)
    assert unpack(pack(wrong)).sum() == wrong.sum()
