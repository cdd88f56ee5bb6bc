"""Input specification, cost and precision of a resolved recipe."""

import pytest
import torch
from torch import nn

from decanet.anatomy.cost import cost
from decanet.core.errors import DataError, UsageError
from decanet.core.recipe import Data, Model, Recipe, Sgd
from decanet.evaluation import specification
from decanet.evaluation.specification import cost_at, input_spec, precision_for

CPU = torch.device("cpu")


def recipe(name: str = "resnet20_cifar", precision: str = "auto", channels: int = 3) -> Recipe:
    data = Data(image_size=32, channels=channels, mean=(0.5,) * 3, std=(0.2,) * 3)
    return Recipe(
        model=Model(name=name), data=data, batch_size=2, epochs=1, optimizer=Sgd(lr=0.1), precision=precision
    )


def test_the_input_specification_is_that_of_the_recipe() -> None:
    spec = input_spec(recipe(precision="bfloat16"), CPU)
    assert (spec.image_size, spec.channels, spec.dtype) == (32, 3, torch.bfloat16)
    assert (spec.mean, spec.std) == ((0.5,) * 3, (0.2,) * 3)
    assert input_spec(recipe(precision="float32"), CPU).dtype == torch.float32


def test_the_cost_is_counted_at_the_image_size() -> None:
    counted = cost_at(recipe(), 64, 100)
    assert counted == cost("resnet20_cifar", num_classes=100, input_size=(3, 64, 64))
    assert counted.macs > 3.9 * cost_at(recipe(), 32).macs


def test_the_cost_of_ones_own_network_is_counted_and_its_outputs_are_checked() -> None:
    own = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 10))
    assert cost_at(recipe(), 8, 10, own).macs == 1920
    with pytest.raises(UsageError, match=r"must be \(1, 7\)"):
        cost_at(recipe(), 8, 7, own)
    with pytest.raises(DataError, match="image_size"):
        cost_at(recipe(), 9, 10, own)


def test_small_networks_stay_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        specification, "choose_precision", lambda wanted, _: "bfloat16" if wanted == "auto" else wanted
    )
    assert precision_for(recipe("lenet5", channels=1), CPU) == "float32"
    assert precision_for(recipe(), CPU) == "bfloat16"
    assert precision_for(recipe(precision="float32"), CPU) == "float32"
