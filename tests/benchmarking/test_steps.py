"""Training steps to be timed: decanet's own loop, a plain loop."""

import torch
from torch import nn

from decanet.benchmarking.steps import SameBatch, loop_steps, plain_step
from decanet.core.recipe import Data, Model, Recipe, Sgd
from decanet.models.factory import create_model


def test_steps_are_those_of_the_training_loop() -> None:
    model = create_model("lenet5_modern")
    before = [p.detach().clone() for p in model.parameters()]
    recipe = Recipe(
        model=Model(name="lenet5_modern"), data=Data(image_size=32), batch_size=4, epochs=1,
        optimizer=Sgd(lr=0.1), precision="float32",
    )  # fmt: skip
    order: list[str] = []
    batches = SameBatch(torch.randn(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]), 6)
    worked, prepared = loop_steps(recipe, model, batches, 5, between=lambda: order.append("between"))
    assert len(worked) == len(prepared) == len(order) == 5
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_plain_step_updates_the_weights() -> None:
    model = nn.Linear(2, 2)
    before = model.weight.detach().clone()
    step = plain_step(model, torch.optim.SGD(model.parameters(), lr=0.1), torch.ones(1, 2), torch.tensor([0]))
    step()
    assert not torch.equal(before, model.weight)


def test_the_same_batch_is_repeated_as_often_as_asked_for() -> None:
    batches = SameBatch(torch.zeros(3, 1), torch.zeros(3), 4)
    assert batches.count == 12
    assert len(list(batches.epoch(0, first_step=1))) == 3
