"""The trials of an experiment: which there are, which are done, and how long the rest will take."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decanet.core.errors import DataError, UsageError
from decanet.experiments.declaration import Arm, Experiment
from decanet.experiments.rates import images_per_second
from decanet.experiments.trial import FIRST_TUNING_SEED, FORMAT, Trial

REFERENCE_WORKERS = 2  # cores of the machine on which rates were measured, and budgets are stated
CIFAR_IMAGES = 50_000
QUICK_SECONDS = 200.0  # of all trials of a demonstration, as predicted; starting and evaluating come on top
QUICK_SEED = 0
EDGE = 3.0  # factor by which a grid of learning rates grows

Results = Mapping[str, dict[str, Any]]  # by the name of the file


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return every result below the folder of an experiment, by its path there.

    Raises:
        DataError: a file is damaged.
    """
    found = {}
    for file in sorted(folder.rglob("*.json")):
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{file} cannot be read ({error}); remove it, and its trial is run again"
            ) from None
        if not isinstance(result, dict) or result.get("format") != FORMAT:
            raise DataError(f"{file} is not a result of an experiment; move it elsewhere")
        found[file.relative_to(folder).as_posix()] = result
    return found


@dataclass(frozen=True)
class Tuning:
    """The choice of the learning rate of every arm.

    Attributes:
        grid: learning rates that every arm has tried, in order.
        errors: of each arm, in percent, in the order of the grid; by "validation_error" or "train_error".
        chosen: learning rate of each arm with the smallest error.
    """

    grid: tuple[float, ...]
    errors: dict[str, tuple[float, ...]]
    chosen: dict[str, float]


def tuning_trials(experiment: Experiment, results: Results) -> list[Trial]:
    """Return the trials for tuning that are still to do, none when every arm's best is within the grid.

    When the best value of any arm is at the edge, the grid grows there for every arm, at most twice on each side.
    """
    grid = list(experiment.learning_rates)
    if not grid:
        return []
    for _ in range(4):
        missing = [trial for trial in _grid(experiment, grid) if not _done(trial, results)]
        if missing:
            return missing
        best = {min(_errors(experiment, arm, grid, results))[1] for arm in _tuned(experiment)}
        lowest, highest = experiment.learning_rates[0] / 10, experiment.learning_rates[-1] * 10
        if min(grid) in best and min(grid) / EDGE >= lowest:
            grid.insert(0, round(min(grid) / EDGE, 6))
        elif max(grid) in best and max(grid) * EDGE <= highest:
            grid.append(round(max(grid) * EDGE, 6))
        else:
            break
    return []


def tuning(experiment: Experiment, results: Results) -> Tuning:
    """Return the finished tuning. Raises UsageError when trials are missing."""
    if tuning_trials(experiment, results):
        raise UsageError(
            f"the learning rates of {experiment.name} are not tuned yet: decanet experiment run {experiment.name}"
        )
    if not experiment.learning_rates:
        return Tuning((), {}, {arm.name: arm.recipe.optimizer.lr for arm in experiment.arms})
    tried = {
        result["settings"]["optimizer"]["lr"]
        for name, result in results.items()
        if name.startswith("tuning/")
    }
    grid = tuple(
        lr for lr in sorted(tried) if all(_done(trial, results) for trial in _grid(experiment, [lr]))
    )
    errors = {
        arm.name: tuple(error for error, _ in _errors(experiment, arm, grid, results))
        for arm in _tuned(experiment)
    }
    best = {name: grid[values.index(min(values))] for name, values in errors.items()}
    chosen = {arm.name: best[arm.tuned_as or arm.name] for arm in experiment.arms}
    return Tuning(grid, errors, chosen)


def final_trials(experiment: Experiment, chosen: Mapping[str, float]) -> list[Trial]:
    """Return the trials that are compared, all arms of a seed before those of the next."""
    return [
        Trial(experiment, arm, chosen[arm.name], seed, "final")
        for seed in range(experiment.seeds)
        for arm in experiment.arms
        if seed < (arm.seeds or experiment.seeds)
    ]


def quick_trials(experiment: Experiment) -> list[Trial]:
    """Return the trials of a demonstration: one seed, the middle learning rate, all arms shortened by one factor."""
    if not experiment.arms:
        return []
    grid = experiment.learning_rates
    whole = [
        Trial(experiment, arm, grid[len(grid) // 2] if grid else arm.recipe.optimizer.lr, QUICK_SEED, "quick")
        for arm in experiment.arms
    ]
    factor = min(1.0, QUICK_SECONDS * REFERENCE_WORKERS / sum(map(predicted_seconds, whole)))
    return [replace(trial, epochs=round(trial.arm.recipe.epochs * factor, 2)) for trial in whole]


def to_do(trials: Iterable[Trial], results: Results) -> list[Trial]:
    """Return the trials without a result."""
    return [trial for trial in trials if not _done(trial, results)]


def _done(trial: Trial, results: Results) -> bool:
    return trial.file in results and trial.is_result(results[trial.file])


def _tuned(experiment: Experiment) -> list[Arm]:
    return [arm for arm in experiment.arms if not arm.tuned_as]


def _grid(experiment: Experiment, grid: Sequence[float]) -> list[Trial]:
    return [
        Trial(experiment, arm, lr, FIRST_TUNING_SEED, "tuning") for lr in grid for arm in _tuned(experiment)
    ]


def _errors(
    experiment: Experiment, arm: Arm, grid: Sequence[float], results: Results
) -> list[tuple[float, float]]:
    """(Error, learning rate) of an arm for every learning rate of the grid."""
    trials = [Trial(experiment, arm, lr, FIRST_TUNING_SEED, "tuning") for lr in grid]
    return [(results[trial.file]["measured"][experiment.chosen_by], trial.lr) for trial in trials]


def predicted_seconds(trial: Trial) -> float:
    """Return the time of a trial on one thread of the reference machine."""
    images = trial.arm.images.count or CIFAR_IMAGES
    return trial.recipe.epochs * images / images_per_second(trial.arm)


def predicted_minutes(experiment: Experiment, workers: int = REFERENCE_WORKERS) -> float:
    """Return the time of a whole experiment on the reference machine: every arm, learning rate and seed."""
    anything = dict.fromkeys((arm.name for arm in experiment.arms), 0.1)
    trials = [*_grid(experiment, experiment.learning_rates), *final_trials(experiment, anything)]
    return sum(map(predicted_seconds, trials)) / workers / 60
