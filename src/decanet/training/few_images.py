"""Adapting a recipe made for tens of thousands of images to few: smaller batches, and enough steps."""

import math
from collections.abc import Collection

from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override
from decanet.data.loaders import steps_per_epoch

FEW = 10_000  # training images below which a recipe is adapted
SMALLEST_BATCH = 16  # batch normalization needs some images; fewer where there are fewer in all
STEPS_PER_EPOCH = 8
FEWEST_STEPS = 200
FEWEST_LINES = 10  # of the log


def fit_to_few_images(recipe: Recipe, count: int, fixed: Collection[str] = ()) -> tuple[Recipe, str]:
    """Adapt batch size, epochs, selection and log of a recipe to ``count`` training images.

    Args:
        recipe: resolved or not.
        count: number of images in the training set.
        fixed: keys that the user chose, such as "batch_size", which stay.

    Returns the recipe and a line that states the changes, or the same recipe and "" where nothing needs to change.
    """
    if count >= FEW:
        return recipe, ""
    batch_size = min(recipe.batch_size, max(SMALLEST_BATCH, count // STEPS_PER_EPOCH), count)
    wanted: dict[str, float] = {"batch_size": batch_size, "selection.keep": 1.0}
    steps = steps_per_epoch(count, recipe.batch_size if "batch_size" in fixed else batch_size)
    wanted["epochs"] = max(recipe.epochs, math.ceil(FEWEST_STEPS / steps))
    epochs = recipe.epochs if "epochs" in fixed else wanted["epochs"]
    wanted["log_every"] = max(1, min(recipe.log_every, round(epochs * steps) // FEWEST_LINES))
    now = {
        "batch_size": recipe.batch_size,
        "epochs": recipe.epochs,
        "selection.keep": recipe.selection.keep,
        "log_every": recipe.log_every,
    }
    changes = {
        key: wanted[key] for key, value in now.items() if wanted[key] != value and not _covers(fixed, key)
    }
    if not changes:
        return recipe, ""
    words = ", ".join(f"{key} {now[key]:g} -> {value:g}" for key, value in changes.items())
    fitted = override(recipe, [f"{key}={value:.10g}" for key, value in changes.items()])
    return fitted, f"fitted to {count} training images: {words} (--set KEY=VALUE chooses otherwise)"


def _covers(fixed: Collection[str], key: str) -> bool:
    """Whether ``key`` was chosen, by itself or with its whole table: "selection" covers "selection.keep"."""
    return key in fixed or key.partition(".")[0] in fixed
