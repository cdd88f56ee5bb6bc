"""The outcome of an experiment: the numbers of every arm, every difference with its interval, and the verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from decanet.core.errors import UsageError
from decanet.experiments.declaration import Arm, Comparison, Experiment, Quantity
from decanet.experiments.plan import Results, Tuning, final_trials, quick_trials, read_results, tuning
from decanet.experiments.runner import processor_kind
from decanet.experiments.statistics import (
    FEWEST,
    Difference,
    Verdict,
    censored_median,
    decide,
    decide_by_order,
    holm,
    image_error,
    paired_difference,
)
from decanet.experiments.trial import Trial, over_an_epoch, unpack

SEEDS_FOR_A_VERDICT = 5
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class ArmOutcome:
    """The measurements of one arm.

    Attributes:
        arm: as it is declared.
        lr: its learning rate.
        values: of each quantity, one for each seed; None for a target that was not reached.
        params, macs: of its network; macs are the multiply-adds of one image.
        curve: (epoch, training error in percent), means over the seeds, each over one epoch.
        diverged: number of seeds whose loss diverged.
    """

    arm: Arm
    lr: float
    values: dict[str, Values]
    params: int
    macs: int
    curve: tuple[tuple[float, float], ...]
    diverged: int

    def middle(self, quantity: str) -> float | None:
        """Mean over the seeds; of times to a target the median, None if that was not reached."""
        values = self.values[quantity]
        if quantity == "epochs_to_target":
            return censored_median(values)
        return float(np.mean([value for value in values if value is not None]))

    def deviation(self, quantity: str) -> float | None:
        """Standard deviation over the seeds; None for one seed, and for times to a target."""
        values = [value for value in self.values[quantity] if value is not None]
        if len(values) < 2 or quantity == "epochs_to_target":
            return None
        return float(np.std(values, ddof=1))


@dataclass(frozen=True)
class Compared:
    """A declared comparison and what came of it.

    Attributes:
        comparison: as it is declared.
        difference: over the seeds; None for times to a target, and with fewer than two seeds.
        ratio: of the medians of times to a target.
        holm: Holm's p-value over the comparisons of the experiment; None where there is no difference.
        images: standard error of the difference in test error that comes from the choice of test images, in points.
        verdict: on the claim; "described" with fewer than five seeds.
    """

    comparison: Comparison
    difference: Difference | None
    ratio: float | None
    holm: float | None
    images: float | None
    verdict: Verdict

    @property
    def underpowered(self) -> bool:
        """Whether the interval is wider than the margin on either side, and decided nothing."""
        return (
            self.verdict == "not_resolved"
            and self.difference is not None
            and self.difference.half_width > self.comparison.margin
        )


@dataclass(frozen=True)
class Outcome:
    """Everything that an experiment found so far.

    Attributes:
        experiment: as it is declared.
        arms: in the order of the declaration.
        compared: in the order of the declaration.
        seeds: of the arms that are compared; a seed counts when all arms have finished it.
        quick: whether it is the demonstration.
        tuning: the choice of learning rates; None for a demonstration, and where the arms state theirs.
        environment: of the first trial.
        seconds: training time of all trials, of one thread each.
    """

    experiment: Experiment
    arms: tuple[ArmOutcome, ...]
    compared: tuple[Compared, ...]
    seeds: int
    quick: bool
    tuning: Tuning | None
    environment: dict[str, Any]
    precision: str
    seconds: float

    def arm(self, name: str) -> ArmOutcome:
        """Return the measurements of an arm by its name."""
        return next(outcome for outcome in self.arms if outcome.arm.name == name)


def read_outcome(experiment: Experiment, folder: Path) -> Outcome | None:
    """Return the outcome of the results in the folder of an experiment: of whole seeds, else of the demonstration.

    None where neither exists.

    Raises:
        UsageError: results are of another generation of the training code, or of several kinds of processor.
        DataError: a file is damaged.
    """
    results = read_results(folder)
    if any(not name.startswith(("tuning/", "quick/")) for name in results):
        tuned = tuning(experiment, results)
        whole = _whole_seeds(final_trials(experiment, tuned.chosen), results)
        if whole:
            return summarize(experiment, whole, results, tuned if experiment.learning_rates else None)
    quick = [trial for trial in quick_trials(experiment) if trial.file in results] if experiment.arms else []
    if quick and len(quick) == len(experiment.arms):
        return summarize(experiment, quick, results, None)
    return None


def _whole_seeds(trials: Sequence[Trial], results: Results) -> list[Trial]:
    """The trials of every seed that all its arms have finished."""
    seeds = {trial.seed for trial in trials}
    lacking = {trial.seed for trial in trials if trial.file not in results}
    return [trial for trial in trials if trial.seed in seeds - lacking]


def summarize(
    experiment: Experiment, trials: Sequence[Trial], results: Results, tuned: Tuning | None
) -> Outcome:
    """Return the outcome of finished trials.

    Raises:
        UsageError: results are of another generation of the training code, or of several kinds of processor.
    """
    require_comparable(trials, results)
    arms = tuple(_arm(arm, [t for t in trials if t.arm.name == arm.name], results) for arm in experiment.arms)
    seeds = len({trial.seed for trial in trials})
    first = results[trials[0].file]
    return Outcome(
        experiment=experiment,
        arms=arms,
        compared=_compare(experiment, trials, results),
        seeds=seeds,
        quick=trials[0].purpose == "quick",
        tuning=tuned,
        environment=first["environment"],
        precision=first["settings"]["precision"],
        seconds=sum(result.get("train_seconds", 0.0) for result in results.values()),
    )


def require_comparable(trials: Sequence[Trial], results: Results) -> None:
    """Raise UsageError unless the results of ``trials`` may be compared.

    All must be of the declared recipes, of one generation and precision, and those of a seed of one kind of processor.
    """
    name = trials[0].experiment.name
    again = f"decanet experiment run {name}"
    for trial in trials:
        if not trial.is_result(results[trial.file]):
            raise UsageError(
                f"{name}: {trial.file} is of another declaration or generation of the training code than this "
                f"decanet's; {again} runs it again"
            )
    if len({results[trial.file]["settings"]["precision"] for trial in trials}) > 1:
        raise UsageError(f"{name}: results in bfloat16 and float32 are mixed; remove one kind, then {again}")
    for seed in sorted({trial.seed for trial in trials}):
        mine = [results[trial.file] for trial in trials if trial.seed == seed]
        kinds = sorted({processor_kind(result["environment"]) for result in mine})
        if len(kinds) > 1:
            raise UsageError(
                f"{name}: the arms of seed {seed} were trained on several kinds of processor ({'; '.join(kinds)}); "
                f"remove its results, then {again}"
            )
    hashes: dict[str, set[str]] = {}
    for trial in trials:
        hashes.setdefault(str(trial.arm.images), set()).add(results[trial.file]["data_sha256"])
    if any(len(found) > 1 for found in hashes.values()):
        raise UsageError(
            f"{name}: the arms were trained on different images; remove the results, then {again}"
        )


def _arm(arm: Arm, trials: Sequence[Trial], results: Results) -> ArmOutcome:
    found = [results[trial.file] for trial in trials]
    quantities = found[0]["measured"].keys()
    curves = [over_an_epoch(result["curve"]) for result in found if result.get("curve")]
    count = min(map(len, curves), default=0)
    trained = next((result for result in found if "params" in result), {"params": 0, "macs": 0})
    return ArmOutcome(
        arm=arm,
        lr=trials[0].lr,
        values={name: tuple(result["measured"].get(name) for result in found) for name in quantities},
        params=trained["params"],
        macs=trained["macs"],
        curve=tuple(
            (curves[0][k][0], float(np.mean([curve[k][1] for curve in curves]))) for k in range(count)
        ),
        diverged=sum("diverged" in result for result in found),
    )


def _compare(experiment: Experiment, trials: Sequence[Trial], results: Results) -> tuple[Compared, ...]:
    compared = []
    for comparison in experiment.comparisons:
        pairs = _pairs(comparison, trials, results)
        values = [tuple(result["measured"].get(comparison.quantity) for result in pair) for pair in pairs]
        images = None
        if comparison.quantity == "test_error" and all(
            "wrong" in result for pair in pairs for result in pair
        ):
            images = image_error([
                (unpack(first["wrong"]), unpack(second["wrong"])) for first, second in pairs
            ])  # fmt: skip
        if comparison.quantity == "epochs_to_target":
            medians = [censored_median([pair[side] for pair in values]) for side in (0, 1)]
            ratio = medians[1] / medians[0] if medians[0] and medians[1] else None
            enough = len(pairs) >= SEEDS_FOR_A_VERDICT
            verdict: Verdict = decide_by_order(values, comparison.expected) if enough else "described"
            compared.append(Compared(comparison, None, ratio, None, images, verdict))
            continue
        differences = [first - second for first, second in values if first is not None and second is not None]
        difference, verdict = None, "described"
        if len(differences) >= FEWEST:
            difference = paired_difference(differences, len(experiment.comparisons))
        if difference is not None and len(differences) >= SEEDS_FOR_A_VERDICT:
            verdict = decide(difference, comparison.expected, comparison.margin)
        compared.append(Compared(comparison, difference, None, None, images, verdict))
    return _with_holm(compared)


def _pairs(
    comparison: Comparison, trials: Sequence[Trial], results: Results
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The results of the two arms of a comparison, seed by seed."""
    by_seed = {(trial.arm.name, trial.seed): results[trial.file] for trial in trials}
    seeds = sorted({trial.seed for trial in trials})
    return [
        (by_seed[comparison.arm, seed], by_seed[comparison.against, seed])
        for seed in seeds
        if (comparison.arm, seed) in by_seed and (comparison.against, seed) in by_seed
    ]


def _with_holm(compared: Sequence[Compared]) -> tuple[Compared, ...]:
    tested = [k for k, each in enumerate(compared) if each.difference is not None]
    corrected = holm([compared[k].difference.p for k in tested])  # type: ignore[union-attr]
    found = list(compared)
    for k, p in zip(tested, corrected, strict=True):
        found[k] = replace(found[k], holm=p)
    return tuple(found)


def quantity_unit(quantity: Quantity | str) -> str:
    """Return the key of a quantity's unit: percent, epochs, nats, or none."""
    if quantity == "epochs_to_target":
        return "epochs"
    if quantity.startswith("human_loss"):
        return "nats"
    return "none" if quantity.startswith("human") else "percent"
