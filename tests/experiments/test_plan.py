"""Plans: what is done, what is to do, and the choice of learning rates."""

from pathlib import Path

import pytest

from decanet.core.errors import DataError, UsageError
from decanet.experiments.plan import (
    final_trials,
    predicted_minutes,
    predicted_seconds,
    quick_trials,
    read_results,
    to_do,
    tuning,
    tuning_trials,
)
from decanet.experiments.trial import Trial
from tests.experiments.conftest import Keep, experiment

ERRORS = {0.003333: 30.0, 0.01: 20.0, 0.03: 10.0, 0.09: 15.0}  # by learning rate


def tune(keep: Keep, folder: Path, declared=experiment(), shift: float = 0.0) -> int:  # type: ignore[no-untyped-def]  # noqa: B008
    """Make up the trials for tuning until none is missing; returns the number of rounds."""
    rounds = 0
    while trials := tuning_trials(declared, read_results(folder)):
        rounds += 1
        for trial in trials:
            keep(trial, ERRORS.get(trial.lr, 40.0) + shift * (trial.arm.name == "narrow") * trial.lr)
    return rounds


def test_a_best_value_at_the_edge_extends_the_grid_for_every_arm(tmp_path: Path, keep: Keep) -> None:
    assert tune(keep, tmp_path) == 2
    found = tuning(experiment(), read_results(tmp_path))
    assert found.grid == (0.01, 0.03, 0.09)
    assert found.chosen == {"narrow": 0.03, "wide": 0.03}
    assert found.errors["wide"] == (20.0, 10.0, 15.0)


def test_one_arm_at_the_edge_is_enough(tmp_path: Path, keep: Keep) -> None:
    tune(keep, tmp_path, shift=2000.0)  # the narrow one is best at the lowest
    found = tuning(experiment(), read_results(tmp_path))
    assert found.chosen["narrow"] < found.chosen["wide"]
    assert len(found.grid) > 3
    assert all(len(errors) == len(found.grid) for errors in found.errors.values())


def test_tuning_must_be_finished(tmp_path: Path, keep: Keep) -> None:
    keep(tuning_trials(experiment(), {})[0])
    with pytest.raises(UsageError, match="not tuned yet"):
        tuning(experiment(), read_results(tmp_path))


def test_seeds_for_tuning_are_others_than_those_compared() -> None:
    tuned = {trial.seed for trial in tuning_trials(experiment(), {})}
    compared = {trial.seed for trial in final_trials(experiment(), {"narrow": 0.1, "wide": 0.1})}
    assert not tuned & compared
    assert compared == {0, 1, 2, 3, 4}


def test_an_arm_may_take_over_a_learning_rate_and_have_fewer_seeds(tmp_path: Path, keep: Keep) -> None:
    from dataclasses import replace

    narrow, wide = experiment().arms
    declared = experiment(arms=(narrow, replace(wide, tuned_as="narrow", seeds=1)))
    assert {trial.arm.name for trial in tuning_trials(declared, {})} == {"narrow"}
    tune(keep, tmp_path, declared)
    chosen = tuning(declared, read_results(tmp_path)).chosen
    assert chosen["wide"] == chosen["narrow"]
    assert [t.arm.name for t in final_trials(declared, chosen)].count("wide") == 1


def test_arms_with_learning_rates_of_their_own_are_not_tuned() -> None:
    declared = experiment(learning_rates=())
    assert tuning_trials(declared, {}) == []
    assert tuning(declared, {}).chosen == {"narrow": 0.1, "wide": 0.1}


def test_a_finished_trial_is_not_to_do(tmp_path: Path, keep: Keep) -> None:
    trials = final_trials(experiment(), {"narrow": 0.1, "wide": 0.1})
    keep(trials[0])
    keep(trials[1], generation=0)  # of other training code
    assert to_do(trials, read_results(tmp_path)) == trials[1:]


def test_seeds_are_finished_one_after_the_other() -> None:
    trials = final_trials(experiment(), {"narrow": 0.1, "wide": 0.1})
    assert [trial.seed for trial in trials] == sorted(trial.seed for trial in trials)


def test_a_demonstration_takes_less_than_five_minutes() -> None:
    from decanet.experiments.declaration import list_experiments

    for declared in list_experiments():
        trials = quick_trials(declared)
        assert sum(map(predicted_seconds, trials)) / 2 <= 210, declared.name
        assert len(trials) == len(declared.arms)


def test_the_prediction_is_the_sum_over_arms_rates_and_seeds() -> None:
    declared = experiment()
    one = {arm.name: predicted_seconds(Trial(declared, arm, 0.1, 0, "final")) for arm in declared.arms}
    runs = declared.seeds + declared.tuning * len(declared.learning_rates)
    assert predicted_minutes(declared, workers=1) == pytest.approx(sum(one.values()) * runs / 60)
    assert predicted_minutes(declared, workers=2) == pytest.approx(sum(one.values()) * runs / 120)


def test_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a\.json cannot be read"):
        read_results(tmp_path)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DataError, match="not a result"):
        read_results(tmp_path)
