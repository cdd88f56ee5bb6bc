"""The fully connected and the convolutional network that are compared with equally many parameters."""

import pytest
import torch

from decanet.core.errors import DataError
from tests.models._checks import check_counts, check_gradients, check_stages, check_wrong_channels, on_meta


def test_both_have_equally_many_parameters_within_one_percent() -> None:
    mlp = 3072 * 112 + 112 + 112 * 112 + 112 + 112 * 10 + 10
    convnet = 27 * 32 + 32 + 288 * 64 + 64 + 576 * 128 + 128 + 2048 * 128 + 128 + 128 * 10 + 10
    assert abs(mlp / convnet - 1) < 0.01
    check_counts("mlp_cifar", params=mlp, macs=3072 * 112 + 112 * 112 + 112 * 10)
    macs = 32**2 * 27 * 32 + 16**2 * 288 * 64 + 8**2 * 576 * 128 + 2048 * 128 + 128 * 10
    check_counts("convnet_cifar", params=convnet, macs=macs)
    assert 29 < macs / (3072 * 112 + 112 * 112 + 112 * 10) < 31


def test_stages() -> None:
    check_stages("mlp_cifar", {"fc1": (112,), "fc2": (112,), "fc3": (10,)})
    check_stages(
        "convnet_cifar",
        {"features.conv1": (32, 32, 32), "features.pool1": (32, 16, 16), "features.pool3": (128, 4, 4)},
    )


def test_gradients_reach_every_parameter() -> None:
    check_gradients("mlp_cifar", 32)
    check_gradients("convnet_cifar", 32)


def test_wrong_input() -> None:
    check_wrong_channels("mlp_cifar")
    check_wrong_channels("convnet_cifar")
    with pytest.raises(DataError, match="mlp_cifar cannot take a 28x28 image: at layer fc1"):
        on_meta("mlp_cifar")(torch.empty(1, 3, 28, 28, device="meta"))
