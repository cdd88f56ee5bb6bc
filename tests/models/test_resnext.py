"""ResNeXt: counts, torchvision as the oracle, and the equality that Figure 3 claims."""

import pytest
import torch
import torch.nn.functional as F

from decanet.models import create_model, model_entry
from decanet.models.resnext import ResNeXtBlock
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_he_initialized,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
    weighted_layers,
)
from tests.models._oracle import check_same_outputs, random_weights

ALL = [
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "resnext29_8x64d_cifar",
    "resnext29_16x64d_cifar",
]


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        # arXiv:1611.05431: Table 1, 25.0 million and 4.2 billion for 50 layers; Table 3, 15.6 billion for
        # 64x4d; Table 7, 34.4 and 68.1 million at CIFAR size. The whole numbers: torchvision 0.29.1, and the
        # definition counted at CIFAR size.
        ("resnext50_32x4d", 25_028_904, 4_230_479_872),
        ("resnext101_32x8d", 88_791_336, 16_414_015_488),
        ("resnext101_64x4d", 83_455_272, 15_460_270_080),
        ("resnext29_8x64d_cifar", 34_426_698, 5_387_266_048),
        ("resnext29_16x64d_cifar", 68_155_210, 10_688_866_304),
    ],
)
def test_counts(name: str, params: int, macs: int) -> None:
    check_counts(name, params=params, macs=macs)


@pytest.mark.parametrize("name", ALL)
def test_depth_is_in_the_name(name: str) -> None:
    assert weighted_layers(name) == int(name.split("_")[0].removeprefix("resnext"))


def test_stages() -> None:
    stages = {f"conv{i + 2}": (256 << i, 56 >> i, 56 >> i) for i in range(4)}
    check_stages("resnext50_32x4d", {"conv1": (64, 112, 112), "pool": (64, 56, 56), **stages})
    cifar = {"stage1": (256, 32, 32), "stage2": (512, 16, 16), "stage3": (1024, 8, 8)}
    check_stages("resnext29_8x64d_cifar", {"conv1": (64, 32, 32), **cifar})


@pytest.mark.parametrize(
    ("name", "sizes", "num_classes"),
    [
        ("resnext50_32x4d", [33, 64], [1000, 3]),
        ("resnext101_32x8d", [33], [4]),
        ("resnext101_64x4d", [33], [4]),
    ],
)
def test_equals_torchvision(name: str, sizes: list[int], num_classes: list[int]) -> None:
    check_same_outputs(name, sizes=sizes, num_classes=num_classes)


@pytest.mark.parametrize("stride", [1, 2])
def test_grouped_convolution_is_the_sum_of_the_paths(stride: int) -> None:
    """Figure 3: the sum of the paths' own 1x1-3x3-1x1 chains (a) equals the grouped convolution (c)."""
    torch.manual_seed(0)
    cardinality, width = 4, 8
    block = ResNeXtBlock(16, 256, stride, cardinality=cardinality, path_width=width).eval()
    block.load_state_dict(random_weights(block.state_dict()))
    x = torch.randn(2, 16, 9, 9)

    def norm(y: torch.Tensor, bn: torch.nn.BatchNorm2d, part: slice = slice(None)) -> torch.Tensor:
        return F.batch_norm(y, bn.running_mean[part], bn.running_var[part], bn.weight[part], bn.bias[part])

    total = torch.zeros(())
    for path in range(cardinality):
        part = slice(path * width, (path + 1) * width)
        y = norm(F.conv2d(x, block.conv1.weight[part]), block.bn1, part).relu()
        y = norm(F.conv2d(y, block.conv2.weight[part], stride=stride, padding=1), block.bn2, part).relu()
        total = total + F.conv2d(y, block.conv3.weight[:, part])
    expected = (norm(total, block.bn3) + block.shortcut(x)).relu()
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-4)


def test_initialization() -> None:
    torch.manual_seed(0)
    model = create_model("resnext50_32x4d", num_classes=2)
    check_he_initialized(
        model.conv4[0].conv2
    )  # grouped: the outputs of all paths count, as in the authors' code
    check_he_initialized(model.conv5[0].shortcut[0])


@pytest.mark.parametrize("name", ALL)
def test_input(name: str) -> None:
    check_smallest(name, 1)
    check_wrong_channels(name)


def test_gradients_reach_every_parameter() -> None:
    check_gradients("resnext50_32x4d", 64)


def test_recipes() -> None:
    for name in ("resnext50_32x4d", "resnext101_64x4d"):
        rates = {0: 0.1, 30: 0.01, 60: 0.001, 90: 0.0001}
        check_learning_rates(name, rates, batch_size=256, momentum=0.9, weight_decay=1e-4)
        # facebookresearch/ResNeXt: opts.lua:80, train.lua:24, datasets/imagenet.lua.
        check_learning_rates(
            name, {}, epochs=100, nesterov=True, color_jitter=0.4, pca_noise=0.1, pca_scale="eigenvalue"
        )
    assert model_entry("resnext101_32x8d").recipe is None  # not of the paper
    for name in ("resnext29_8x64d_cifar", "resnext29_16x64d_cifar"):
        rates = {0: 0.1, 149: 0.1, 150: 0.01, 225: 0.001}
        check_learning_rates(name, rates, batch_size=128, epochs=300, weight_decay=5e-4)


def test_the_small_network_is_the_papers_with_a_quarter_of_the_channels() -> None:
    model = on_meta("small_resnext", cardinality=8, path_width=6)
    block = model.stage2[0]
    assert (block.conv2.in_channels, block.conv2.groups, block.conv3.out_channels) == (96, 8, 128)
    assert model.fc.in_features == 256
