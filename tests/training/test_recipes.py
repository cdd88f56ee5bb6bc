"""The built-in recipes: their settings, and the documentation of what to expect from them."""

import importlib
import json
import re
import statistics
from pathlib import Path

import pytest

from decanet.training.recipes import list_recipes, load_recipe

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
BUILT_IN = [name for name in list_recipes() if not name.startswith("paper")]


def test_the_tutorial_recipe_has_the_tutorials_settings() -> None:
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


def documentation(name: str) -> str:
    return importlib.import_module(f"decanet.training.recipes.{name}").__doc__ or ""


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_recipe_documents_source_command_accuracy_and_time(name: str) -> None:
    text = documentation(name)
    assert f"Command   decanet train {name}\n" in text
    assert re.search(r"^Accuracy  \d\d\.\d\d % top-1 on the test set of CIFAR-10", text, re.MULTILINE)
    assert re.search(r"^Time      [\d.]+ s of training", text, re.MULTILINE)
    source = re.search(r"^Source    (benchmarks/results/\S+): ", text, re.MULTILINE)
    assert source
    assert (RESULTS.parents[1] / source.group(1)).is_file()


@pytest.mark.parametrize("name", ["flash", "quick", "strong", "best"])
def test_the_documented_accuracy_and_time_are_the_measured_ones(name: str) -> None:
    measured = json.loads((RESULTS / "2026-11-25-amd-epyc-2-cores-train.json").read_text())
    runs = [run for run in measured["runs"] if run["recipe"] == name]
    accuracies = [100 * run["test_top1"] for run in runs]
    text = documentation(name)
    assert f"Accuracy  {statistics.mean(accuracies):.2f} % " in text
    assert f"(mean of {len(runs)} seeds, standard deviation {statistics.stdev(accuracies):.2f})" in text
    assert f"Time      {statistics.mean(run['train_seconds'] for run in runs):.1f} s of training" in text
    assert f"{statistics.mean(run['shell_seconds'] for run in runs):.1f} s in all" in text
