"""Adapting recipes to few images: enough steps, batches that fit, and the user's own settings kept."""

import pytest

from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override
from decanet.data.loaders import steps_per_epoch
from decanet.training.few_images import FEWEST_STEPS, fit_to_few_images
from decanet.training.recipes import list_recipes, load_recipe

QUICK = load_recipe("quick")


def steps(recipe: Recipe, count: int) -> int:
    return round(recipe.epochs * steps_per_epoch(count, recipe.batch_size))


@pytest.mark.parametrize("count", [2, 3, 18, 32, 100, 1650, 9999])
def test_few_images_get_batches_that_fit_and_enough_steps(count: int) -> None:
    fitted, line = fit_to_few_images(QUICK, count)
    assert 2 <= fitted.batch_size <= count
    assert fitted.batch_size <= QUICK.batch_size
    assert steps(fitted, count) >= FEWEST_STEPS
    assert steps(fitted, count) // fitted.log_every >= 8, "the curves have some points"
    assert line.startswith(f"fitted to {count} training images: ")
    assert "\n" not in line
    assert fitted.optimizer == QUICK.optimizer


@pytest.mark.parametrize("name", sorted(list_recipes()))
def test_no_recipe_changes_for_many_images(name: str) -> None:
    recipe = load_recipe(name)
    assert fit_to_few_images(recipe, 50_000) == (recipe, "")


def test_a_recipe_never_becomes_shorter() -> None:
    long = override(QUICK, ["epochs=300"])
    assert fit_to_few_images(long, 40)[0].epochs == 300


@pytest.mark.parametrize("chosen", ["batch_size=500", "epochs=1", "selection.keep=0.5", "log_every=1"])
def test_chosen_settings_are_kept(chosen: str) -> None:
    key, _, value = chosen.partition("=")
    recipe = override(QUICK, [chosen])
    fitted, line = fit_to_few_images(recipe, 40, {key})
    now = fitted.selection.keep if key == "selection.keep" else getattr(fitted, key)
    assert now == float(value)
    assert key not in line
    assert fitted != recipe


def test_a_chosen_table_is_kept() -> None:
    assert fit_to_few_images(QUICK, 40, {"selection"})[0].selection == QUICK.selection


def test_nothing_is_reported_where_everything_was_chosen() -> None:
    assert fit_to_few_images(QUICK, 40, set(Recipe.model_fields)) == (QUICK, "")
