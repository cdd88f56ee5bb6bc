"""Declarations: what must hold for every experiment before its first run."""

import pytest

from decanet.core.errors import UsageError
from decanet.core.texts import LANGUAGES, Texts
from decanet.evaluation.specification import cost_at
from decanet.experiments.declaration import Experiment, list_experiments, load_experiment
from decanet.experiments.plan import CIFAR_IMAGES, predicted_minutes
from decanet.experiments.rates import images_per_second

ALL = list_experiments()
FULL = {21, 1, 2, 3, 8, 10, 12, 16, 17, 18, 20}
each = pytest.mark.parametrize("experiment", ALL, ids=lambda experiment: experiment.name)


def test_all_claims_are_declared_and_those_in_full_length_fit_their_budgets() -> None:
    assert [experiment.number for experiment in ALL] == list(range(1, 24))
    assert {experiment.number for experiment in ALL if experiment.full} == FULL
    minutes = {e.number: predicted_minutes(e) for e in ALL if e.full and e.arms}
    assert all(minutes[e.number] <= e.minutes for e in ALL if e.number in minutes), minutes
    assert sum(minutes.values()) < 14 * 60


@each
def test_arms_and_comparisons_fit_together(experiment: Experiment) -> None:
    names = [arm.name for arm in experiment.arms]
    assert len(set(names)) == len(names)
    for comparison in experiment.comparisons:
        assert comparison.arm != comparison.against
        assert {comparison.arm, comparison.against} <= set(names)
    assert {arm.tuned_as for arm in experiment.arms} - {""} <= set(names)
    assert bool(experiment.arms) != bool(experiment.reuses)
    assert set(experiment.reuses) <= {other.name for other in ALL}
    if experiment.axis and experiment.arms and experiment.name != "lineage":
        assert all(arm.x is not None for arm in experiment.arms)


@each
def test_recipes_select_no_hard_images_and_smooth_no_labels(experiment: Experiment) -> None:
    for arm in experiment.arms:
        assert arm.recipe.selection.keep == 1
        assert arm.recipe.label_smoothing == 0
        assert arm.recipe.tta == "none"
        assert arm.recipe.validation == 0


@each
def test_every_experiment_has_its_texts_in_every_language(experiment: Experiment) -> None:
    for language in LANGUAGES:
        texts = Texts("decanet.experiments", language)
        for part in ("title", "claim", "equal", "reduction"):
            assert texts(f"claims.{experiment.name}.{part}")
        if experiment.axis:
            assert texts(f"axes.{experiment.axis}")


def _cost(experiment: str, arm: str) -> tuple[int, int]:
    recipe = load_experiment(experiment).arm(arm).recipe
    assert recipe.data.image_size
    channels = recipe.model_copy(update={"data": recipe.data.model_copy(update={"channels": 3})})
    cost = cost_at(channels, recipe.data.image_size, 10)
    return cost.params, cost.macs


@pytest.mark.parametrize(
    ("experiment", "arms", "what", "within"),
    [
        ("inception", ("plain", "naive", "inception"), "macs", 0.02),
        ("cardinality", ("1 path of 16", "2 paths of 10", "4 paths of 6"), "macs", 0.04),
        ("cardinality", ("twice as deep", "twice as wide", "twice the paths"), "macs", 0.06),
        ("depth", ("plain 44", "residual 44"), "params", 0.0),
        ("depth", ("plain 44", "residual 44"), "macs", 0.0),
        ("dense", ("residual", "dense"), "params", 0.05),
        ("width", ("8 layers, width 30", "14 layers, width 20", "32 layers, width 12"), "params", 0.05),
        ("kernels", ("one 5x5", "two 3x3"), "params", 0.07),
        ("kernels", ("one 7x7", "three 3x3"), "params", 0.07),
    ],
)
def test_what_is_said_to_be_held_equal_is_equal(
    experiment: str, arms: tuple[str, ...], what: str, within: float
) -> None:
    values = [_cost(experiment, arm)[what == "macs"] for arm in arms]
    assert max(values) / min(values) <= 1 + within, values


@pytest.mark.parametrize("name", ["convolution", "dropout", "data_quality", "alternatives"])
def test_trainings_on_few_and_many_images_have_equally_many_steps(name: str) -> None:
    samples = {arm.recipe.epochs * (arm.images.count or CIFAR_IMAGES) for arm in load_experiment(name).arms}
    assert len(samples) == 1


def test_the_line_has_equal_times_and_equal_multiply_adds() -> None:
    from decanet.experiments.claims import lineage

    for arm in load_experiment("lineage").arms:
        samples = arm.recipe.epochs * CIFAR_IMAGES
        if arm.group == "equal time":
            assert samples / images_per_second(arm) == pytest.approx(lineage.THREAD_SECONDS, rel=0.01)
            assert samples >= 2 * CIFAR_IMAGES
        elif arm.group == "equal multiply-adds":
            size = arm.recipe.data.image_size
            assert size
            channels = 1 if arm.recipe.model.name == "lenet5_modern" else 3
            data = arm.recipe.data.model_copy(update={"channels": channels})
            macs = cost_at(arm.recipe.model_copy(update={"data": data}), size, 10).macs
            assert samples * macs == pytest.approx(lineage.MULTIPLY_ADDS, rel=0.01)
        else:
            assert arm.recipe.epochs == lineage.EPOCHS


def test_unknown_names_are_errors_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean depth"):
        load_experiment("dept")
    with pytest.raises(UsageError, match="did you mean plain"):
        load_experiment("depth").arm("plain 21")
