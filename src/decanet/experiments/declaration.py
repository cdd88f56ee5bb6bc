"""What an experiment is: a claim, arms that differ in one factor, and the differences that would support it.

Everything here is decided before the first run. A declaration has no code beyond recipes and options of networks; its
words, in every language, are in ``texts/`` under the experiment's name.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from decanet.core.errors import UsageError, did_you_mean
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override

CLAIMS = "decanet.experiments.claims"
Expected = Literal["lower", "higher", "equal"]
# Quantities that a finished training has; in percent unless the name says otherwise. See decanet.experiments.trial.
Quantity = Literal["test_error", "train_error", "gap", "epochs_to_target", "human_loss", "human_correlation"]


@dataclass(frozen=True)
class Images:
    """The training images of an arm.

    Attributes:
        count: number of images, the first of a fixed order in which every ten have one of each class; None for all.
        wrong_labels: fraction of them whose label is another class than its own, drawn at random.
        change: of every training and test image: "patches 8", squares of 8 pixels in random places; "low-pass" or
            "high-pass"; empty for none.
    """

    count: int | None = None
    wrong_labels: float = 0.0
    change: str = ""


@dataclass(frozen=True)
class Arm:
    """One level of the factor.

    Attributes:
        name: short, for files, figures and tables.
        recipe: of its trainings; learning rate and seed are set by the runner.
        images: that it is trained on.
        x: its place on the axis of the figure, where the factor is a number.
        group: name of the curve that it belongs to, where the figure has several.
        tuned_as: another arm, whose learning rate it takes over; empty for one of its own.
        seeds: number of seeds; None for that of the experiment.
    """

    name: str
    recipe: Recipe
    images: Images = Images()
    x: float | None = None
    group: str = ""
    tuned_as: str = ""
    seeds: int | None = None


@dataclass(frozen=True)
class Comparison:
    """A difference that the claim predicts: a quantity of ``arm`` minus that of ``against``, seed by seed.

    Attributes:
        expected: sign of the difference, or "equal": within the margin.
        margin: in the unit of the quantity (percentage points); a smaller difference does not matter.
        stated: the paper's own number for it, as it states it; empty if it states none.
    """

    arm: str
    against: str
    quantity: Quantity
    expected: Expected
    margin: float = 0.5
    stated: str = ""


@dataclass(frozen=True)
class Experiment:
    """One controlled experiment.

    Attributes:
        name: of its file.
        number: position in the list of claims.
        source: paper, section, figure or table of the claim.
        arms: compared arms; the first is the baseline of figures.
        comparisons: what the claim predicts.
        axis: what the figure's axis of numbers shows, a key of the texts; empty for a figure of categories.
        quantities: drawn, from left to right.
        learning_rates: the grid, the same for every arm; empty where the recipes of the arms state their own.
        chosen_by: what the learning rate is chosen by, in the trainings for tuning.
        tuning: fraction of the training's length that a training for tuning has.
        seeds: number of seeds of each arm.
        minutes: budget of the whole experiment on the reference machine.
        full: whether it is run in full length; else only as a demonstration of some minutes.
        target_error: of "epochs_to_target", percent of the training images.
        reuses: other experiments whose runs it draws; it then has no arms of its own.
    """

    number: int
    source: str
    arms: tuple[Arm, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    axis: str = ""
    quantities: tuple[Quantity, ...] = ("test_error",)
    learning_rates: tuple[float, ...] = (0.03, 0.1, 0.3)
    chosen_by: Literal["validation_error", "train_error"] = "validation_error"
    tuning: float = 0.5
    seeds: int = 5
    minutes: float = 75.0
    full: bool = True
    target_error: float = 25.0
    reuses: tuple[str, ...] = ()
    name: str = field(default="", kw_only=True)

    def arm(self, name: str) -> Arm:
        """Return an arm by its name. Raises UsageError with the nearest names."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        names = [arm.name for arm in self.arms]
        hint = did_you_mean(name, names) or f" (known: {', '.join(names)})"
        raise UsageError(f"experiment {self.name} has no arm {name!r}{hint}")


def vary(recipe: Recipe, *settings: str) -> Recipe:
    """Return ``recipe`` with ``key=value`` settings, which declares an arm in one line."""
    return override(recipe, settings)


def list_experiments() -> list[Experiment]:
    """Return every declared experiment, in the order of their numbers."""
    return sorted((load_experiment(name) for name in _names()), key=lambda experiment: experiment.number)


def load_experiment(name: str) -> Experiment:
    """Return the experiment ``name``. Raises UsageError with the nearest names."""
    known = _names()
    if name not in known:
        hint = did_you_mean(name, known) or f" (known: {', '.join(known)})"
        raise UsageError(f"unknown experiment {name!r}{hint}")
    return replace(importlib.import_module(f"{CLAIMS}.{name}").EXPERIMENT, name=name)


def _names() -> list[str]:
    package: Iterable[str] = importlib.import_module(CLAIMS).__path__
    return [module.name for module in pkgutil.iter_modules(package) if not module.name.startswith("_")]
