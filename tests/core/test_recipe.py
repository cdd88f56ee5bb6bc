"""Recipes report all mistakes at once, refuse unknown keys and are frozen."""

from typing import Any

import pytest
from pydantic import ValidationError

from decanet.core.errors import UsageError
from decanet.core.recipe import Adam, Model, Recipe, Selection
from decanet.core.recipe_files import parse_recipe

SMALL: dict[str, Any] = {
    "model": {"name": "decanet_s"},
    "batch_size": 500,
    "epochs": 2,
    "optimizer": {"name": "adam"},
}


def small(**changes: Any) -> dict[str, Any]:
    return {**SMALL, **changes}


def mistakes(values: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        parse_recipe(values, "mine.toml")
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("recipe mine.toml: ")
    return line.removeprefix("recipe mine.toml: ")


def test_missing_keys_take_their_defaults() -> None:
    recipe = parse_recipe(SMALL, "here")
    assert recipe == Recipe(model=Model(name="decanet_s"), batch_size=500, epochs=2, optimizer=Adam())
    assert recipe.data.name == "cifar10"
    assert recipe.schedule.shape == "constant"
    assert recipe.seed == 0


def test_a_recipe_is_frozen() -> None:
    recipe = parse_recipe(SMALL, "here")
    with pytest.raises(ValidationError, match="frozen"):
        recipe.epochs = 3


def test_all_mistakes_are_reported_at_once() -> None:
    line = mistakes(
        {"model": {"name": "a"}, "batch_size": 0, "epohcs": 3, "optimizer": {"name": "sgd", "lr": -1}}
    )
    for part in ("batch_size: ", "epochs is missing", "unknown key epohcs", "optimizer.lr: "):
        assert part in line
    assert line.count("; ") == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (small(epohcs=3), "unknown key epohcs (did you mean epochs?)"),
        (
            small(augmentation={"flop": "random"}),
            "unknown key augmentation.flop (did you mean augmentation.flip",
        ),
        (small(optimizer={"name": "adam", "wait_decay": 0.1}), "(did you mean optimizer.weight_decay"),
        (small(zzzz=1), "unknown key zzzz (known here: name, model, data, augmentation, batch_size, "),
    ],
)
def test_a_misspelled_key_is_refused_with_the_nearest_keys(values: dict[str, Any], message: str) -> None:
    assert message in mistakes(values)


@pytest.mark.parametrize(
    ("values", "key", "shown"),
    [
        (small(epochs=0), "epochs", "got 0"),
        (small(epochs=float("inf")), "epochs", "got inf"),
        (small(epochs=float("nan")), "epochs", "got nan"),
        (small(batch_size=2.5), "batch_size", "got 2.5"),
        (small(label_smoothing=1.5), "label_smoothing", "got 1.5"),
        (small(validation=1.0), "validation", "got 1.0"),
        (small(seed=-1), "seed", "got -1"),
        (small(precision="float64"), "precision", "got 'float64'"),
        (small(augmentation={"flip": "sometimes"}), "augmentation.flip", "got 'sometimes'"),
        (small(data={"mean": [0.5, 0.5]}), "data.mean.2", "missing"),
        (
            small(optimizer={"name": "lion", "lr": 0.1}),
            "optimizer",
            "'sgd', 'adam', 'adamw', 'rmsprop', 'muon'",
        ),
        (small(optimizer={"name": "sgd"}), "optimizer.lr", "is missing"),
        (small(optimizer={"name": "sgd", "lr": "fast"}), "optimizer.lr", "got 'fast'"),
        (small(schedule={"shape": "steps", "milestones": [0.5, 2]}), "schedule.milestones.1", "got 2"),
        (small(model="alexnet"), "model", "got 'alexnet'"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(values: dict[str, Any], key: str, shown: str) -> None:
    line = mistakes(values)
    assert line.startswith((f"{key}: ", f"{key} "))
    assert shown in line


def test_keys_of_one_optimizer_are_unknown_to_another() -> None:
    assert "unknown key optimizer.momentum" in mistakes(small(optimizer={"name": "adam", "momentum": 0.9}))


def test_an_option_cannot_be_null() -> None:
    line = mistakes(small(model={"name": "decanet_s", "options": {"dropout": None}}))
    assert "an option cannot be null; leave it out" in line


def test_progressive_sizes_must_be_in_order() -> None:
    line = mistakes(small(progressive_sizes=[[0.6, 24], [0.3, 20]]))
    assert "progressive_sizes" in line
    assert "fractions must increase" in line


@pytest.mark.parametrize(
    ("start", "epochs", "full"), [(0.4, 4.4, 2), (0.5, 8, 4), (0.0, 3, 1), (1.0, 2.5, 3), (0.1, 0.5, 1)]
)
def test_the_first_epochs_of_a_selection_are_full(start: float, epochs: float, full: int) -> None:
    """At least one is: before the first epoch no image has a loss."""
    assert Selection(start=start, keep=0.4).full_epochs(epochs) == full
