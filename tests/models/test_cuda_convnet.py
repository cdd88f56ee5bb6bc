"""Krizhevsky's CIFAR networks against their layer files."""

import numpy as np
import pytest
import torch
from torch import nn

from decanet.models import create_model, model_entry
from decanet.models.cuda_convnet import LocallyConnected2d, WithinMapNorm
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)

CONVOLUTIONS = 5 * 5 * 3 * 64 + 64 + 5 * 5 * 64 * 64 + 64


@pytest.mark.parametrize(("name", "local3"), [("cuda_convnet_13", 32), ("cuda_convnet_11", 64)])
def test_counts_of_the_local_networks(name: str, local3: int) -> None:
    # 6x6 positions, each with its own weights and biases.
    local = 36 * (9 * 64 * local3 + local3) + 36 * (9 * local3 * 32 + 32)
    macs = 24**2 * 75 * 64 + 12**2 * 1600 * 64 + 36 * (9 * 64 * local3 + 9 * local3 * 32) + 36 * 32 * 10
    check_counts(name, params=CONVOLUTIONS + local + 36 * 32 * 10 + 10, macs=macs)


def test_the_11_percent_network_has_the_parameters_of_its_file() -> None:
    assert sum(p.numel() for p in create_model("cuda_convnet_11").parameters()) == 2_112_970


def cmrnorm(x: np.ndarray, size: int, scale: float, power: float) -> np.ndarray:
    """cuda-convnet's cross-map normalization, map by map: the scale is divided by the size, the offset is 1."""
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - size // 2) : c + size // 2 + 1]
        out[:, c] = x[:, c] / (1 + scale / size * (near**2).sum(1)) ** power
    return out


def max_pool(x: np.ndarray) -> np.ndarray:
    """3x3 with stride 2, rounded up: the last window holds what is left."""
    positions = range(0, x.shape[2], 2)
    return np.stack(
        [np.stack([x[:, :, i : i + 3, j : j + 3].max((2, 3)) for j in positions], -1) for i in positions], -2
    )


def local(x: np.ndarray, layer: LocallyConnected2d) -> np.ndarray:
    """Each position has kernels of its own for its 3x3 window."""
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    framed = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.empty((len(x), *bias.shape))
    for i in range(6):
        for j in range(6):
            window = framed[:, :, i : i + 3, j : j + 3].reshape(len(x), -1)
            out[:, :, i, j] = window @ weight[6 * i + j] + bias[:, i, j]
    return out


def test_the_11_percent_network_computes_the_layers_of_its_file() -> None:
    """layers-conv-local-11pct.cfg, layer by layer in NumPy; weights so large that the normalizations matter."""
    torch.manual_seed(0)
    net = create_model("cuda_convnet_11").double().eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x = torch.randn(2, 3, 24, 24, dtype=torch.float64)

    def conv(maps: np.ndarray, layer: torch.nn.Conv2d) -> np.ndarray:
        out = torch.nn.functional.conv2d(torch.from_numpy(maps), layer.weight, layer.bias, padding=2)
        return out.clamp(min=0).detach().numpy()

    rnorm1 = cmrnorm(max_pool(conv(x.numpy(), net.conv1)), size=9, scale=0.001, power=0.75)  # inputs=pool1
    pool2 = max_pool(cmrnorm(conv(rnorm1, net.conv2), size=9, scale=0.001, power=0.75))  # inputs=rnorm2
    local4 = local(local(pool2, net.local3).clip(0), net.local4).clip(0)
    expected = local4.reshape(2, -1) @ net.fc10.weight.detach().numpy().T + net.fc10.bias.detach().numpy()
    with torch.no_grad():
        torch.testing.assert_close(net(x), torch.from_numpy(expected))


def test_counts_of_the_18_percent_network() -> None:
    params = (75 * 32 + 32) + (800 * 32 + 32) + (800 * 64 + 64) + (1024 * 10 + 10)
    check_counts(
        "cuda_convnet_18", params=params, macs=32**2 * 75 * 32 + 16**2 * 800 * 32 + 8**2 * 800 * 64 + 10240
    )


def test_stages() -> None:
    check_stages("cuda_convnet_18", {"pool1": (32, 16, 16), "pool2": (32, 8, 8), "pool3": (64, 4, 4)})
    check_stages(
        "cuda_convnet_11",
        {"pool1": (64, 12, 12), "pool2": (64, 6, 6), "local3": (64, 6, 6), "local4": (32, 6, 6)},
    )


def test_a_local_layer_with_equal_kernels_is_a_convolution() -> None:
    torch.manual_seed(0)
    layer = LocallyConnected2d(3, 4, image_size=6)
    kernel = torch.randn(4, 3, 3, 3)
    layer.weight.data = kernel.flatten(1).T.expand(36, -1, -1).clone()
    x = torch.randn(2, 3, 6, 6)
    expected = torch.nn.functional.conv2d(x, kernel, padding=1)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_a_local_layer_does_not_share_weights() -> None:
    torch.manual_seed(0)
    layer = LocallyConnected2d(3, 4, image_size=6)
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(1, 3, 6, 6)
    before = layer(x)
    with torch.no_grad():
        layer.weight[2 * 6 + 3] += 1.0  # the kernels of row 2, column 3
    changed = (layer(x) != before).any(dim=1)[0]
    assert changed.nonzero().tolist() == [[2, 3]]


def test_within_map_norm_computes_the_formula() -> None:
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


def test_gradients_reach_every_parameter() -> None:
    check_gradients("cuda_convnet_18", 32)
    check_gradients("cuda_convnet_11", 24)


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


@pytest.mark.parametrize("normalization", ["none", "response", "batch"])
def test_the_normalizations_stand_in_the_same_places(normalization: str) -> None:
    model = on_meta("cuda_convnet_11", normalization=normalization)
    kinds = {"none": nn.Identity, "response": nn.LocalResponseNorm, "batch": nn.BatchNorm2d}
    assert isinstance(model.rnorm1, kinds[normalization])
    assert isinstance(model.rnorm2, kinds[normalization])
