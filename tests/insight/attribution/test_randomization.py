"""Networks that lose their learned parameters layer by layer."""

from itertools import pairwise
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from decanet.insight.attribution.randomization import randomized_networks, rank_correlation
from tests.insight.attribution.test_gradients import made


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("resnet20_cifar", ["fc", "stage3", "stage2", "stage1", "conv1"]),
        ("alexnet_cifar", ["fc8", "fc7", "fc6", "conv5", "conv4", "conv3", "conv2", "conv1"]),
    ],
)
def test_layers_become_random_from_the_last_to_the_first(name: str, layers: list[str]) -> None:
    model, x, _ = made(name)
    before = {key: value.clone() for key, value in model.state_dict().items() if value.is_floating_point()}
    weights = [key for key, value in before.items() if value.ndim > 1]
    changed, seen = [], []
    for layer, network in randomized_networks(model, x):
        seen.append(layer)
        state = network.state_dict()
        changed.append({key for key in weights if not torch.equal(state[key], before[key])})
    assert seen == layers
    for fewer, more in pairwise(changed):
        assert fewer < more
    assert changed[-1] == set(weights)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


class Tokens(nn.Module):
    """A network with a parameter of its own before its only stage, and layers behind it that are no stage."""

    stages: ClassVar = {"encoder": "encoder"}

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.arange(4.0))
        self.encoder, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x + self.token))


def test_what_is_outside_the_stages_becomes_random_too() -> None:
    model = Tokens()
    found = []
    for layer, network in randomized_networks(model, torch.zeros(1, 4)):
        state = network.state_dict()
        found.append(
            (layer, {key for key, value in model.state_dict().items() if not torch.equal(state[key], value)})
        )
    head = {"head.weight", "head.bias"}
    assert found == [("classifier", head), ("encoder", head | {"encoder.weight", "encoder.bias", "token"})]


def test_the_same_seed_gives_the_same_networks() -> None:
    model, x, _ = made("resnet20_cifar")
    one = [network(x) for _, network in randomized_networks(model, x, seed=1)]
    two = [network(x) for _, network in randomized_networks(model, x, seed=1)]
    other = [network(x) for _, network in randomized_networks(model, x, seed=2)]
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_rank_correlation_is_of_absolute_values() -> None:
    values = torch.arange(12.0).view(3, 4)
    assert rank_correlation(values, -(values**2)) == pytest.approx(1.0)
    assert rank_correlation(values, 20 - values) == pytest.approx(-1.0)
    assert rank_correlation(values, torch.ones(3, 4)) == 0.0
