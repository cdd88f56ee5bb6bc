"""VGG against Tables 1 and 2 of arXiv:1409.1556, with torchvision as the oracle."""

import pytest
import torch
from torch import nn

from tests.models._checks import (
    check_counts,
    check_gradients,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)
from tests.models._oracle import check_same_outputs

PLAIN = ["vgg11", "vgg13", "vgg16", "vgg19"]
NORMALIZED = [f"{name}_bn" for name in PLAIN]


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        # Table 2 states 133, 133, 138 and 144 million parameters; the whole numbers: torchvision 0.29.1.
        ("vgg11", 132_863_336, 7_609_090_048),
        ("vgg13", 133_047_848, 11_308_466_176),
        ("vgg16", 138_357_544, 15_470_264_320),
        ("vgg19", 143_667_240, 19_632_062_464),
        ("vgg11_bn", 132_868_840, 7_609_090_048),
        ("vgg13_bn", 133_053_736, 11_308_466_176),
        ("vgg16_bn", 138_365_992, 15_470_264_320),
        ("vgg19_bn", 143_678_248, 19_632_062_464),
        # Ours: the convolutions of vgg16_bn (14,723,136 with their norms) and 512 x 10 + 10.
        ("vgg16_cifar", 14_723_136 + 5_130, None),
    ],
)
def test_counts(name: str, params: int, macs: int | None) -> None:
    check_counts(name, params=params, macs=macs)


@pytest.mark.parametrize("name", PLAIN)
def test_depth_is_in_the_name(name: str) -> None:
    layers = [m for m in on_meta(name).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == int(name.removeprefix("vgg"))
    assert {m.kernel_size for m in layers if isinstance(m, nn.Conv2d)} == {(3, 3)}


@pytest.mark.parametrize("name", ["vgg11", "vgg19_bn"])
def test_stages(name: str) -> None:
    check_stages(
        name,
        {
            "block1": (64, 112, 112), "block2": (128, 56, 56), "block3": (256, 28, 28),
            "block4": (512, 14, 14), "block5": (512, 7, 7),
        },
    )  # fmt: skip


def test_stage_names_point_to_layers() -> None:
    model = on_meta("vgg16")
    assert [stage for stage in model.stages if stage.startswith("conv")] == [
        "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3",
        "conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3",
    ]  # fmt: skip
    kinds = {"conv": nn.Conv2d, "pool": nn.MaxPool2d, "fc": nn.Linear}
    for stage, path in model.stages.items():
        kind = kinds[stage.rstrip("_12345678")]
        assert path == stage or path.endswith(f".{stage}")
        assert isinstance(model.get_submodule(path), kind)


@pytest.mark.parametrize("name", PLAIN + NORMALIZED)
def test_equals_torchvision(name: str) -> None:
    # Each network draws 130 million weights: one size, one class count each; the widest spread of both on the
    # first.
    first = name == "vgg11"
    check_same_outputs(name, sizes=[32, 96] if first else [48], num_classes=[1000, 3] if first else [11])


def test_gradients_reach_every_parameter() -> None:
    check_gradients("vgg16_cifar", 32)


def test_wrong_input() -> None:
    check_smallest("vgg19", 32, "pool5")
    check_smallest("vgg16_cifar", 32, "pool5")
    check_wrong_channels("vgg11")
    with torch.device("meta"):
        assert on_meta("vgg16").eval()(torch.empty(2, 3, 288, 256)).shape == (2, 1000)
