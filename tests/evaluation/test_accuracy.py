"""A trained network is evaluated on what it was not trained on, by the pipeline of its training."""

from pathlib import Path

import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.core.runtime import cache_folder
from decanet.data import load_data
from decanet.evaluation.accuracy import evaluate, load_evaluation_data, require_tta
from decanet.evaluation.evaluate import evaluate_split
from decanet.evaluation.reference import load_model
from tests.evaluation._runs import CPU, recipe, write_run


def test_an_evaluation_equals_that_of_the_training(tmp_path: Path) -> None:
    """The digits have ten classes, as the run is given; it was never trained."""
    own = recipe("data.name=digits")
    run = write_run(tmp_path / "run", own, [str(digit) for digit in range(10)])
    trained = load_model(run.path, CPU)
    data = load_evaluation_data(trained, cache=cache_folder(), report=Silent())
    evaluation = evaluate(trained, data)
    digits = load_data("digits", cache=cache_folder(), report=Silent())
    assert trained.recipe is not None
    in_training = evaluate_split(trained.model, trained.recipe, digits, "test", CPU)
    assert torch.equal(evaluation.predictions.probabilities, in_training.probabilities)
    assert torch.equal(evaluation.predictions.labels, in_training.labels)
    values = evaluation.as_dict()
    assert values["images"] == len(digits.test)
    assert (values["test_top1"], values["test_top5"]) == (evaluation.top1, evaluation.top5)
    assert (values["model"], values["data"], values["tta"]) == ("decanet_s", "digits", "flip")
    assert values["stated_top1_pct"] is None


def test_another_augmentation_replaces_the_recipes_own() -> None:
    trained = load_model("decanet_s", CPU)
    assert trained.with_tta(None).tta == trained.tta
    assert trained.with_tta("none").tta == "none"
    with pytest.raises(UsageError, match="29x29"):
        trained.with_tta("ten_crop")


def test_an_unknown_augmentation_is_refused() -> None:
    require_tta(None)
    require_tta("flip")
    with pytest.raises(UsageError, match="none, flip, flip_shift, ten_crop"):
        require_tta("twelve")
