"""Krizhevsky's CIFAR networks against their published layer files."""

import pytest
import torch

from decanet.models import create_model, model_entry
from decanet.models.cuda_convnet import LocallyConnected2d, WithinMapNorm
from tests.models._checks import (
    check_counts,
    check_learning_rates,
    check_learns,
    check_smallest,
    check_stages,
    check_wrong_channels,
)

CONVOLUTIONS = 5 * 5 * 3 * 64 + 64 + 5 * 5 * 64 * 64 + 64
LOCAL = 36 * (9 * 64 * 32 + 32) + 36 * (9 * 32 * 32 + 32)  # 6x6 places, each with its own weights and biases


@pytest.mark.parametrize("name", ["cuda_convnet_13", "cuda_convnet_11"])
def test_counts_of_the_local_networks(name: str) -> None:
    params = CONVOLUTIONS + LOCAL + 36 * 32 * 10 + 10
    macs = 24**2 * 75 * 64 + 12**2 * 1600 * 64 + 36 * (9 * 64 * 32 + 9 * 32 * 32) + 36 * 32 * 10
    check_counts(name, params=params, macs=macs)


def test_counts_of_the_18_percent_network() -> None:
    params = (75 * 32 + 32) + (800 * 32 + 32) + (800 * 64 + 64) + (1024 * 10 + 10)
    check_counts(
        "cuda_convnet_18", params=params, macs=32**2 * 75 * 32 + 16**2 * 800 * 32 + 8**2 * 800 * 64 + 10240
    )


def test_stages() -> None:
    check_stages("cuda_convnet_18", {"pool1": (32, 16, 16), "pool2": (32, 8, 8), "pool3": (64, 4, 4)})
    check_stages("cuda_convnet_11", {"pool1": (64, 12, 12), "pool2": (64, 6, 6), "local4": (32, 6, 6)})


def test_a_local_layer_with_equal_kernels_is_a_convolution() -> None:
    torch.manual_seed(0)
    layer = LocallyConnected2d(3, 4, side=6)
    kernel = torch.randn(4, 3, 3, 3)
    layer.weight.data = kernel.flatten(1).T.expand(36, -1, -1).clone()
    x = torch.randn(2, 3, 6, 6)
    expected = torch.nn.functional.conv2d(x, kernel, padding=1)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_a_local_layer_does_not_share_weights() -> None:
    torch.manual_seed(0)
    layer = LocallyConnected2d(3, 4, side=6)
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(1, 3, 6, 6)
    before = layer(x)
    with torch.no_grad():
        layer.weight[2 * 6 + 3] += 1.0  # the kernels of row 2, column 3
    changed = (layer(x) != before).any(dim=1)[0]
    assert changed.nonzero().tolist() == [[2, 3]]


def test_within_map_norm_is_the_formula() -> None:
    torch.manual_seed(0)
    x = 100 * torch.randn(1, 2, 5, 5)
    expected = torch.empty_like(x)
    for c, i, j in ((c, i, j) for c in range(2) for i in range(5) for j in range(5)):
        window = x[0, c, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
        expected[0, c, i, j] = x[0, c, i, j] / (1 + 5e-5 / 9 * window.square().sum()) ** 0.75
    torch.testing.assert_close(WithinMapNorm()(x), expected)


def test_initial_deviations_are_those_of_the_files() -> None:
    torch.manual_seed(0)
    local = create_model("cuda_convnet_11")
    stated = {"conv1": 1e-4, "conv2": 0.01, "local3": 0.04, "local4": 0.04, "fc10": 0.01}
    for name, std in stated.items():
        assert getattr(local, name).weight.std().item() == pytest.approx(std, rel=0.1)


def test_every_parameter_learns() -> None:
    check_learns("cuda_convnet_18", 32)
    check_learns("cuda_convnet_11", 24)


def test_wrong_input() -> None:
    check_smallest("cuda_convnet_18", 32, "fc10")
    check_smallest("cuda_convnet_13", 24, "local3")
    check_wrong_channels("cuda_convnet_18")
    check_wrong_channels("cuda_convnet_11")


def test_recipe_of_the_parameter_file() -> None:
    """layer-params-conv-local-11pct.cfg: about 350 epochs, about 150 more, then 10 and 10 at lower rates."""
    rates = {0: 0.001, 499: 0.001, 500: 0.0001, 510: 0.00001}
    check_learning_rates("cuda_convnet_11", rates, epochs=520, momentum=0.9, decay_vectors=False)
    recipe = model_entry("cuda_convnet_11").recipe
    assert any("0.01 in fc10" in departure for departure in recipe.departures)
