"""The work of a recipe against numbers worked out by hand, and against the committed counts."""

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


def test_counts_of_the_built_in_recipes_are_the_committed_ones() -> None:
    committed = json.loads(COMMITTED.read_text())
    assert list(committed) == built_in(), REGENERATE
    for name, counted in count_recipes(built_in()).items():
        assert counted["macs_per_epoch"] == pytest.approx(committed[name]["macs_per_epoch"], rel=1e-3), (
            f"the work of {name} changed; if that is meant: {REGENERATE}"
        )
        # Versions of torch differ a little in how they split an operation.
        assert counted["bytes_moved_per_epoch"] <= 1.05 * committed[name]["bytes_moved_per_epoch"], name


def test_a_step_counts_the_forward_and_the_backward_pass() -> None:
    """The backward pass needs a gradient of each layer's weights and of its input, except the first layer's input."""
    price = cost("lenet5_modern", num_classes=10, input_size=(1, 32, 32))
    first = 28 * 28 * 6 * 25
    assert count_step(recipe(), 32) == Count(
        macs=10 * (3 * price.macs - first),
        forward_macs=10 * price.macs,
        bytes_moved=count_step(recipe(), 32).bytes_moved,
    )


def test_matrix_products_of_an_optimizer_are_counted() -> None:
    muon = Muon(lr=0.2, head_lr=0.1, bias_lr=0.1)
    plain, costly = (count_step(recipe(optimizer=o), 32) for o in (Sgd(lr=0.1), muon))
    assert costly.macs > plain.macs
    assert costly.forward_macs == plain.forward_macs
    assert costly.bytes_moved > plain.bytes_moved


def test_bfloat16_moves_fewer_bytes_for_equal_multiply_adds() -> None:
    wide, narrow = (count_step(recipe(precision=p), 32) for p in ("float32", "auto"))
    assert narrow.macs == wide.macs
    assert narrow.bytes_moved < 0.9 * wide.bytes_moved


def test_an_epoch_is_the_sum_of_its_steps_at_their_image_sizes() -> None:
    assert count_epoch(recipe(), count=205).macs == round(20.5 * count_step(recipe(), 32).macs)
    progressive = count_epoch(recipe("decanet_s", progressive_sizes=((0.5, 16),)), count=200)
    whole, small = (count_step(recipe("decanet_s"), image_size) for image_size in (32, 16))
    assert progressive.macs == 10 * (whole.macs + small.macs)


def test_errors_name_the_reason() -> None:
    with pytest.raises(UsageError, match="convnext_t drops layers at random"):
        count_step(recipe("convnext_t", batch_size=1), 32)
    with pytest.raises(DataError):
        count_step(recipe("alexnet"), 20)
