"""The network, its cost and the first layer of a resolved recipe."""

import torch

from decanet.core.recipe import Data, Model, Recipe, Sgd
from decanet.data import ImageData, MemorySplit
from decanet.training.resolve import resolve
from decanet.training.setup import build, cost_of, initialize_from_data

CPU = torch.device("cpu")


def data(count: int = 40) -> ImageData:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=random)
    split = MemorySplit(images, torch.arange(count) % 5)
    return ImageData("made", tuple("abcde"), split, split, (0.5,) * 3, (0.2,) * 3, True, "made")


def recipe(**changes: object) -> Recipe:
    values = {
        "model": Model(name="decanet_s"), "data": Data(image_size=16), "batch_size": 8, "epochs": 1,
        "optimizer": Sgd(lr=0.1), "precision": "float32", **changes,
    }  # fmt: skip
    return resolve(Recipe.model_validate(values), data(), CPU)


def test_the_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(7)
    first = build(recipe(), data()).state_dict()
    torch.manual_seed(8)
    again, other = build(recipe(), data()).state_dict(), build(recipe(seed=1), data()).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_the_head_has_an_output_for_each_class() -> None:
    assert build(recipe(), data()).eval()(torch.zeros(1, 3, 16, 16)).shape == (1, 5)


def test_the_cost_is_that_of_the_last_image_size() -> None:
    growing = recipe(data=Data(image_size=32), progressive_sizes=((0.5, 16),))
    assert cost_of(growing, data()) == cost_of(recipe(data=Data(image_size=32)), data())
    assert cost_of(growing, data()).macs > cost_of(recipe(), data()).macs


def test_the_whitening_layer_is_computed_from_training_images() -> None:
    model = build(recipe(), data())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    initialize_from_data(model, recipe(), data())
    changed = [key for key, value in model.state_dict().items() if not torch.equal(value, before[key])]
    assert len(changed) == 1
    plain = torch.nn.Linear(2, 2)
    weight = plain.weight.clone()
    initialize_from_data(plain, recipe(), data())
    assert torch.equal(plain.weight, weight)
