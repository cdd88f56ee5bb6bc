"""Outcomes: from results to verdicts, and results that must not be compared."""

from pathlib import Path
from typing import Any

import pytest

from decanet.core.errors import UsageError
from decanet.experiments.declaration import Comparison, Experiment
from decanet.experiments.outcome import Outcome, read_outcome
from decanet.experiments.plan import final_trials, quick_trials, read_results, tuning_trials
from tests.experiments.conftest import Keep, experiment

CHOSEN = {"narrow": 0.03, "wide": 0.03}
ERRORS = {"narrow": (20.0, 21.0, 20.5, 19.5, 20.2), "wide": (15.0, 15.5, 14.9, 15.2, 15.1)}


def run(keep: Keep, folder: Path, declared: Experiment, seeds: int = 5, **changes: Any) -> None:
    while trials := tuning_trials(declared, read_results(folder)):
        for trial in trials:
            keep(trial, {0.03: 10.0}.get(trial.lr, 20.0))
    for trial in final_trials(declared, CHOSEN):
        if trial.seed < seeds:
            keep(trial, ERRORS[trial.arm.name][trial.seed], **changes)


def outcome(folder: Path, declared: Experiment) -> Outcome:
    found = read_outcome(declared, folder)
    assert found is not None
    return found


def test_a_claim_is_supported_with_its_numbers(tmp_path: Path, keep: Keep) -> None:
    run(keep, tmp_path, experiment())
    found = outcome(tmp_path, experiment())
    (compared,) = found.compared
    assert compared.verdict == "supported"
    assert compared.difference is not None
    assert compared.difference.mean == pytest.approx(-5.1)
    assert compared.holm == pytest.approx(compared.difference.p)
    assert compared.images is not None
    assert compared.images > 0
    assert (found.seeds, found.quick) == (5, False)
    assert found.arm("wide").middle("test_error") == pytest.approx(15.14)
    assert found.arm("wide").deviation("test_error") == pytest.approx(0.23, abs=0.01)
    assert found.tuning is not None
    assert found.tuning.chosen == CHOSEN


def test_a_claim_in_the_other_direction_is_contradicted(tmp_path: Path, keep: Keep) -> None:
    declared = experiment(comparisons=(Comparison("wide", "narrow", "test_error", "higher"),))
    run(keep, tmp_path, declared)
    assert outcome(tmp_path, declared).compared[0].verdict == "contradicted"


def test_three_seeds_are_described_only_and_unfinished_ones_do_not_count(tmp_path: Path, keep: Keep) -> None:
    run(keep, tmp_path, experiment(), seeds=3)
    fourth = [trial for trial in final_trials(experiment(), CHOSEN) if trial.seed == 3]
    keep(fourth[0], 1.0)
    found = outcome(tmp_path, experiment())
    assert found.seeds == 3
    assert found.compared[0].verdict == "described"
    assert found.compared[0].difference is not None


def test_times_to_a_target_have_medians_and_no_interval(tmp_path: Path, keep: Keep) -> None:
    declared = experiment(
        comparisons=(Comparison("wide", "narrow", "epochs_to_target", "lower"),),
        quantities=("epochs_to_target",),
    )
    run(keep, tmp_path, declared)
    (compared,) = outcome(tmp_path, declared).compared
    assert compared.difference is None
    assert compared.holm is None
    assert compared.ratio == pytest.approx(20.2 / 15.1)
    assert compared.verdict == "supported"


def test_a_wide_interval_is_called_underpowered(tmp_path: Path, keep: Keep) -> None:
    run(keep, tmp_path, experiment())
    for trial in final_trials(experiment(), CHOSEN):
        if trial.arm.name == "wide":
            keep(trial, (10.0, 30.0, 12.0, 28.0, 20.0)[trial.seed])
    (compared,) = outcome(tmp_path, experiment()).compared
    assert compared.verdict == "not_resolved"
    assert compared.underpowered
    assert compared.difference is not None
    assert compared.difference.resolvable > 5


def test_a_demonstration_is_read_where_nothing_else_is(tmp_path: Path, keep: Keep) -> None:
    assert read_outcome(experiment(), tmp_path) is None
    for trial in quick_trials(experiment()):
        keep(trial, 12.0)
    found = outcome(tmp_path, experiment())
    assert found.quick
    assert found.seeds == 1
    assert found.compared[0].difference is None
    assert found.compared[0].verdict == "described"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generation": 0}, "another declaration or generation"),
        ({"environment": {"processor": "Zen 3", "capability": "AVX2"}}, "several kinds of processor"),
        ({"data_sha256": "1"}, "different images"),
    ],
)
def test_results_of_several_kinds_are_never_compared(
    tmp_path: Path, keep: Keep, changes: dict[str, Any], message: str
) -> None:
    run(keep, tmp_path, experiment())
    trial = final_trials(experiment(), CHOSEN)[1]
    keep(trial, 15.0, **changes)
    with pytest.raises(UsageError, match=message):
        read_outcome(experiment(), tmp_path)


def test_results_in_two_precisions_are_never_compared(tmp_path: Path, keep: Keep) -> None:
    run(keep, tmp_path, experiment())
    trial = final_trials(experiment(), CHOSEN)[1]
    settings = trial.recipe.model_dump(mode="json") | {"precision": "float32"}
    keep(trial, 15.0, settings=settings)
    with pytest.raises(UsageError, match="bfloat16 and float32 are mixed"):
        read_outcome(experiment(), tmp_path)


def test_seeds_of_different_processors_may_be_compared(tmp_path: Path, keep: Keep) -> None:
    run(keep, tmp_path, experiment())
    for trial in final_trials(experiment(), CHOSEN):
        if trial.seed == 4:
            keep(trial, ERRORS[trial.arm.name][4], environment={"processor": "Other", "capability": "AVX2"})
    assert outcome(tmp_path, experiment()).seeds == 5
