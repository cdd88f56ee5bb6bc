"""The work of a recipe, counted: right by hand where that is possible, and not grown unnoticed."""

import json
from pathlib import Path

import pytest

from decanet.anatomy.cost import cost
from decanet.benchmarking.counts import Count, built_in, count_epoch, count_recipes, count_step
from decanet.core.errors import DataError, UsageError
from decanet.core.recipe import Model, Muon, Recipe, Sgd

COMMITTED = Path(__file__).parents[2] / "benchmarks" / "counts.json"
REGENERATE = "decanet benchmark counts --json > benchmarks/counts.json"


def recipe(name: str = "lenet5_modern", **changes: object) -> Recipe:
    values = {"model": Model(name=name), "batch_size": 10, "epochs": 2, "optimizer": Sgd(lr=0.1), **changes}
    return Recipe.model_validate(values)


def test_no_recipe_asks_for_more_work_than_is_committed() -> None:
    """Growth is noticed here; so is progress, which the file then has to state."""
    committed = json.loads(COMMITTED.read_text())
    assert list(committed) == built_in(), REGENERATE
    for name, counted in count_recipes(built_in()).items():
        assert counted["macs_per_epoch"] == pytest.approx(committed[name]["macs_per_epoch"], rel=1e-3), (
            f"{name} asks for other work than before; if that is meant: {REGENERATE}"
        )
        # Versions of torch differ a little in how they split an operation.
        assert counted["bytes_moved_per_epoch"] <= 1.05 * committed[name]["bytes_moved_per_epoch"], name


def test_the_passes_forward_and_back_are_counted_in_full() -> None:
    """Backward, each layer is done twice, for its weights and for its input; the first needs none for its input."""
    price = cost("lenet5_modern", num_classes=10, input_size=(1, 32, 32))
    first = 28 * 28 * 6 * 25
    assert count_step(recipe(), 32) == Count(
        macs=10 * (3 * price.macs - first),
        forward_macs=10 * price.macs,
        bytes_moved=count_step(recipe(), 32).bytes_moved,
    )


def test_an_optimizer_that_multiplies_matrices_is_counted() -> None:
    muon = Muon(lr=0.2, head_lr=0.1, bias_lr=0.1)
    plain, costly = (count_step(recipe(optimizer=o), 32) for o in (Sgd(lr=0.1), muon))
    assert costly.macs > plain.macs
    assert costly.forward_macs == plain.forward_macs
    assert costly.bytes_moved > plain.bytes_moved


def test_bfloat16_moves_fewer_bytes_and_does_the_same_work() -> None:
    wide, narrow = (count_step(recipe(precision=p), 32) for p in ("float32", "auto"))
    assert narrow.macs == wide.macs
    assert narrow.bytes_moved < 0.9 * wide.bytes_moved


def test_a_pass_is_its_steps_and_small_images_make_it_cheaper() -> None:
    assert count_epoch(recipe(), count=205).macs == round(20.5 * count_step(recipe(), 32).macs)
    progressive = count_epoch(recipe("decanet_s", progressive_sizes=((0.5, 16),)), count=200)
    whole, small = (count_step(recipe("decanet_s"), image_size) for image_size in (32, 16))
    assert progressive.macs == 10 * (whole.macs + small.macs)


def test_what_cannot_be_counted_is_told() -> None:
    with pytest.raises(UsageError, match="convnext_t drops layers by chance"):
        count_step(recipe("convnext_t", batch_size=1), 32)
    with pytest.raises(DataError):
        count_step(recipe("alexnet"), 20)
