"""Two towers for 32x32 images, and the control with one."""

import torch

from decanet.models import create_model
from tests.models._checks import check_counts, check_gradients, check_stages, check_wrong_channels


def test_counts() -> None:
    conv1, conv2, conv3 = 147 * 48, 24 * 25 * 128, 9 * 128 * 128
    fully = 2048 * 128 + 128 * 10
    params = conv1 + 48 + conv2 + 128 + conv3 + 128 + fully + 128 + 10
    check_counts("two_tower_cifar", params=params, macs=conv1 * 16**2 + conv2 * 8**2 + conv3 * 4**2 + fully)


def test_stages() -> None:
    check_stages("two_tower_cifar", {"features.conv1": (48, 16, 16), "features.conv2": (128, 8, 8)})


def test_gradients_reach_every_parameter() -> None:
    check_gradients("two_tower_cifar", 32)


def test_wrong_input() -> None:
    check_wrong_channels("two_tower_cifar")


def test_a_tower_reads_its_own_filters_alone() -> None:
    torch.manual_seed(0)
    for towers in (2, 1):
        model = create_model("two_tower_cifar", towers=towers)
        maps = torch.randn(1, 48, 8, 8)
        other = maps.clone()
        other[:, 24:] = 0
        unchanged = torch.equal(model.features.conv2(maps)[:, :64], model.features.conv2(other)[:, :64])
        assert unchanged == (towers == 2)
