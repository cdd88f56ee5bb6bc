"""Runs whose networks were never trained, for the tests of what reads runs."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override, parse_recipe, to_toml
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.models import create_model
from decanet.models.weight_files import save_weights

CPU = torch.device("cpu")
CLASSES = ["cat", "dog", "owl"]


def recipe(*settings: str) -> Recipe:
    """A resolved recipe, with ``settings`` applied."""
    values = {
        "model": {"name": "decanet_s"},
        "data": {
            "name": "made",
            "image_size": 32,
            "channels": 3,
            "mean": [0.5, 0.4, 0.3],
            "std": [0.2, 0.25, 0.3],
        },
        "batch_size": 8,
        "epochs": 1,
        "optimizer": {"name": "adam"},
        "precision": "float32",
        "tta": "flip",
    }
    return override(parse_recipe(values, "test"), settings)


def write_run(path: Path, recipe: Recipe, classes: Sequence[str] = CLASSES) -> RunFolder:
    """A finished run whose network was never trained."""
    run = RunFolder(path)
    path.mkdir()
    torch.manual_seed(7)
    save_weights(create_model(recipe.model.name, num_classes=len(classes)), run.weights, {})
    run.recipe.write_text(to_toml(recipe))
    run.data.write_text(
        json.dumps({"format": RUN_FORMAT, "name": recipe.data.name, "classes": list(classes), "files": {}})
    )
    return run
