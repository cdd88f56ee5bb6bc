"""The plain network of the experiments, and what each option changes."""

import pytest
import torch
from torch import nn

from decanet.models import create_model
from tests.models._checks import check_counts, check_gradients, check_stages, check_wrong_channels

CONV1, CONV2, FC = 75 * 32, 25 * 32 * 64, 2304 * 256 + 256 * 10
MACS = CONV1 * 24**2 + CONV2 * 12**2 + FC


def test_counts() -> None:
    params = CONV1 + 32 + CONV2 + 64 + FC + 256 + 10
    check_counts("small_plain", params=params, macs=MACS)
    check_counts("small_plain", params=params + 2 * (32 + 64), macs=MACS, normalization="batch")
    check_counts("small_plain", params=params, macs=MACS, normalization="response", activation="tanh")
    two = 9 * 32 * 64 + 9 * 64 * 64
    check_counts(
        "small_plain",
        params=params - CONV2 + two + 64,
        macs=MACS + (two - CONV2) * 12**2,
        kernel=3,
        repeats=2,
    )
    average = CONV1 + 32 + CONV2 + 64 + 64 * 10 + 10
    check_counts("small_plain", params=average, macs=MACS - FC + 640, head="average")


def test_stages() -> None:
    check_stages(
        "small_plain",
        {
            "features.conv1": (32, 24, 24),
            "features.pool1": (32, 12, 12),
            "features.conv2": (64, 12, 12),
            "features.pool2": (64, 6, 6),
        },
    )


def test_gradients_reach_every_parameter() -> None:
    check_gradients("small_plain", 24)


def test_wrong_input() -> None:
    check_wrong_channels("small_plain")


@pytest.mark.parametrize(("kernel", "repeats"), [(5, 1), (3, 2), (7, 1), (3, 3)])
def test_stacked_kernels_see_as_far_as_one_large_one(kernel: int, repeats: int) -> None:
    model = create_model("small_plain", kernel=kernel, repeats=repeats)
    conv2 = model.features.conv2
    x = torch.zeros(1, 32, 15, 15, requires_grad=True)
    for layer in conv2.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
    conv2(x + 1)[0, 0, 7, 7].backward()
    assert x.grad is not None
    rows = x.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == {(5, 1): 5, (3, 2): 5, (7, 1): 7, (3, 3): 7}[kernel, repeats]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_initialization_keeps_the_signal(activation: str) -> None:
    torch.manual_seed(0)
    model = create_model("small_plain", activation=activation).eval()
    x = torch.randn(64, 3, 24, 24)
    for layer in (model.features.conv1, model.features.conv2):
        x = (
            layer(x)
            if layer is model.features.conv1
            else layer[0](model.features.pool1(model.features.act1(x)))
        )
        assert 0.3 < x.std() < 3


@pytest.mark.parametrize("size", [2, 3])
def test_pooling_of_both_sizes_halves_the_feature_maps(size: int) -> None:
    model = create_model("small_plain", pooling=size)
    assert model.forward_features(torch.randn(1, 3, 24, 24)).shape == (1, 64, 6, 6)
