"""Pre-activation ResNet: counts, timm's unit as the oracle, and the shortcut that stays clean."""

import pytest
import torch
from timm.layers import BatchNormAct2d, create_conv2d
from timm.models.resnetv2 import ResNetV2
from torch import Tensor, nn

from decanet.models import create_model
from decanet.models.meta_device import ShapesOnly
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
from tests.models._oracle import random_weights

ALL = ["preact_resnet110_cifar", "preact_resnet164_cifar", "preact_resnet200"]


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        # arXiv:1603.05027 Table 4: 1.7 million for 164 layers. The whole numbers: 110 layers have
        # ResNet-110's (arXiv:1512.03385 Table 6, 1.7 million); 200 layers, timm 1.0.31 ResNetV2 with units
        # (3, 24, 36, 3).
        ("preact_resnet110_cifar", 1_727_962, 252_887_680),
        ("preact_resnet164_cifar", 1_703_258, 244_500_992),
        ("preact_resnet200", 64_666_152, None),
    ],
)
def test_counts(name: str, params: int, macs: int | None) -> None:
    check_counts(name, params=params, macs=macs)


@pytest.mark.parametrize("name", ALL)
def test_depth_is_in_the_name(name: str) -> None:
    assert weighted_layers(name) == int(name.removesuffix("_cifar").removeprefix("preact_resnet"))


def test_stages() -> None:
    cifar = {"stage1": (64, 32, 32), "stage2": (128, 16, 16), "stage3": (256, 8, 8)}
    check_stages("preact_resnet164_cifar", {"conv1": (16, 32, 32), **cifar})
    stages = {f"conv{i + 2}_x": (256 << i, 56 >> i, 56 >> i) for i in range(4)}
    check_stages("preact_resnet200", {"conv1": (64, 112, 112), "pool": (64, 56, 56), **stages})


def from_timm(state: dict[str, Tensor], stages: str) -> dict[str, Tensor]:
    """timm's names -> ours. Its first unit keeps the activation that ours, as the paper, has after conv1."""
    ours = {}
    for key, value in state.items():
        for i in range(4):
            key = key.replace(f"stages.{i}.", f"{stages.format(i + 1, i + 2)}.")
        key = (
            key.replace("blocks.", "").replace("downsample.conv.", "shortcut.").replace("stem.conv", "conv1")
        )
        key = key.replace("head.fc", "fc").replace("norm.", "act2.0.")
        for i in (1, 2, 3):
            key = key.replace(f"norm{i}.", f"act{i}.0.")
        key = key.replace(f"{stages.format(1, 2)}.0.act1.", "act1.")
        ours[key] = value.flatten(1) if key == "fc.weight" else value
    return ours


def check_against(theirs: nn.Module, name: str, stages: str, size: int) -> None:
    weights = random_weights(theirs.state_dict())
    theirs.load_state_dict(weights, assign=True)
    ours = on_meta(name, num_classes=5)
    ours.load_state_dict(from_timm(weights, stages), assign=True)
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs.eval()(x)
        scale = expected.abs().max().item()
        torch.testing.assert_close(ours.eval()(x), expected, rtol=1e-4, atol=1e-5 * scale)


def test_200_layers_equal_timms_units() -> None:
    """timm pools before the first normalization: the same where its scales are positive, as here."""
    with ShapesOnly(), torch.device("meta"):
        theirs = ResNetV2(
            layers=(3, 24, 36, 3), num_classes=5, conv_layer=create_conv2d, norm_layer=BatchNormAct2d
        )
    for stage in list(theirs.stages)[1:]:  # timm has the stride in the 3x3 convolution
        stage.blocks[0].conv1.stride, stage.blocks[0].conv2.stride = (2, 2), (1, 1)
    check_against(theirs, "preact_resnet200", "conv{1}_x", size=64)


def cifar_stem() -> nn.Module:
    stem = nn.Sequential()
    stem.add_module("conv", nn.Conv2d(3, 16, 3, padding=1, bias=False))
    return stem


@pytest.mark.parametrize("size", [32, 19])
def test_164_layers_equal_timms_units(size: int) -> None:
    theirs = ResNetV2(
        layers=(18, 18, 18), channels=(64, 128, 256), stem_chs=16, num_classes=5,
        conv_layer=create_conv2d, norm_layer=BatchNormAct2d,
    )  # fmt: skip
    theirs.stem = cifar_stem()
    for stage in list(theirs.stages)[1:]:
        stage.blocks[0].conv1.stride, stage.blocks[0].conv2.stride = (2, 2), (1, 1)
    check_against(theirs, "preact_resnet164_cifar", "stage{0}", size=size)


class Padded(nn.Module):
    """Option A instead of timm's projection."""

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, ::2, ::2]
        return torch.cat([x, torch.zeros_like(x)], dim=1)


def test_110_layers_equal_timms_units() -> None:
    theirs = ResNetV2(
        layers=(18, 18, 18), channels=(16, 32, 64), stem_chs=16, num_classes=5, basic=True, bottle_ratio=1.0,
        conv_layer=create_conv2d, norm_layer=BatchNormAct2d,
    )  # fmt: skip
    theirs.stem = cifar_stem()
    for stage in list(theirs.stages)[1:]:
        stage.blocks[0].downsample = Padded()
    # Nothing grows in the first unit, so timm carries x past its activation; the paper activates before that.
    theirs.stages[0].blocks[0].downsample = nn.Identity()
    check_against(theirs, "preact_resnet110_cifar", "stage{0}", size=32)


@pytest.mark.parametrize("name", ["preact_resnet110_cifar", "preact_resnet164_cifar"])
def test_the_shortcut_is_the_identity_from_end_to_end(name: str) -> None:
    """Equation 4: with branches that give nothing, negative values too pass any number of units unchanged."""
    stage = create_model(name).eval().stage2
    for unit in stage[1:]:
        nn.init.zeros_(list(unit.children())[-2].weight)  # the last convolution of the branch
        assert isinstance(unit.shortcut, nn.Identity)
    x = torch.randn(2, 128 if "164" in name else 32, 5, 5)
    assert torch.equal(stage[1:](x), x)


def test_initialization() -> None:
    torch.manual_seed(0)
    model = create_model("preact_resnet164_cifar")
    check_he_initialized(model.stage3[0].shortcut)
    check_he_initialized(model.stage3[4].conv2)


@pytest.mark.parametrize("name", ALL)
def test_input(name: str) -> None:
    check_smallest(name, 1)
    check_wrong_channels(name)


@pytest.mark.parametrize("name", ["preact_resnet110_cifar", "preact_resnet164_cifar"])
def test_gradients_reach_every_parameter(name: str) -> None:
    check_gradients(name, 8)


@pytest.mark.parametrize("name", ALL[:2])
def test_recipe_of_the_appendix(name: str) -> None:
    """As ResNet's, with 400 steps from 0.01 for every network."""
    epoch = 50_000 / 128
    rates = {0: 0.01, 400 / epoch: 0.1, 31_999 / epoch: 0.1, 32_000 / epoch: 0.01, 48_000 / epoch: 0.001}
    check_learning_rates(name, rates, batch_size=128, momentum=0.9, weight_decay=1e-4)


def test_recipe_of_section_5() -> None:
    check_learning_rates("preact_resnet200", {0: 0.1, 29: 0.1, 30: 0.01, 60: 0.001}, batch_size=256)
    # fb.resnet.torch: train.lua, datasets/imagenet.lua.
    check_learning_rates(
        "preact_resnet200", {}, nesterov=True, color_jitter=0.4, pca_noise=0.1, pca_scale="eigenvalue"
    )


def test_the_small_network_has_as_many_parameters_as_the_residual_one_of_its_depth() -> None:
    counts = [
        sum(p.numel() for p in on_meta(name, **options).parameters())
        for name, options in (("small_preact_resnet", {"units": 3}), ("small_resnet", {"depth": 20}))
    ]
    assert counts[0] == counts[1]
